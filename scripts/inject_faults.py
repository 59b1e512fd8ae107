"""Break things on purpose and count what is lost: ``python scripts/inject_faults.py FAULT FOLDER --rounds N --seed S``.

| fault | what is done | what must hold |
|---|---|---|
| kill-build, kill-import | ``kill -9`` at a random moment | complete, or refused by `open`; then the same bytes |
| kill-run | ``kill -9`` at a random moment, a checkpoint now and then | one interval is lost at most; the same spikes |
| flip | one bit of one file is turned | `verify` names the file; `run` does not deliver from it |
| full-build, full-import | a disk too small (root only) | nothing published, the size named; done once there is room |
| slow-disk | reads come late and in pieces, at random | the same spikes |
| limit-memory | a control group of the budget and 300 MiB (root only) | the same spikes |

``all`` mixes them, a fault drawn anew for each round. Ends with a table of what was tried and what was lost; exit
status 1 if anything was.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import neurograph as ng
from neurograph import builder, streaming
from neurograph.bench.limited import Task, can_limit, run_limited
from neurograph.checkpoint import Checkpoint
from neurograph.cli.main import call, run_command
from neurograph.executor import Executor
from neurograph.simulation import Simulation
from neurograph_storage import queueing
from neurograph_storage.errors import CircuitNotFoundError, DataError, NeuroGraphError
from neurograph_storage.queueing import PAGE
from neurograph_storage.sizes import MIB

NEURONS, DEGREE = 4000, 250
BUILD = ["build", "modular", "--neurons", str(NEURONS), "--synapses-per-neuron", str(DEGREE), "--seed", "1"]
IMPORT = ["import", "--delay-ms", "1.5", "--memory", "8MiB"]
FAULTS = ["kill-build", "kill-import", "kill-run", "flip", "full-build", "full-import", "slow-disk", "limit-memory"]
ALL = "all"
# A slow read: the share of reads, and the longest time in seconds.
SLOW_SHARE, SLOW_S, STREAMED = 0.02, 0.02, 100.0
SMALL_DISK = "size=3m"
# Of runs that are killed: ms, and a budget that rows do not fit in.
DURATION, EVERY, DT, MEMORY = 600.0, 30.0, 0.1, "4MiB"
LAST = round(DURATION / DT)


class Lost(Exception):  # noqa: N818 (it is what happened, not an error of this script)
    """Something that must hold did not."""


def start(arguments: list[str], out: Path) -> subprocess.Popen[str]:
    """Start a command in a process of its own, in small batches with many journals."""
    command = [sys.executable, __file__, "child", arguments[0], *arguments[1:], str(out)]
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


def check_unfinished(out: Path) -> None:
    """Fail unless `open` refuses the circuit by name."""
    try:
        ng.open(out)
    except CircuitNotFoundError as error:
        if out.with_name(out.name + ".partial").exists() and "unfinished" not in str(error):
            raise Lost(f"{out} is refused without a word of what to do: {error}") from error
        return
    raise Lost(f"{out} opens, though it is not complete")


def kill_rounds(folder: Path, rng: np.random.Generator, arguments: list[str]) -> Iterator[Callable[[], str]]:
    """Yield rounds that kill a command at a random moment and then run it to its end."""
    whole = folder / "whole.zarr"
    started = time.monotonic()
    finish(arguments, whole)
    duration, expected = time.monotonic() - started, files(whole)

    def attempt() -> str:
        out = folder / "killed.zarr"
        shutil.rmtree(out, ignore_errors=True)
        process = start(arguments, out)
        moment = rng.uniform(0.0, duration)
        time.sleep(moment)
        process.kill()
        process.communicate()
        partial = out.with_name(out.name + ".partial")
        state = "complete" if out.exists() else "resumable" if partial.exists() else "not begun"
        if not out.exists():
            check_unfinished(out)
            finish(arguments, out)
        check_same(out, expected)
        return f"killed after {moment:.2f} s of {duration:.2f} s: {state}"

    while True:
        yield attempt


def spikes_in(path: Path) -> list[tuple[float, int]]:
    """Return the spikes of a file."""
    times, neurons, _ = ng.read_spikes(path)
    return list(zip(times.tolist(), neurons.tolist(), strict=True))


def kill_run_rounds(folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], str]]:
    """Yield rounds that kill a run, some of them twice, and then take it up with any workers and memory."""
    circuit, spikes, checkpoint = folder / "c.zarr", folder / "s.parquet", folder / "checkpoint"
    steps = folder / "steps"
    finish(BUILD, circuit)

    def reached() -> int:
        return int(np.fromfile(steps, np.int64)[-1:].sum()) if steps.exists() else 0

    command = ["run", str(circuit), "--duration", str(DURATION), "--seed", "1", "--spikes", str(spikes),
               "--checkpoint", str(checkpoint), "--checkpoint-every", str(EVERY)]  # fmt: skip
    finish(command, steps)
    expected = spikes_in(spikes)

    def kill(command: list[str]) -> str:
        begin = reached()
        steps.unlink(missing_ok=True)
        process, moment = start(command, steps), rng.integers(min(begin, LAST - 1), LAST)
        while process.poll() is None and reached() < moment:
            time.sleep(0.001)
        # It is computing by now, or writing a checkpoint.
        time.sleep(rng.uniform(0.0, 0.05))
        process.kill()
        process.communicate()
        kept = Checkpoint(checkpoint).step if checkpoint.exists() else 0
        lost = (reached() - kept) * DT
        if lost > EVERY:
            raise Lost(f"{lost:.1f} ms were lost, but there is a checkpoint every {EVERY} ms")
        return f"killed at {reached() * DT:.1f} ms, {max(lost, 0):.1f} ms lost"

    def attempt() -> str:
        for file in folder.glob("s.parquet*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        for file in (checkpoint, steps):
            file.unlink(missing_ok=True)
        said = [kill(command)]
        if checkpoint.exists() and rng.integers(2):
            said.append(kill([*command, "--resume", str(checkpoint)]))
        workers, memory = int(rng.integers(1, 4)), str(rng.choice(["1GiB", MEMORY]))
        options: dict[str, Any] = {"workers": workers, "memory": memory, "spikes": spikes}
        known = checkpoint.exists()
        with Simulation.resume(checkpoint, **options) if known else Simulation(circuit, seed=1, **options) as sim:
            sim.run(max(0.0, DURATION - sim.now))
        if spikes_in(spikes) != expected:
            raise Lost(f"other spikes after it was taken up by {workers} workers in {memory}")
        return f"{'; '.join(said)}; then {workers} workers in {memory}"

    while True:
        yield attempt


def flip_rounds(folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], str]]:
    """Yield rounds that turn one bit of a circuit, raw and compressed in turn."""
    paths = [folder / f"{codec}.zarr" for codec in ("raw", "compressed")]
    for path in paths:
        finish([*BUILD, "--codec", path.stem], path)
    turn = 0

    def attempt() -> str:
        nonlocal turn
        path = paths[turn % 2]
        turn += 1
        chosen = sorted(f for f in path.rglob("*") if f.is_file())
        file = chosen[rng.integers(len(chosen))]
        whole = file.read_bytes()
        at, bit = int(rng.integers(len(whole))), int(rng.integers(8))
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            _check_flip(path, file)
        finally:
            file.write_bytes(whole)
        return f"bit {bit} of byte {at} of {file.relative_to(folder)}"

    while True:
        yield attempt


def _check_flip(path: Path, file: Path) -> None:
    done = subprocess.run(
        [sys.executable, __file__, "child", "verify", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode != 1 or str(file) not in done.stderr:
        raise Lost(f"verify says of {file}: {done.returncode} {done.stderr.strip()}")
    try:
        with ng.Simulation(path, seed=1) as simulation:
            simulation.run(50.0)
            spikes = simulation.spikes
    except NeuroGraphError:
        return
    # What was not needed was not read: checksum arrays of other granules, padding. Spikes are then those of any run.
    if len(spikes.times) == 0:
        raise Lost(f"a run from {path} is silent after a bit of {file} was turned")


def full_rounds(folder: Path, arguments: list[str]) -> Iterator[Callable[[], str]]:
    """Yield rounds on a disk that is too small, first told beforehand, then in the middle."""
    whole = folder / "whole.zarr"
    finish(arguments, whole)
    expected = files(whole)

    def attempt() -> str:
        disk = folder / "disk"
        disk.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", disk], check=True)
        try:
            process = start(arguments, disk / "c.zarr")
            errors = process.communicate()[1]
            if process.returncode != 1 or "free there" not in errors or (disk / "c.zarr").exists():
                raise Lost(f"a disk too small ends with {process.returncode}: {errors}")
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            finish(arguments, disk / "c.zarr")
            check_same(disk / "c.zarr", expected)
        finally:
            subprocess.run(["umount", disk], check=True)
        return "refused with the size it needs; done when there was room"

    while True:
        yield attempt


def streamed(circuit: Path, workers: int, memory: str) -> list[tuple[float, int]]:
    """Return the spikes of a short run."""
    with Simulation(circuit, seed=1, workers=workers, memory=memory) as simulation:
        simulation.run(STREAMED)
        spikes = simulation.spikes
    return list(zip(spikes.times.tolist(), spikes.neurons.tolist(), strict=True))


@contextmanager
def slow_disk(seed: int) -> Iterator[list[int]]:
    """Let reads come late, or in pieces, at random; give a list that is filled with their sizes."""
    rng, reads = np.random.default_rng(seed), list[int]()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.pread.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64]
    libc.pread.restype = ctypes.c_ssize_t

    def read(file: int, into: int, size: int, offset: int) -> int:
        chance, late = rng.random(2).tolist()
        if chance < SLOW_SHARE:
            time.sleep(late * SLOW_S)
        elif chance < 2 * SLOW_SHARE and size > PAGE:
            size = PAGE
        reads.append(size)
        return int(libc.pread(file, into, size, offset))

    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    called = kind(read)
    address = ctypes.cast(called, ctypes.c_void_p).value
    # Where reads are asynchronous, ``pread`` is not asked.
    with patch.object(queueing, "_set_up", lambda _slots: 0), patch.object(streaming, "read_address", lambda: address):
        yield reads


def slow_rounds(folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], str]]:
    """Yield rounds on a disk whose reads come late or in pieces."""
    circuits = [folder / f"{codec}.zarr" for codec in ("raw", "compressed")]
    for path in circuits:
        finish([*BUILD, "--codec", path.stem], path)
    expected = streamed(circuits[0], 1, "1GiB")

    def attempt() -> str:
        path, workers = circuits[rng.integers(2)], int(rng.integers(1, 4))
        with slow_disk(int(rng.integers(2**31))) as reads:
            found = streamed(path, workers, MEMORY)
        if not reads:
            raise Lost("nothing was read: the rows were in memory")
        if found != expected:
            raise Lost(f"other spikes from {path} with {workers} workers on a slow disk")
        return f"{len(reads):,} reads, late or in pieces now and then; {path.stem}, {workers} workers"

    while True:
        yield attempt


def limit_rounds(folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], str]]:
    """Yield rounds in a control group that has not much more than the budget."""
    circuit, spikes = folder / "c.zarr", folder / "s.parquet"
    finish(BUILD, circuit)
    expected = streamed(circuit, 1, "1GiB")
    # Kernels are compiled here, since that takes more than a run may.
    streamed(circuit, 2, MEMORY)

    def attempt() -> str:
        memory, workers = int(rng.integers(4, 9)) * MIB, int(rng.integers(1, 4))
        task = Task(circuit=str(circuit), settle=STREAMED / 2, duration=STREAMED / 2, memory=memory, workers=workers,
                    spikes=str(spikes))  # fmt: skip
        try:
            run_limited(task)
        except DataError as error:
            raise Lost(str(error)) from error
        if spikes_in(spikes) != expected:
            raise Lost(f"other spikes in {memory // MIB} MiB with {workers} workers")
        return f"{memory // MIB} MiB, {workers} workers"

    while True:
        yield attempt


def edge_list(folder: Path) -> Path:
    """Write a list of edges of which several runs must be sorted."""
    rng, path = np.random.default_rng(1), folder / "edges.parquet"
    count = NEURONS * DEGREE
    columns = {name: rng.integers(0, NEURONS, count) for name in ("source", "target")}
    pq.write_table(pa.table(columns | {"weight": rng.integers(1, 50, count)}), path, row_group_size=50_000)
    return path


def rounds_of(fault: str, folder: Path, rng: np.random.Generator) -> Iterator[Callable[[], str]]:
    """Return the rounds of one fault, in a folder of its own."""
    folder.mkdir(parents=True)
    command = [*IMPORT[:1], str(edge_list(folder)), *IMPORT[1:]] if fault.endswith("import") else BUILD
    kinds: dict[str, Callable[[], Iterator[Callable[[], str]]]] = {
        "kill-run": lambda: kill_run_rounds(folder, rng),
        "flip": lambda: flip_rounds(folder, rng),
        "slow-disk": lambda: slow_rounds(folder, rng),
        "limit-memory": lambda: limit_rounds(folder, rng),
    }
    if fault in kinds:
        return kinds[fault]()
    return kill_rounds(folder, rng, command) if fault.startswith("kill") else full_rounds(folder, command)


def possible() -> list[str]:
    """Return the faults that can be made here."""
    root = os.geteuid() == 0 and can_mount()
    groups = can_limit()
    return [f for f in FAULTS if (root or not f.startswith("full")) and (groups or f != "limit-memory")]


def can_mount() -> bool:
    """Return whether file systems can be mounted here."""
    with tempfile.TemporaryDirectory() as place:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False)
        if mounted.returncode == 0:
            subprocess.run(["umount", place], check=True)
        return mounted.returncode == 0


@click.command()
@click.argument("fault", type=click.Choice([ALL, *FAULTS]))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--rounds", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(fault: str, folder: Path, rounds: int, seed: int) -> int:
    """Inject FAULT for a number of rounds, in FOLDER, which is made and must not exist."""
    folder.mkdir(parents=True)
    rng, faults = np.random.default_rng(seed), possible() if fault == ALL else [fault]
    for missing in sorted(set(FAULTS) - set(faults)) if fault == ALL else []:
        click.echo(f"{missing} cannot be tried here")
    made: dict[str, Iterator[Callable[[], str]]] = {}
    tried, lost = dict.fromkeys(faults, 0), dict.fromkeys(faults, 0)
    for number in range(rounds):
        # Each at least once, if there are enough rounds.
        chosen = faults[number] if number < len(faults) else str(rng.choice(faults))
        tried[chosen] += 1
        try:
            if chosen not in made:
                made[chosen] = rounds_of(chosen, folder / chosen, rng)
            click.echo(f"{number + 1:>4}  {chosen:<13}{next(made[chosen])()}")
        except Lost as what:
            lost[chosen] += 1
            click.echo(f"{number + 1:>4}  {chosen:<13}LOST: {what}")
    if fault == ALL:
        click.echo(f"{'fault':<14}{'rounds':>7}{'lost':>6}")
        for name in faults:
            click.echo(f"{name:<14}{tried[name]:>7}{lost[name]:>6}")
    click.echo(f"{fault}: {rounds} rounds, {sum(lost.values())} lost")
    return 1 if any(lost.values()) else 0


def child(arguments: list[str]) -> int:
    """Run ``neurograph`` in small batches, with a journal after each; of a run, note in a file how far it has come."""
    builder.BATCH_SYNAPSES, builder.JOURNAL_SECONDS = 20_000, -1.0
    if arguments[0] != "run":
        return call(arguments)
    *arguments, steps = arguments
    with Path(steps).open("wb", buffering=0) as file:
        run = Executor.run

        def noted(executor: Executor, *given: Any) -> Any:
            parts = run(executor, *given)
            file.write(np.int64(executor.step).tobytes())
            return parts

        Executor.run = noted  # type: ignore[method-assign, assignment]
        return call(arguments)


if __name__ == "__main__":
    sys.exit(child(sys.argv[2:]) if sys.argv[1:2] == ["child"] else run_command(main, sys.argv[1:]))
