"""``neurograph bench``: measure this machine and this release."""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("suite")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("bench"), show_default=True,
              help="Where circuits are built; those found there are used again.")  # fmt: skip
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write the figures to this file.")
@click.option("--synapses", type=int, help="build: synapses of the timed circuit.  [default: 1000000000]")
@click.option("--scale", type=float, help="build: scale of the microcircuit.  [default: 1]")
@click.option("--rounds", type=click.IntRange(min=1), help="How often each comparison is made.  [default: 5]")
def bench(suite: str, folder: Path, json_path: Path | None, **rest: Any) -> None:
    r"""Run SUITE and print its figures: build.

    \b
    Example:
      neurograph bench build --folder /fast/disk --json build.json
    """
    import json
    import shlex

    from neurograph.bench.figures import results
    from neurograph.bench.suites import SUITES
    from neurograph.choices import find

    measure = find("suite", suite, SUITES)
    folder.mkdir(parents=True, exist_ok=True)
    figures = []
    for figure in measure(folder, **{name: value for name, value in rest.items() if value is not None}):
        figures.append(figure)
        click.echo(f"{figure.what:<45}{figure.value:>12.4g} {figure.unit:<20}{figure.asked}")
    if json_path is not None:
        command = shlex.join(["neurograph", "bench", suite, *_given(rest)])
        json_path.write_text(json.dumps(results(suite, command, figures), indent=1) + "\n")


def _given(options: dict[str, Any]) -> list[str]:
    return [text for name, value in options.items() if value is not None for text in (f"--{name}", str(value))]
