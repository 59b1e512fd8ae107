"""What is said of a circuit of which one bit was turned?"""

import subprocess
import sys
from pathlib import Path

import numpy as np

import neurograph as ng
from faults.common import BUILD, CHILD, Lost, Rounds, finish
from neurograph_storage.errors import NeuroGraphError


def flip_rounds(folder: Path, rng: np.random.Generator) -> Rounds:
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
        [sys.executable, str(CHILD), "verify", str(path)], capture_output=True, text=True, check=False
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
