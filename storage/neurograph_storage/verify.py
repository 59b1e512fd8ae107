"""Does a stored circuit keep every invariant of docs/data-model.md?

1. Checksums of every granule (12); damaged bytes are reported and nothing is concluded from them.
2. The neuron table (2 to 4) and where rows begin (5); what follows needs both.
3. Batches of rows, streaming (6 to 10), and what is gathered on the way (8, 11).

Invariant 1 is checked by opening. Each check yields one `Violation` for each thing found.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from neurograph_storage.check import DELAY, GROUPS, SORTED, TABLE, TARGET, check_rows
from neurograph_storage.checksum import granule_checksums
from neurograph_storage.layout import GRANULE_BYTES
from neurograph_storage.store import CircuitStore
from neurograph_storage.summary import RowSummary

BATCH_WORDS = 2**22
PIECE_GRANULES = 256

Progress = Callable[[int], object]

_MEANING = {
    TABLE: "its sections and groups do not fill it",
    GROUPS: "its groups are out of order",
    DELAY: "a delay is below one step",
    TARGET: "a target, or a receptor of a target's model, does not exist",
    SORTED: "synapses of a group are not sorted by target and weight",
}


@dataclass(frozen=True)
class Violation:
    """One broken invariant: its number in docs/data-model.md and what was found where."""

    invariant: int
    message: str

    def __str__(self) -> str:
        return f"invariant {self.invariant}: {self.message}"


def verify(
    store: CircuitStore, population_sizes: list[int], receptor_counts: list[int], progress: Progress = lambda _: None
) -> Iterator[Violation]:
    """Yield every violation found; none means the circuit is sound.

    Parameters
    ----------
    population_sizes, receptor_counts : list of int
        By population: its neurons and the receptors of its model.
    progress : callable
        Called with the number of bytes just checked.
    """
    # Lazy: a stage begins only if the one before found nothing.
    stages = (
        partial(_damage, store, progress),
        partial(_table, store, population_sizes),
        partial(_starts, store),
        partial(_rows, store, receptor_counts),
    )
    for stage in stages:
        found = list(stage())
        yield from found
        if found:
            return


def _damage(store: CircuitStore, progress: Progress) -> Iterator[Violation]:
    for name, spec in store.specs.items():
        stored = store.checksums(name)
        step = PIECE_GRANULES * GRANULE_BYTES // spec.dtype.itemsize
        for k, start in enumerate(range(0, spec.length, step)):
            piece = store.arrays[name][start : start + step]
            first = k * PIECE_GRANULES
            found = granule_checksums(piece)
            for bad in first + np.flatnonzero(found != stored[first : first + len(found)]):
                yield Violation(12, f"granule {bad} of {name} is damaged, in {granule_file(store, name, int(bad))}")
            progress(piece.nbytes)


def granule_file(store: CircuitStore, name: str, granule: int) -> str:
    """Return the chunk file that holds a granule, as text."""
    return str(store.chunk_path(name, granule * GRANULE_BYTES // store.specs[name].chunk_bytes))


def _table(store: CircuitStore, sizes: list[int]) -> Iterator[Violation]:
    ids, order = store.arrays["neurons/id"], store.arrays["neurons/storage"]
    if len(np.unique(ids)) != len(ids):
        yield Violation(2, "original ids are not unique")
    if not np.array_equal(np.sort(order), np.arange(store.neurons)):
        yield Violation(3, f"neurons/storage is not a permutation of 0 .. {store.neurons - 1}")
    found = np.bincount(store.arrays["neurons/population"], minlength=len(sizes)).tolist()
    if found != sizes:
        yield Violation(4, f"population sizes are {found}, the metadata says {sizes}")


def _starts(store: CircuitStore) -> Iterator[Violation]:
    if not store.starts_rise():
        yield Violation(5, f"rows/start does not rise strictly from 0 to {store.counts.words}")


def _rows(store: CircuitStore, receptor_counts: list[int]) -> Iterator[Violation]:
    receptors = np.empty(store.neurons, np.uint8)
    receptors[store.arrays["neurons/storage"]] = np.array(receptor_counts)[store.arrays["neurons/population"]]
    summary = RowSummary(store.neurons)
    for start, stop in store.row_batches(BATCH_WORDS):
        rows = store.rows(start, stop)
        row, invariant = check_rows(rows.words, rows.starts, store.block_neurons, receptors)
        if invariant:
            yield Violation(invariant, f"row {start + row}: {_MEANING[invariant]}")
            return
        summary.add(rows)
    if summary.delays != (store.min_delay, store.max_delay):
        yield Violation(8, f"delays span {summary.delays} steps, the metadata says otherwise")
    if summary.input_bound != store.input_bound:
        yield Violation(11, f"the input bound is {summary.input_bound}, the metadata says {store.input_bound}")
    if summary.synapses != store.counts.synapses:
        yield Violation(6, f"there are {summary.synapses} synapses, the metadata says {store.counts.synapses}")
