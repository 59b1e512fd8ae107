"""How does a run fare when the system really has no more memory than it was given?

`run_limited` runs a circuit in a process of its own, in a control group whose limit counts the page cache too, and
returns what the run's statistics say of the time after it has settled.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neurograph_storage.errors import DataError

# What Python with its libraries and compiled kernels takes besides what the budget is for.
OVERHEAD = 300 * 2**20
_UNLIMITED, _MAKES_FIRE = 2**50, 1e6
_OLD, _NEW = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A run: how long it settles and how long it is measured, in ms; in how many bytes, unless there is no limit.

    Of neurons, ``active`` are made to fire in every step; if ``silent``, those that fire reach nobody.
    """

    circuit: str
    settle: float
    duration: float
    memory: int | None = None
    workers: int = 2
    seed: int = 1
    silent: bool = False
    active: int = 0
    spikes: str | None = None


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


def run_limited(task: Task) -> dict[str, Any]:
    """Run a task, in a control group of its budget and `OVERHEAD` if it has one, and return its figures.

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
    if task.memory is None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    else:
        with memory_group(task.memory + OVERHEAD) as entry:
            enter = f'echo $$ > {entry} && exec "$@"'
            done = subprocess.run(["sh", "-c", enter, "sh", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DataError(f"a run of {task.circuit} failed, status {done.returncode}: {done.stderr.strip()[-300:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _main(task: Task) -> dict[str, Any]:
    import numpy as np

    from neurograph.circuit import Circuit
    from neurograph.events import resolve
    from neurograph.record import write_spikes
    from neurograph.simulation import Simulation

    circuit, drive = Circuit(task.circuit), None
    if task.active:
        steps = np.repeat(np.arange(round((task.settle + task.duration) / circuit.dt)), task.active)
        drive = resolve(
            circuit, steps, np.random.default_rng(1).integers(circuit.neurons, size=len(steps)), _MAKES_FIRE
        )
    memory = task.memory or _UNLIMITED
    with Simulation(circuit, memory=memory, workers=task.workers, seed=task.seed, drive=drive) as simulation:
        if task.silent:
            simulation.silence(circuit.ids)
        simulation.run(task.settle)
        before = simulation.statistics.as_dict()
        simulation.run(task.duration)
        after = simulation.statistics.as_dict()
        resident = int(simulation.series.notes[-1, -1])
        if task.spikes is not None:
            write_spikes(task.spikes, simulation.spikes, circuit)
    counted = ("spikes", "synaptic_events", "wall_s", "bytes_read", "read_requests", "read_s", "stall_s")
    figures = {name: after[name] - before[name] for name in counted}
    figures |= {"real_time_factor": figures["wall_s"] / (task.duration / 1000.0), "resident": resident}
    return figures | {"peak_rss_bytes": after["peak_rss_bytes"], "prefetch": after["prefetch"]}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.stdout.write(json.dumps(_main(Task(**json.loads(sys.argv[1])))))
