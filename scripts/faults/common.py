"""What do all faults share: a small circuit, commands in processes of their own, and what is the same afterwards?"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import neurograph as ng
from neurograph.simulation import Simulation

# One attempt to break something; it says what was tried.
Attempt = Callable[[], str]
Rounds = Iterator[Attempt]

NEURONS, DEGREE = 4000, 250
BUILD = ["build", "modular", "--neurons", str(NEURONS), "--synapses-per-neuron", str(DEGREE), "--seed", "1"]
IMPORT = ["import", "--delay-ms", "1.5", "--memory", "8MiB"]
# A budget that rows do not fit in; ms of a short run in it.
MEMORY, STREAMED = "4MiB", 100.0
CHILD = Path(__file__).parent / "child.py"


class Lost(Exception):  # noqa: N818 (it is what happened, not an error of ours)
    """Something that must hold did not."""


def start(arguments: list[str], out: Path) -> subprocess.Popen[str]:
    """Start a command in a process of its own, in small batches with many journals."""
    command = [sys.executable, str(CHILD), arguments[0], *arguments[1:], str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(arguments: list[str], out: Path) -> None:
    """Run a command to its end."""
    process = start(arguments, out)
    errors = process.communicate()[1]
    if process.returncode:
        raise Lost(f"{out} cannot be made: {errors.strip()}")


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def check_same(out: Path, expected: dict[str, bytes]) -> None:
    """Fail unless a circuit has the bytes expected."""
    found = files(out)
    if found != expected:
        different = sorted(k for k in found.keys() | expected.keys() if found.get(k) != expected.get(k))
        raise Lost(f"{out} differs in {', '.join(different)}")


def spikes_in(path: Path) -> list[tuple[float, int]]:
    """Return the spikes of a file."""
    times, neurons, _ = ng.read_spikes(path)
    return list(zip(times.tolist(), neurons.tolist(), strict=True))


def streamed(circuit: Path, workers: int, memory: str) -> list[tuple[float, int]]:
    """Return the spikes of a short run."""
    with Simulation(circuit, seed=1, workers=workers, memory=memory) as simulation:
        simulation.run(STREAMED)
        spikes = simulation.spikes
    return list(zip(spikes.times.tolist(), spikes.neurons.tolist(), strict=True))
