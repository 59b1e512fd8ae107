"""Does a stored circuit keep every invariant of docs/data-model.md?

1. The list of files (13), and the checksums (12) of all arrays but the rows' words.
2. The neuron table (2 to 4) and where rows begin (5).
3. The rows' words, read once, by threads: checksums (12), and what the rows say (6 to 10, 14).
4. What was gathered on the way (6, 8, 11).

Invariant 1 is checked by opening. Each check yields one `Violation` for each thing found; nothing is concluded from
damaged bytes, so a stage begins only if the one before found nothing.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.check import DELAY, DIGITS, GROUPS, SORTED, TABLE, TARGET, check_digits, check_rows
from neurograph_storage.codec import decode
from neurograph_storage.errors import CorruptionError
from neurograph_storage.loading import Scratch, StoredRows, read_stored
from neurograph_storage.ordered import in_order, readers_of
from neurograph_storage.reading import read_bytes
from neurograph_storage.store import ROW_WORDS, CircuitStore
from neurograph_storage.summary import RowSummary

_BATCH_WORDS = 2**22
# Results are small, so many may wait.
_AHEAD = 64

Progress = Callable[[int], object]

_MEANING = {
    TABLE: "its sections and groups do not fill it",
    GROUPS: "its groups are out of order",
    DELAY: "a delay is below one step",
    TARGET: "a target, or a receptor of a target's model, does not exist",
    SORTED: "synapses of a group are not sorted by target and weight",
    DIGITS: "a synapse does not have all digits of its weight",
}


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
    *,
    jobs: int | None = None,
) -> Iterator[Violation]:
    """Yield every violation found; none means the circuit is sound.

    Parameters
    ----------
    population_sizes, receptor_counts : list of int
        By population: its neurons and the receptors of its model.
    progress : callable
        Called with the number of bytes just checked.
    jobs : int, optional
        Threads; by default three for each processor, some of which wait for the disk.
    """
    stages = (
        partial(_damage, store, progress),
        partial(_table, store, population_sizes),
        partial(_starts, store),
        partial(_rows, store, receptor_counts, progress, jobs),
    )
    for stage in stages:
        found = list(stage())
        yield from found
        if found:
            return


def _damage(store: CircuitStore, progress: Progress) -> Iterator[Violation]:
    for error in store.manifest.damaged():
        yield Violation(13, str(error))
    for name in store.specs:
        yield from _padding(store, name)
        if name == ROW_WORDS:
            continue
        for nbytes, bad in store.damaged_granules(name):
            yield from _bad_granules(store, name, bad)
            progress(nbytes)


def _bad_granules(store: CircuitStore, name: str, granules: NDArray[np.int64]) -> Iterator[Violation]:
    for granule in granules.tolist():
        yield Violation(12, f"granule {granule} of {name} is damaged, in {store.granule_path(name, granule)}")


def _padding(store: CircuitStore, name: str) -> Iterator[Violation]:
    """Check the end of the last chunk file, which is no part of the array."""
    spec = store.specs[name]
    path_of = partial(store.chunk_path, name)
    if spec.length and read_bytes(path_of, spec, spec.nbytes, spec.chunks * spec.chunk_bytes).any():
        yield Violation(12, f"the padding of {name} is damaged, in {path_of(spec.chunks - 1)}")


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


class _Piece(NamedTuple):
    """What one batch of rows showed: bytes, damaged granules, and what is wrong with the rows, if anything."""

    nbytes: int
    damaged: NDArray[np.int64]
    violation: Violation | None
    plain_words: int


class _RowChecker:
    """Checks batches of rows, from any thread.

    As many threads at a time as there are processors look at rows, each with a summary of its own; the others read.
    """

    def __init__(self, store: CircuitStore, receptors: NDArray[np.uint8]) -> None:
        self._store, self._receptors, self._scratch = store, receptors, Scratch()
        self.summaries = [RowSummary(store.neurons) for _ in range(os.cpu_count() or 1)]
        self._free: SimpleQueue[RowSummary] = SimpleQueue()
        for summary in self.summaries:
            self._free.put(summary)

    def __call__(self, batch: tuple[int, int]) -> _Piece:
        stored = read_stored(self._store, *batch, self._scratch)
        piece = _Piece(stored.words.nbytes, stored.damaged, None, 0)
        if len(stored.damaged):
            return piece
        summary = self._free.get()
        try:
            return self._check(batch[0], stored, piece, summary)
        finally:
            self._free.put(summary)

    def _check(self, row: int, stored: StoredRows, piece: _Piece, summary: RowSummary) -> _Piece:
        try:
            rows = decode(stored.starts, stored.words, self._store.block_neurons, self._store.codec)
        except CorruptionError as error:
            return piece._replace(violation=Violation(TABLE, f"row {row + (error.row or 0)}: its bits say nothing"))
        digits = self._store.digits
        bad, invariant = check_rows(rows.words, rows.starts, rows.block_neurons, self._receptors, digits == 1)
        if digits > 1 and not invariant:
            bad, invariant = check_digits(rows, digits)
        if invariant:
            return piece._replace(violation=Violation(invariant, f"row {row + bad}: {_MEANING[invariant]}"))
        summary.add(rows)
        return piece._replace(plain_words=len(rows.words))


def _rows(store: CircuitStore, receptor_counts: list[int], progress: Progress, jobs: int | None) -> Iterator[Violation]:
    receptors = np.empty(store.neurons, np.uint8)
    of_populations = np.array(receptor_counts) * store.digits
    receptors[store.arrays["neurons/storage"]] = of_populations[store.arrays["neurons/population"]]
    check = _RowChecker(store, receptors)
    sound, damaged, plain_words = True, -1, 0
    threads = readers_of(jobs)
    for piece in in_order(check, store.row_batches(_BATCH_WORDS), threads, ahead=_AHEAD):
        progress(piece.nbytes)
        # A granule on the border of two batches is read for both.
        yield from _bad_granules(store, ROW_WORDS, piece.damaged[piece.damaged > damaged])
        damaged = max(damaged, *piece.damaged.tolist(), -1)
        plain_words += piece.plain_words
        sound = sound and piece.violation is None and damaged < 0
        if piece.violation:
            yield piece.violation
    if sound:
        yield from _totals(store, RowSummary.merged(store.neurons, check.summaries), plain_words)


def _totals(store: CircuitStore, summary: RowSummary, plain_words: int) -> Iterator[Violation]:
    if summary.delays != (store.min_delay, store.max_delay):
        yield Violation(8, f"delays span {summary.delays} steps, the metadata says otherwise")
    if summary.input_bound != store.input_bound:
        yield Violation(11, f"the input bound is {summary.input_bound}, the metadata says {store.input_bound}")
    if (summary.synapses, plain_words) != (store.counts.synapses, store.counts.plain_words):
        found = f"{summary.synapses} synapses in {plain_words} plain words"
        yield Violation(6, f"there are {found}; the metadata says {store.counts.synapses}, {store.counts.plain_words}")
