"""How are the synapses of row rules drawn, compiled?

Each becomes one sortable integer (`neurograph_storage.stream.pack`), written to its row's place; sorting comes later.

Synapse k of a row uses draws 4k (target), 4k + 1 (second coordinate), 4k + 2 (weight) and 4k + 3 (delay) of the row's
own sequence ``mix64(key + n x gamma)``.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.choosing import bitmap, choose
from neurograph.draws import DiscreteTable, row_bits, sample_table
from neurograph.row_rules import Candidates
from neurograph_storage.jit import kernel
from neurograph_storage.stream import pack

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


class Row(NamedTuple):
    """Which rows are filled, and with what draws.

    Attributes
    ----------
    first : (rows,) int64
        Where in the packed array the projection's first synapse of each row goes.
    key, gamma : (rows,) uint64
        The row's sequence of draws.
    degree : (rows,) int64
        Synapses of each row.
    """

    first: I64
    key: U64
    gamma: U64
    degree: I64


@kernel
def _choose_row(chosen: I64, bits: U64, row: Row, r: int, size: int, distinct: bool, taken: U64) -> None:
    """Write the numbers of the candidates that row ``r`` chooses."""
    for k in range(row.degree[r]):
        bits[k] = row_bits(row.key[r], row.gamma[r], 4 * k)
    choose(chosen, bits[: row.degree[r]], size, distinct, taken)


@kernel
def fill_ranges(
    packed: U64,
    row: Row,
    candidates: Candidates,
    distinct: bool,
    places: NDArray[np.uint32],
    weight: DiscreteTable,
    delay: DiscreteTable,
    receptors: tuple[int, int],
) -> None:
    """Draw targets uniformly from each source's candidates, each at most once if ``distinct``.

    ``places`` gives block x 2^16 + number within the block of each neuron of the target population; ``receptors``
    are for weights of positive and negative sign.
    """
    most = row.degree.max() if len(row.degree) else 0
    chosen, bits = np.empty(most, np.int64), np.empty(most, np.uint64)
    taken = bitmap(len(places) if distinct else 0)
    for r in range(len(row.first)):
        _choose_row(chosen, bits, row, r, candidates.size[r], distinct, taken)
        for k in range(row.degree[r]):
            target = chosen[k] + (chosen[k] >= candidates.own[r])
            target += candidates.by[r] * (target >= candidates.at[r])
            code = sample_table(weight, row_bits(row.key[r], row.gamma[r], 4 * k + 2))
            steps = sample_table(delay, row_bits(row.key[r], row.gamma[r], 4 * k + 3))
            packed[row.first[r] + k] = pack(places[target], steps, receptors[int(code < 0)], code)
