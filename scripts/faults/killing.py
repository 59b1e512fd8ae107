"""What is left of a command that was killed at a random moment?"""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

import neurograph as ng
from faults.common import BUILD, MEMORY, Lost, Rounds, check_same, files, finish, spikes_in, start
from neurograph.checkpoint import Checkpoint
from neurograph.simulation import Simulation
from neurograph_storage.errors import CircuitNotFoundError

# Of runs that are killed, in ms.
DURATION, EVERY, DT = 600.0, 30.0, 0.1
LAST = round(DURATION / DT)


def check_unfinished(out: Path) -> None:
    """Fail unless `open` refuses the circuit by name."""
    try:
        ng.open(out)
    except CircuitNotFoundError as error:
        if out.with_name(out.name + ".partial").exists() and "unfinished" not in str(error):
            raise Lost(f"{out} is refused without a word of what to do: {error}") from error
        return
    raise Lost(f"{out} opens, though it is not complete")


def kill_rounds(folder: Path, rng: np.random.Generator, arguments: list[str]) -> Rounds:
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


def kill_run_rounds(folder: Path, rng: np.random.Generator) -> Rounds:
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
