"""Which partitions will be active soon?

A partition is a range of rows in storage order. Time is cut into windows, longer ones while little happens; a partition
is *active* in one if it fires more than the average one does. At the end of a window each active partition p says how
much it expects of every other, q, and those expected most are *wanted*, as many as there is room for:

| policy | what p expects of q |
|---|---|
| `LAYOUT` | the share of its synapses that lead there, from some of its rows |
| `LEARNED` | how often q was active in the window after p was, lately: counted, and forgotten with time |

What is wanted has no influence on spikes. Only worker 0 calls these.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel, part
from neurograph_storage.loading import load_rows
from neurograph_storage.store import CircuitStore

# Who decides what is read, and when: spikes, when their rows are due; spikes, at once; and also one of three guesses.
NONE, EXACT, LAYOUT, LEARNED, ORACLE = range(5)
POLICIES = {"none": NONE, "exact": EXACT, "layout": LAYOUT, "learned": LEARNED, "oracle": ORACLE}
# Partitions, at most; a table of their pairs takes no more than this share of the room.
_PARTITIONS, _SHARE = 512, 64
WINDOW = 10.0  # ms
# Of what was counted this much is left when the same is counted again.
_REMEMBERED = np.float32(0.95)
# What is expected less than this is left alone: once in 32 windows, or twice what chance would have it.
_SELDOM, _CHANCE = 1 / 32, 2.0
# Wanted partitions fill this share of the room, so that they can stay when others come.
FILL = 0.75
_SAMPLED_ROWS = 8
# Positions in `clock`: the step at which the window ends; how many partitions are wanted; which of them is being read,
# and its next row; spikes of a usual window.
_END, COUNT, PLACE, ROW, _USUAL = range(5)
# A window with less than this part of the usual spikes goes on, but no longer than so many of the usual ones.
_QUIET, _LONGEST, _SLOWLY = 2, 8, 4
# Columns of `table`: spikes in this window; whether it was active in the last one; whether spikes are expected, and, by
# rank, of whom; words of all its rows' tails.
SPIKES, ACTIVE, WANTED, RANKED, WORDS = range(5)
_ALL_ROWS = 62


class Model(NamedTuple):
    """What is known of partitions.

    Attributes
    ----------
    policy : int
    shift : int
        A row belongs to the partition ``row >> shift``.
    window : int
        Steps.
    links : (partitions, partitions + 1) float32
        Share of synapses, or how often the second was active after the first; behind them, how often the first was.
    table : (partitions, 5) int64
    clock : (5,) int64
    """

    policy: int
    shift: int
    window: int
    links: NDArray[np.float32]
    table: NDArray[np.int64]
    clock: NDArray[np.int64]

    @staticmethod
    def make(policy: int, tails: NDArray[np.uint32], window: int, partitions: int) -> "Model":
        """Return that nothing is known, of at most so many partitions of rows whose tails have so many words."""
        shift, last = _ALL_ROWS, max(0, len(tails) - 1)
        # One partition has all rows, also where nothing is known of them.
        while partitions > 1 and shift > 0 and last >> shift - 1 < partitions:
            shift -= 1
        count = (last >> shift) + 1
        table, links = np.zeros((count, 5), np.int64), np.zeros((count, count + 1), np.float32)
        table[:, WORDS] = np.bincount(np.arange(len(tails)) >> shift, weights=tails, minlength=count)
        return Model(policy, shift, window, links, table, np.array([window, 0, 0, 0, 0]))


def partitions_for(policy: int, room: int) -> int:
    """Return how many partitions there may be, if ``room`` bytes are there for rows and what is known of them."""
    return max(1, min(_PARTITIONS, int((room // _SHARE // 4) ** 0.5))) if policy in (LAYOUT, LEARNED) else 1


def follow_layout(model: Model, store: CircuitStore) -> None:
    """Let each partition expect of others what its synapses say, from some of its rows.

    Raises
    ------
    CorruptionError
    """
    partitions = len(model.table)
    for p in range(partitions):
        rows = np.arange(p << model.shift, min(store.neurons, (p + 1) << model.shift))
        for row in rows[:: max(1, len(rows) // _SAMPLED_ROWS)].tolist():
            targets = load_rows(store, (row, row + 1)).synapses().target
            model.links[p, :-1] += np.bincount(targets >> model.shift, minlength=partitions)
        model.links[p, :-1] /= max(1.0, float(model.links[p].sum()))
        model.links[p, -1] = 1


@part
def is_over(model: Model, step: int) -> bool:
    """Return whether the window ends at ``step``."""
    clock = model.clock
    if step < clock[_END]:
        return False
    last = step >= clock[_END] + (_LONGEST - 1) * model.window
    return last or model.table[:, SPIKES].sum() * _QUIET >= clock[_USUAL]


@kernel
def predict(model: Model, step: int, room: int) -> None:
    """End the window: learn from it, and say what is wanted.

    Parameters
    ----------
    room : int
        Words that there is room for; 0 if nothing may be wanted.
    """
    clock, table, count = model.clock, model.table, len(model.table)
    total = table[:, SPIKES].sum()
    clock[_END], clock[_USUAL] = step + model.window, clock[_USUAL] + (total - clock[_USUAL]) // _SLOWLY
    active = np.zeros(count, np.uint8)
    for p in range(count):
        active[p] = table[p, SPIKES] > 0 and table[p, SPIKES] * count >= total
    if model.policy == LEARNED:
        _learn(model, active)
    for p in range(count):
        table[p, ACTIVE], table[p, SPIKES] = active[p], 0
    _rank(model, room)


@kernel
def _learn(model: Model, active: NDArray[np.uint8]) -> None:
    count = len(active)
    for p in range(count):
        if model.table[p, ACTIVE]:
            for q in range(count):
                model.links[p, q] = model.links[p, q] * _REMEMBERED + np.float32(active[q])
            model.links[p, count] = model.links[p, count] * _REMEMBERED + np.float32(1)


@kernel
def _expected(model: Model) -> NDArray[np.float32]:
    """Return how much those that are active now expect of each partition, on average."""
    count = len(model.table)
    expected, actives = np.zeros(count, np.float32), max(np.int64(1), model.table[:, ACTIVE].sum())
    for p in range(count):
        if model.table[p, ACTIVE] and model.links[p, count] > 0:
            for q in range(count):
                expected[q] += model.links[p, q] / model.links[p, count]
    return expected / np.float32(actives)


@kernel
def _rank(model: Model, room: int) -> None:
    """Say which partitions are expected most, as many as there is room for."""
    table, count, expected = model.table, len(model.table), _expected(model)
    least = _SELDOM if model.policy == LEARNED else _CHANCE / count
    order, filled, wanted = np.argsort(-expected), 0, 0
    for partition in range(count):
        table[partition, WANTED] = 0
    while wanted < count and expected[order[wanted]] >= least:
        partition = order[wanted]
        filled += table[partition, WORDS]
        if filled > FILL * room:
            break
        table[wanted, RANKED], table[partition, WANTED] = partition, 1
        wanted += 1
    model.clock[COUNT], model.clock[PLACE], model.clock[ROW] = wanted, 0, 0


@kernel
def next_row(model: Model, rows: int) -> int:
    """Return the next row of what is wanted, or -1; in the order in which they lie, partition by partition."""
    clock = model.clock
    while clock[PLACE] < clock[COUNT]:
        row = (model.table[clock[PLACE], RANKED] << model.shift) + clock[ROW]
        if clock[ROW] < 1 << model.shift and row < rows:
            clock[ROW] += 1
            return row
        clock[PLACE], clock[ROW] = clock[PLACE] + 1, 0
    return -1


@kernel
def put_back(model: Model) -> None:
    """Let `next_row` return the same row once more."""
    model.clock[ROW] -= 1
