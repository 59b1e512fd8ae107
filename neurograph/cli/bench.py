"""``neurograph bench``: measure this machine and this release."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from neurograph.bench.figures import Figure
    from neurograph.bench.parts import Clock
    from neurograph.bench.settings import Settings

ALL = "all"


def _count(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """Return a whole number that may be written as 1e9."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = 0.5
    if number < 1 or number % 1:
        raise click.BadParameter(f"{text!r} is not a whole number such as 1000000000 or 1e9")
    return int(number)


def _size(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    from neurograph_storage.sizes import parse_size

    return None if text is None else parse_size(text)


@click.command()
@click.argument("suite")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench"), show_default=True,
              help="Folder for the figures, and for circuits, which are used again if found there.")  # fmt: skip
@click.option("--up-to", callback=_count, help="Synapses of the largest circuit.  [default: 1e9]")
@click.option("--scale", type=float, help="Scale of the microcircuit and of each area.  [default: 1]")
@click.option("--areas", type=click.IntRange(min=1), help="Areas of the multi-area circuit.  [default: 32]")
@click.option("--memory", callback=_size, metavar="SIZE", help="Budget of multi-area runs.  [default: 4GiB]")
@click.option("--circuit", type=click.Path(exists=True, file_okay=False),
              help="A multi-area circuit that is there, with --areas areas.")  # fmt: skip
@click.option("--duration", type=float, metavar="MS", help="Simulated time of each run.  [default: 1000]")
@click.option("--rounds", type=click.IntRange(min=1), help="How often each comparison is made.  [default: 5]")
@click.option("--peers", help="Which others to run beside, with commas: brian2, memmap, nest, scipy; '' for none.  "
              "[default: those installed]")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(min=0.0),
              help="Leave out what will not be done in this time; for soak, how long it runs.")  # fmt: skip
@click.option("--fresh", is_flag=True, help="Measure again what was measured before.")
def bench(suite: str, out: Path, minutes: float | None, fresh: bool, **given: Any) -> None:
    r"""Run SUITE, print its figures and write them to OUT/SUITE.json, .csv and .png.

    Figures are written as they are measured; the same command goes on where it was stopped.

    \b
    Suites: balanced, build, kernels, microcircuit, microcircuit-0.2, multiarea, order,
    outofcore, prefetch, scaling, soak; or all of them, but for soak: all.
    \b
    Examples:
      neurograph bench scaling --out /fast/disk/bench --up-to 1e9 --minutes 120
      neurograph bench soak --minutes 60
    """
    import shlex

    from neurograph.bench.parts import Clock
    from neurograph.bench.suites import SUITES, Settings
    from neurograph.choices import find

    names = [name for name in SUITES if name != "soak"] if suite == ALL else [suite]
    find("suite", names[0], SUITES)
    chosen = {name: value for name, value in given.items() if value is not None}
    soaking = minutes is not None and suite == "soak"
    more: dict[str, Any] = {"soak_s": 60.0 * minutes} if soaking and minutes is not None else {}
    settings = Settings.of(**chosen, **more)
    chosen |= {"minutes": minutes} if minutes is not None else {}
    options = [text for name, value in chosen.items() for text in (f"--{name.replace('_', '-')}", f"{value}")]
    (out / "circuits").mkdir(parents=True, exist_ok=True)
    clock = Clock(None if minutes is None or soaking else 60.0 * minutes)
    for name in names:
        _run_suite(name, out, settings, clock, shlex.join(["neurograph", "bench", name, *options]), fresh=fresh)


def _run_suite(name: str, out: Path, settings: "Settings", clock: "Clock", command: str, *, fresh: bool) -> None:
    import json

    from neurograph.bench.parts import go_through
    from neurograph.bench.pictures import draw
    from neurograph.bench.record import Record
    from neurograph.bench.suites import SUITES

    record = Record(out, name, command, fresh=fresh)
    parts = SUITES[name](out / "circuits", settings)
    go_through(parts, record, settings, clock, _tell, lambda text: click.echo(f"{name}: {text}", err=True))
    record.save()
    draw(json.loads(record.path.read_text()), out / f"{name}.png")


def _tell(figure: "Figure") -> None:
    click.echo(f"{figure.what:<58}{figure.value:>12.4g} {figure.unit:<22}{figure.asked}")
