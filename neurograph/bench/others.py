"""How do others fare with the circuit of `neurograph.bench.columns`, and where does their memory end?

Each peer runs in a process of its own, in a control group where that can be made, with the same neurons firing
at the same steps.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.bench.columns import DEGREE, MODULE
from neurograph.bench.limited import active_neurons, can_limit, run_json
from neurograph.bench.settings import PEER_PYTHON
from neurograph.circuit import Circuit
from neurograph.memory import available_memory
from neurograph_storage.errors import DataError
from neurograph_storage.layout import batches
from neurograph_storage.ordered import in_order
from neurograph_storage.sizes import GIB, format_size
from neurograph_storage.stream import CODE_OFFSET

I64 = NDArray[np.int64]
# Of the machine's memory a peer may take so much; the rest keeps the machine alive.
_SHARE = 0.85
# Synapses that are sorted at a time, as integers: row of the batch, target, code.
_BATCH, _ROW_BITS, _CODE_BITS = 2_000_000, 48, 16
# Left free on the disk.
_SPARE = 10 * GIB
NAMES = {"scipy": "SciPy in memory", "memmap": "SciPy over memmap", "nest": "NEST", "brian2": "Brian2"}
_PEERS = Path(__file__).parent / "peers"


def memory_for_peers() -> int:
    """Return the bytes that a peer in memory may take."""
    return int(_SHARE * available_memory())


class Matrix:
    """A circuit's synapses as the arrays of a SciPy csr matrix, on the disk while they are needed.

    Parameters
    ----------
    circuit : Circuit
    folder : Path
    """

    def __init__(self, circuit: Circuit, folder: Path) -> None:
        self._circuit, self.folder = circuit, folder / f"{circuit.path.stem}-csr"

    def __enter__(self) -> "Matrix":
        if not (self.folder / "done").exists():
            needed = 8 * self._circuit.synapses + 8 * self._circuit.neurons
            self.folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.folder).free
            if needed + _SPARE > free:
                self.folder.rmdir()
                raise DataError(
                    f"{self.folder} would take {format_size(needed)}, and {format_size(_SPARE)} must stay free; "
                    f"there are {format_size(free)}"
                )
            self._write()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self) -> None:
        store, synapses = self._circuit.store, self._circuit.synapses
        kinds = {"indices": np.int32, "data": np.float32}
        made = {
            name: np.lib.format.open_memmap(self.folder / f"{name}.npy", "w+", kind, (synapses,))
            for name, kind in kinds.items()
        }
        lengths, at = [np.zeros(1, np.int64)], 0
        scale = np.float32(self._circuit.scales["LIFExp"][0])
        for of_rows, target, code in in_order(self._sorted, batches(np.full(store.neurons, DEGREE), _BATCH)):
            made["indices"][at : at + len(target)] = target
            made["data"][at : at + len(target)] = code * scale
            lengths.append(of_rows)
            at += len(target)
        ends = np.cumsum(np.concatenate(lengths))
        np.save(self.folder / "indptr.npy", ends.astype(np.int32 if synapses < 2**31 else np.int64))
        for array in made.values():
            array.flush()
        (self.folder / "done").touch()

    def _sorted(self, batch: tuple[int, int]) -> tuple[I64, I64, I64]:
        """Return lengths of some rows, and targets and codes by row and target."""
        found = self._circuit.store.rows(*batch).synapses()
        keys = found.row << _ROW_BITS | found.target.astype(np.int64) << _CODE_BITS
        keys |= found.code.astype(np.int64) + CODE_OFFSET
        keys.sort()
        target = keys >> _CODE_BITS & ((1 << _ROW_BITS - _CODE_BITS) - 1)
        lengths = np.bincount(found.row, minlength=batch[1] - batch[0])
        return lengths, target, (keys & ((1 << _CODE_BITS) - 1)) - CODE_OFFSET


def runner_of(
    name: str, circuit: Circuit, folder: Path, limit: int | None
) -> Callable[[int, float, int], dict[str, Any]]:
    """Return what runs a peer for so many steps with so many neurons active among so many.

    Parameters
    ----------
    folder : Path
        Of the matrix, for SciPy.
    limit : int or None
        Bytes of the control group; None for what the machine allows.
    """
    allowed = (limit or memory_for_peers()) if can_limit() else None

    def run(steps: int, active: float, among: int) -> dict[str, Any]:
        given = [str(steps), f"{active:g}", str(among)]
        module = [sys.executable, "-m"]
        if name in ("scipy", "memmap"):
            return run_json([*module, "neurograph.bench.peers.rows_scipy", str(folder), *given, name], allowed)
        if name == "nest":
            return run_json([*module, "neurograph.bench.peers.rows_nest", str(circuit.neurons), *given], allowed)
        step, index = active_neurons(circuit.neurons, steps, active, among=among)
        spikes = circuit.path.with_suffix(".npz")
        np.savez(spikes, step=step, index=index)
        python = os.environ.get(PEER_PYTHON, sys.executable)
        sizes = [str(circuit.neurons), str(DEGREE), str(MODULE), str(spikes), str(steps)]
        try:
            return run_json([python, str(_PEERS / "rows_brian.py"), *sizes], allowed)
        finally:
            spikes.unlink()

    return run
