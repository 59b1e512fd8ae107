"""Does a stored circuit keep every invariant of docs/data-model.md?

1. Checksums of every granule (12); damaged bytes are reported and nothing is concluded from them.
2. The neuron table (2 to 4) and the row directory (5, 6); what follows needs both.
3. Row batches, streaming (7 to 10), and the input bound gathered on the way (8, 11).

Invariant 1 is checked by opening. Each check yields one `Violation` for each thing found.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.checksum import granule_checksums
from neurograph_storage.layout import GRANULE_BYTES, batches
from neurograph_storage.rows import Rows
from neurograph_storage.store import CircuitStore

BATCH_SYNAPSES = 2**20
PIECE_GRANULES = 256

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Violation:
    """One broken invariant: its number in docs/data-model.md and what was found where."""

    invariant: int
    message: str

    def __str__(self) -> str:
        return f"invariant {self.invariant}: {self.message}"


def verify(
    store: CircuitStore,
    population_sizes: list[int],
    receptor_counts: list[int],
    progress: Progress = lambda _: None,
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
        partial(_directory, store),
        partial(_synapses, store, receptor_counts),
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


def _directory(store: CircuitStore) -> Iterator[Violation]:
    groups, synapses = store.arrays["rows/group"], store.arrays["groups/synapse"]
    counts = store.counts
    if groups[0] != 0 or groups[-1] != counts.groups or (groups[1:] < groups[:-1]).any():
        yield Violation(5, f"rows/group does not rise from 0 to {counts.groups}")
    if synapses[0] != 0 or synapses[-1] != counts.synapses or (synapses[1:] <= synapses[:-1]).any():
        yield Violation(6, f"groups/synapse does not rise strictly from 0 to {counts.synapses}")


@dataclass
class _Seen:
    """What is gathered over all batches."""

    received: NDArray[np.int64]
    min_delay: int = 2**63
    max_delay: int = 0
    receptor_counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def _synapses(store: CircuitStore, receptor_counts: list[int]) -> Iterator[Violation]:
    by_storage = np.empty(store.neurons, np.int64)
    by_storage[store.arrays["neurons/storage"]] = np.array(receptor_counts)[store.arrays["neurons/population"]]
    seen = _Seen(np.zeros(store.neurons, np.int64), receptor_counts=by_storage)
    for start, stop in batches(store.lengths(), BATCH_SYNAPSES):
        for number, message in _batch(store.rows(start, stop), seen):
            yield Violation(number, f"{message}, in rows {start} to {stop - 1}")
    if store.counts.groups and (seen.min_delay, seen.max_delay) != (store.min_delay, store.max_delay):
        yield Violation(8, f"delays span {seen.min_delay} to {seen.max_delay} steps, the metadata says otherwise")
    if seen.received.max(initial=0) != store.input_bound:
        yield Violation(11, f"input bound is {seen.received.max(initial=0)}, the metadata says {store.input_bound}")


def _batch(rows: Rows, seen: _Seen) -> Iterator[tuple[int, str]]:
    if len(rows.target) == 0:
        return
    key = rows.delay.astype(np.int64) << 8 | rows.receptor
    same_row = np.diff(rows.group_rows()) == 0
    if (same_row & (np.diff(key) <= 0)).any():
        yield 7, "delay groups are out of order"
    if rows.delay.min() < 1:
        yield 8, "a delay is below one step"
    if rows.target.max() >= len(seen.received):
        yield 9, f"target {rows.target.max()} does not exist"
        return
    groups = rows.synapse_groups()
    if (rows.receptor[groups] >= seen.receptor_counts[rows.target]).any():
        yield 9, "a receptor does not exist in its target's model"
    order = rows.target.astype(np.int64) << 16 | (rows.weight.astype(np.int64) + 2**15)
    if ((np.diff(groups) == 0) & (np.diff(order) < 0)).any():
        yield 10, "synapses of a group are not sorted by target and weight"
    np.add.at(seen.received, rows.target, np.abs(rows.weight.astype(np.int64)))
    seen.min_delay = min(seen.min_delay, int(rows.delay.min()))
    seen.max_delay = max(seen.max_delay, int(rows.delay.max()))
