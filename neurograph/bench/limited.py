"""How does a run fare when the system really has no more memory than it was given?

`run_limited` runs a circuit in a process of its own, in a control group whose limit counts the page cache too, and
returns what the run's statistics say of the time after it has settled.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurograph.bench.disk import forget, read_plainly
from neurograph_storage.errors import DataError
from neurograph_storage.sizes import format_size

if TYPE_CHECKING:
    from neurograph.circuit import Circuit
    from neurograph.events import OutsideEvents

# What Python with its libraries and compiled kernels takes besides what the budget is for.
OVERHEAD = 300 * 2**20
# The weight, in pA, of which a neuron at rest fires once.
_UNLIMITED, _MAKES_FIRE = 2**50, 6e4
# Seconds that fetch and delivery take at least: what is compared with them must not be infinite.
_LEAST = 1e-9
_OLD, _NEW = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A run: how long it settles and how long it is measured, in ms; in how many bytes, unless there is no limit.

    Of neurons, ``active`` are made to fire in every step, or in one of ``every`` steps; always the same ``among``, if
    that is given. If ``silent``, those that fire reach nobody. ``known`` is a file of spikes for the policy ``oracle``.
    """

    circuit: str
    settle: float
    duration: float
    memory: int | None = None
    workers: int = 2
    seed: int = 1
    silent: bool = False
    active: float = 0
    among: int | None = None
    every: int = 1
    spikes: str | None = None
    prefetch: str = "exact"
    known: str | None = None


class OutOfMemoryError(DataError):
    """A process took more memory than it was given."""


def can_limit() -> bool:
    """Return whether control groups can be made here."""
    with suppress(OSError), memory_group(2**30):
        return True
    return False


@contextmanager
def memory_group(limit: int) -> Iterator[Path]:
    """Make a control group with a limit of memory, in bytes, and remove it; give the file that processes enter by.

    Raises
    ------
    OSError
        If that is not allowed.
    """
    top, name = (_OLD, "memory.limit_in_bytes") if _OLD.is_dir() else (_NEW, "memory.max")
    group = Path(tempfile.mkdtemp(prefix="neurograph-", dir=top))
    try:
        (group / name).write_text(str(limit))
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def run_limited(task: Task, *, inside: bool = True) -> dict[str, Any]:
    """Run a task, in a control group of its budget and `OVERHEAD` if it has one, and return its figures.

    Parameters
    ----------
    inside : bool
        False for no control group, whatever the budget: compiling takes more than a run.

    Returns
    -------
    dict
        Differences of the statistics over the time that is measured; ``real_time_factor``; ``resident``, bytes of rows
        that were in memory, by what they are; ``peak_rss_bytes``.

    Raises
    ------
    DataError
        If the run fails, or is killed because it went over the limit.
    """
    command = [sys.executable, "-m", "neurograph.bench.limited", json.dumps(asdict(task))]
    return run_json(command, task.memory + OVERHEAD if inside and task.memory is not None else None)


def run_prepared(task: Task, *, inside: bool = True) -> dict[str, Any]:
    """Do so: if the task is limited with nothing of the circuit in the page cache, else with all of it there."""
    if task.memory is not None:
        forget(Path(task.circuit))
    else:
        read_plainly(Path(task.circuit), task.workers)
    return run_limited(task, inside=inside)


def run_json(command: list[str], limit: int | None) -> dict[str, Any]:
    """Run a command that ends with a line of JSON, in a control group of ``limit`` bytes if that is given.

    Raises
    ------
    DataError
        If it fails, or is killed because it went over the limit.
    """
    if limit is None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    else:
        with memory_group(limit) as entry:
            enter = f'echo $$ > {entry} && exec "$@"'
            done = subprocess.run(["sh", "-c", enter, "sh", *command], capture_output=True, text=True, check=False)
    # What runs: a module, or a file, of which the folder tells nothing.
    name = Path(command[2] if command[1] == "-m" else command[1]).name
    if done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
        raise OutOfMemoryError(f"{name} took more than {format_size(limit or 0)}")
    if done.returncode:
        said = done.stderr.strip()[-300:]
        if "MemoryError" in said or "bad_alloc" in said:
            raise OutOfMemoryError(f"{name} found no more memory")
        raise DataError(f"{name} failed, status {done.returncode}: {said}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _main(task: Task) -> dict[str, Any]:
    from neurograph.circuit import Circuit
    from neurograph.foresight import Prefetch
    from neurograph.formats.spike_files import load_spikes
    from neurograph.record import write_spikes
    from neurograph.simulation import Simulation

    circuit = Circuit(task.circuit)
    prefetch = Prefetch(task.prefetch, None if task.known is None else load_spikes(task.known, circuit))
    drive = _drive(circuit, task) if task.active else None
    memory = task.memory or _UNLIMITED
    with Simulation(
        circuit, memory=memory, workers=task.workers, seed=task.seed, drive=drive, prefetch=prefetch,
        spikes=task.spikes is not None,
    ) as simulation:  # fmt: skip
        if task.silent:
            simulation.silence(circuit.ids)
        simulation.run(task.settle)
        before, phases = simulation.statistics.as_dict(), simulation.phases
        simulation.run(task.duration)
        after, spent = simulation.statistics.as_dict(), {k: v - phases[k] for k, v in simulation.phases.items()}
        resident = simulation.resident_bytes
        if task.spikes is not None:
            write_spikes(task.spikes, simulation.spikes, circuit)
    counted = ("spikes", "synaptic_events", "wall_s", "bytes_read", "read_requests", "read_s", "stall_s")
    figures = {name: after[name] - before[name] for name in counted}
    figures |= {"real_time_factor": figures["wall_s"] / (task.duration / 1000.0), "resident": resident}
    of_reads = {"hits": "hits", "misses": "misses", "wasted": "wasted_bytes"}
    figures |= {name: after["prefetch"][key] - before["prefetch"][key] for name, key in of_reads.items()}
    # Nobody delivers while he waits for others to do so.
    delivery = max(_LEAST, figures["wall_s"] - spent["neurons"] - spent["meeting"])
    figures |= {"neurons_s": spent["neurons"], "delivery_s": delivery}
    return figures | {"peak_rss_bytes": after["peak_rss_bytes"], "prefetch": after["prefetch"]}


def active_neurons(
    neurons: int, steps: int, active: float, *, among: int | None = None, every: int = 1, seed: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return steps and neurons that are made to fire; the same for all simulators.

    Parameters
    ----------
    active : float
        How many in a step; if that is no whole number, on average.
    among : int, optional
        The same so many, all over the circuit.
    every : int
        One of so many steps.
    """
    rng, chosen = np.random.default_rng(seed), np.arange(0, steps, every)
    count = active + rng.random(len(chosen)) if active % 1 else np.full(len(chosen), active)
    step = np.repeat(chosen, count.astype(np.int64))
    if among is None or among >= neurons:
        return step, rng.integers(neurons, size=len(step))
    return step, rng.integers(among, size=len(step)) * (neurons // among)


def _drive(circuit: "Circuit", task: Task) -> "OutsideEvents":
    from neurograph.events import resolve

    steps = round((task.settle + task.duration) / circuit.dt)
    step, index = active_neurons(circuit.neurons, steps, task.active, among=task.among, every=task.every)
    return resolve(circuit, step, index, _MAKES_FIRE)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.stdout.write(json.dumps(_main(Task(**json.loads(sys.argv[1])))))
