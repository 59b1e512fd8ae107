"""``neurograph bench``: measure this machine and this release."""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("suite")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench"), show_default=True,
              help="Folder for the figures, and for circuits, which are used again if found there.")  # fmt: skip
@click.option("--up-to", type=int, help="Synapses of the largest circuit.  [default: 1000000000]")
@click.option("--scale", type=float, help="Scale of the microcircuit and of each area.  [default: 1]")
@click.option("--areas", type=click.IntRange(min=1), help="Areas of the multi-area circuit.  [default: 32]")
@click.option("--duration", type=float, metavar="MS", help="Simulated time of each run.  [default: 1000]")
@click.option("--rounds", type=click.IntRange(min=1), help="How often each comparison is made.  [default: 5]")
@click.option("--peers", help="Which others to run beside, with commas: nest, scipy.  [default: those installed]")
def bench(suite: str, out: Path, **given: Any) -> None:
    r"""Run SUITE, print its figures and write them to OUT/SUITE.json and OUT/SUITE.csv.

    \b
    Suites: balanced, build, kernels, microcircuit, multiarea, order.
    \b
    Example:
      neurograph bench build --out /fast/disk/bench --up-to 100000000
    """
    import shlex

    from neurograph.bench.figures import write_results
    from neurograph.bench.suites import SUITES, Settings
    from neurograph.choices import find

    measure = find("suite", suite, SUITES)
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = Settings.of(**chosen)
    (out / "circuits").mkdir(parents=True, exist_ok=True)
    figures = []
    for figure in measure(out / "circuits", settings):
        figures.append(figure)
        click.echo(f"{figure.what:<58}{figure.value:>12.4g} {figure.unit:<22}{figure.asked}")
    options = [text for name, value in chosen.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    write_results(out, suite, shlex.join(["neurograph", "bench", suite, *options]), figures)
