"""What does the live view of a run cost?

Runs a circuit in turns without it, and with it while another process asks for every state as a browser does. Prints the
processor time of all that the view does by wall time of the run, and the ratio of wall times, pair by pair.

    python scripts/measure_live.py cortex.zarr --duration 2000 --rounds 3
"""

import statistics
import subprocess
import sys
import time

import click

import neurograph as ng
from neurograph.cli.main import run_command
from neurograph.report.live import LiveView

# Follows a page's states as live.js does, in a process of its own.
_CLIENT = """
import json, sys, urllib.request
state = {"version": 0, "ended": False}
size = 0
while not state["ended"]:
    with urllib.request.urlopen(f"{sys.argv[1]}state?after={state['version']}") as answer:
        body = answer.read()
    state, size = json.loads(body), max(size, len(body))
print(state["version"], size)
"""


@click.command()
@click.argument("circuit", type=click.Path())
@click.option("--duration", type=float, default=2000.0, show_default=True, help="Simulated time of a run, in ms.")
@click.option("--memory", help="Memory budget, such as 24MiB.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
def main(circuit: str, duration: float, memory: str | None, rounds: int) -> None:
    """Measure what the live view of a run of CIRCUIT costs."""
    shares, ratios = [], []
    for number in range(rounds):
        # Each goes first in turn.
        without = _without_view(circuit, duration, memory) if number % 2 == 0 else 0.0
        wall, view, client = _with_view(circuit, duration, memory)
        without = without or _without_view(circuit, duration, memory)
        states, size = map(int, client.split())
        shares.append(view.cost_s / wall)
        ratios.append(wall / without)
        click.echo(
            f"without {without:.2f} s, with {wall:.2f} s: {states} states of at most {size // 1024} KiB, "
            f"{1000 * view.cost_s / max(1, states):.1f} ms of processor time each, {shares[-1]:.2%} of wall time"
        )
    click.echo(f"processor time by wall time: median {statistics.median(shares):.2%}")
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    click.echo(f"wall time with, by without: median {middle:.3f}, {low:.3f} to {high:.3f}")


def _without_view(circuit: str, duration: float, memory: str | None) -> float:
    with ng.Simulation(circuit, memory=memory, spikes=False) as sim:
        sim.run(duration)
    return sim.statistics.wall_s


def _with_view(circuit: str, duration: float, memory: str | None) -> tuple[float, LiveView, str]:
    """Return the wall time of a run that is looked at, its view, and what the client says."""
    with ng.Simulation(circuit, memory=memory, spikes=False) as sim, LiveView(sim, port=0) as view:
        client = subprocess.Popen([sys.executable, "-c", _CLIENT, view.url], stdout=subprocess.PIPE, text=True)
        while not view.is_waited_for:
            time.sleep(0.01)
        sim.run(duration, progress=lambda _done, _of: view.show())
    return sim.statistics.wall_s, view, client.communicate()[0]


if __name__ == "__main__":
    sys.exit(run_command(main, sys.argv[1:]))
