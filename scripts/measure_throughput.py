"""Measure throughput against graph size: ``python scripts/measure_throughput.py FOLDER [options]``.

Prints a table, and writes the figures as JSON if asked to.
"""

import json
import sys
from pathlib import Path

import click

from neurograph.cli.main import run_command
from neurograph.throughput import Throughput, measure_throughput

HEADER = (
    f"{'neurons':>10} {'synapses':>13} {'built M/s':>10} {'real-time factor':>17} {'events M/s':>11} {'peak MiB':>9}"
)


def print_row(result: Throughput) -> None:
    """Print one line of the table; a circuit that was there already has no building rate."""
    rate = result.synapses_built_per_s
    built = "-" if rate is None else f"{rate / 1e6:.1f}"
    click.echo(
        f"{result.neurons:>10,} {result.synapses:>13,} {built:>10} "
        f"{result.real_time_factor:>17.2f} {result.events_per_s / 1e6:>11.1f} {result.peak_rss_bytes / 2**20:>9.0f}"
    )


def parse_sizes(_context: click.Context, _parameter: click.Parameter, text: str) -> list[int]:
    """Return the numbers in a text like ``1000,10000``."""
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 1000,10000") from None


@click.command()
@click.argument("folder", type=click.Path())
@click.option(
    "--sizes",
    default="1000,10000,100000",
    show_default=True,
    callback=parse_sizes,
    help="Numbers of neurons, with commas.",
)
@click.option("--recipe", default="modular", show_default=True)
@click.option("--synapses-per-neuron", default=1000, show_default=True)
@click.option("--duration", default=100.0, show_default=True, help="Simulated time, in ms.")
@click.option("--workers", type=int, help="Threads.")
@click.option("--json", "json_path", type=click.Path(), help="Also write the figures to this file.")
def main(
    folder: str,
    sizes: list[int],
    recipe: str,
    synapses_per_neuron: int,
    duration: float,
    workers: int | None,
    json_path: str | None,
) -> None:
    """Build circuits of several sizes in FOLDER, step each, and print synaptic events a second."""
    click.echo(HEADER)
    results = measure_throughput(
        folder,
        sizes,
        recipe=recipe,
        synapses_per_neuron=synapses_per_neuron,
        duration=duration,
        workers=workers,
        report=print_row,
    )
    if json_path is not None:
        Path(json_path).write_text(json.dumps([result.as_dict() for result in results], indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(run_command(main, sys.argv[1:]))
