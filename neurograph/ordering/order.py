"""How is a circuit written anew in another order?

1. A method decides the order (`neurograph.ordering.methods`).
2. Rows are taken from the circuit in that order (`neurograph.ordering.reordered`) and appended as a build appends them:
   by any number of workers, with a journal, published when complete.
3. All that names neurons by index or original id stays as it was, so no user sees any of it.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.builder import BATCH_SYNAPSES, append_rows, build
from neurograph.circuit import Circuit
from neurograph.memory import batch_synapses
from neurograph.network import Network
from neurograph.ordering.activity import Activity, pilot, recorded
from neurograph.ordering.methods import Setting, check_method
from neurograph.ordering.reordered import ReorderedRows
from neurograph.ordering.wiring import StoredWiring
from neurograph.space import check_space, named_disk_full
from neurograph_storage.codec import RAW, check_codec
from neurograph_storage.errors import ArgumentError
from neurograph_storage.layout import batches
from neurograph_storage.manifest import MANIFEST
from neurograph_storage.publish import publishing, refuse_existing
from neurograph_storage.sizes import GIB, parse_size
from neurograph_storage.writer import CircuitWriter

I64 = NDArray[np.int64]
Progress = Callable[[int, int], object]

PILOT_MS = 200.0
# Of the budget, what mapped rows may take.
_RESIDENT_SHARE = 4


def order(
    circuit: Circuit | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    method: str,
    spikes: str | os.PathLike[str] | None = None,
    pilot_ms: float = PILOT_MS,
    codec: str | None = None,
    memory: str | int = GIB,
    jobs: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Circuit:
    """Write a circuit in another storage order and open it. Nothing that a user sees changes.

    Parameters
    ----------
    circuit : Circuit or path
    out : path
        Must not exist; appears only when complete. An order that was interrupted goes on where it was when the same is
        started again.
    method : str
        One of `neurograph.ordering.methods`: none, degree, rcm, multilevel, streaming, community, coactivity.
    spikes : path, optional
        For coactivity: a spike file of a run. Without it, a pilot run is made.
    pilot_ms : float
        Length of the pilot run, in ms.
    codec : {"raw", "compressed"}, optional
        Form of the rows on disk; by default that of the circuit.
    memory : str or int
        Bytes that may be taken beyond what must be known of each neuron; changes no result.
    jobs : int, optional
        Worker threads; by default one for each processor. Changes no result.
    progress : callable
        Called with the number of synapses just written, and of those there will be.

    Raises
    ------
    CircuitExistsError, CircuitLockedError, DiskSpaceError, ArgumentError, DataError
    """
    opened = circuit if isinstance(circuit, Circuit) else Circuit(circuit)
    final, budget = Path(out).absolute(), parse_size(memory)
    refuse_existing(final)
    check_method(method)
    check_codec(codec or opened.store.codec)
    opened.store.check_tables()
    activity = activity_of(opened, spikes, pilot_ms) if method == "coactivity" else None
    wiring = StoredWiring(opened.store, budget, jobs)
    decided, lengths = decide(opened, method, activity, wiring=wiring, memory=budget, jobs=jobs), wiring.lengths()
    del wiring
    return write_ordered(
        opened, final, decided, lengths, method=method, codec=codec, memory=budget, jobs=jobs, progress=progress
    )


def build_ordered(
    path: str | os.PathLike[str],
    network: Network,
    *,
    order_by: str,
    memory: str | int = GIB,
    jobs: int | None = None,
    progress: Progress = lambda _done, _total: None,
    **options: Any,
) -> Circuit:
    """Build a circuit in another storage order and open it; parameters as for `neurograph.build` and `order`.

    It is first built as the recipe stores it, in ``OUT.unordered``, which takes as much room again and then goes. If
    that is left from a build that was interrupted while it ordered, the same build goes on from there.

    Raises
    ------
    As for `neurograph.build` and `order`.
    """
    out = Path(path).absolute()
    refuse_existing(out)
    check_method(order_by)
    first = out.with_name(out.name + ".unordered")
    if not (first.exists() and _same_recipe(first, network, options)):
        build(first, network, memory=memory, jobs=jobs, progress=progress, **options)
    circuit = order(first, out, method=order_by, memory=memory, jobs=jobs, progress=progress)
    shutil.rmtree(first)
    return circuit


def _same_recipe(first: Path, network: Network, options: dict[str, Any]) -> bool:
    """Say whether a circuit is what a recipe would build; of other networks that cannot be known."""
    made = Circuit(first).store
    known = made.circuit["provenance"]
    asked = {"recipe": dict(network.recipe), "seed": options.get("seed", 0), "shuffle": options.get("shuffle", False)}
    plain = not (options.keys() - {"seed", "shuffle", "codec"})
    same_codec = made.codec == options.get("codec", RAW)
    return bool(network.recipe) and plain and same_codec and asked.items() <= known.items()


def activity_of(circuit: Circuit, spikes: str | os.PathLike[str] | None, pilot_ms: float) -> Activity:
    """Return recorded spikes, or those of a pilot run."""
    return pilot(circuit, pilot_ms) if spikes is None else recorded(circuit, spikes)


def decide(
    circuit: Circuit,
    method: str,
    activity: Activity | None = None,
    *,
    wiring: StoredWiring | None = None,
    memory: int = GIB,
    jobs: int | None = None,
) -> I64:
    """Return the storage id, as it is now, of the neuron at each new place, (neurons,) int64.

    With ``wiring``, rows that it has read are not read again.
    """
    setting = Setting(
        rows=circuit.store.attributes["partition_rows"], dt=circuit.dt, memory=memory, jobs=jobs, activity=activity
    )
    return check_method(method)(wiring or StoredWiring(circuit.store, memory, jobs), setting)


def write_ordered(
    circuit: Circuit,
    out: Path,
    decided: I64,
    lengths: I64,
    *,
    method: str,
    codec: str | None = None,
    memory: int = GIB,
    jobs: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Circuit:
    """Write a circuit in a given order and open it; ``lengths`` of its rows as they are, the rest as for `order`."""
    store, form = circuit.store, codec or circuit.store.codec
    if not np.array_equal(np.sort(decided), np.arange(circuit.neurons)):
        raise ArgumentError("an order must hold every storage id exactly once")
    fingerprint = _fingerprint(circuit, decided, method, form)
    rows = ReorderedRows(
        store,
        decided,
        block_neurons=store.block_neurons,
        resident=memory // _RESIDENT_SHARE,
        lengths=lengths,
    )
    if 2 * store.counts.words > memory:
        store.advise(fits=False)
    with publishing(out, fingerprint) as folder, named_disk_full(out):
        table = _neurons(circuit, decided)
        writer = CircuitWriter(folder, table, block_neurons=store.block_neurons, codec=form, digits=store.digits)
        lengths = rows.lengths()
        check_space(out, lengths, rows, codec=form, done=writer.rows)
        batch = batch_synapses(BATCH_SYNAPSES, memory, jobs)
        cuts = [(writer.rows + low, writer.rows + high) for low, high in batches(lengths[writer.rows :], batch)]
        append_rows(writer, rows, form, int(lengths.sum()), cuts, jobs, progress)
        provenance = {**store.circuit["provenance"], "order": method}
        writer.finish({**store.circuit, "provenance": provenance})
    return Circuit(out)


def _neurons(circuit: Circuit, decided: I64) -> dict[str, NDArray[Any]]:
    """Return the neuron table, with new storage ids."""
    table = {name: np.array(array) for name, array in circuit.store.arrays.items() if not name.startswith("rows/")}
    place = np.empty(circuit.neurons, np.uint32)
    place[decided] = np.arange(circuit.neurons, dtype=np.uint32)
    table["neurons/storage"] = place[circuit.storage]
    return table


def _fingerprint(circuit: Circuit, decided: I64, method: str, codec: str) -> str:
    # The list of files holds checksums of checksums, so it stands for every byte of the circuit.
    digest = hashlib.sha256((circuit.path / MANIFEST).read_bytes())
    digest.update(repr(["order", method, codec]).encode())
    digest.update(decided.tobytes())
    return digest.hexdigest()
