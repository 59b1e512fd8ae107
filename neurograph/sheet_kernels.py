"""How are targets around a source's place on the sheet drawn, compiled?

The draws are those of `neurograph.row_kernels`; a target that may not be is drawn again, with the draws behind the last
synapse's. Weights and delays are looked up in a table, or follow the distance.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.choosing import bitmap, forget, is_taken, take
from neurograph.draws import DiscreteTable, row_bits, sample_table
from neurograph.row_kernels import Row
from neurograph_storage.jit import kernel
from neurograph_storage.stream import pack

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


class Places(NamedTuple):
    """Where the targets lie.

    Attributes
    ----------
    side, lines, size : int
        The target lattice: neurons in a line, lines, neurons in all.
    quantiles : (2^k,) float64
        Displacement at equally probable points, in units of the sheet's side.
    shift : uint64
        64 - k: how far right a draw is shifted to choose one of them.
    storage : (size,) uint32
        Block x 2^16 + number within the block of each target.
    """

    side: int
    lines: int
    size: int
    quantiles: F64
    shift: np.uint64
    storage: NDArray[np.uint32]


class Values(NamedTuple):
    """What weights or delays are, as integers: drawn from ``table``, or ``base + slope x distance`` if ``linear``.

    Attributes
    ----------
    slope : float
        Change over one side of the sheet.
    low, high : float
        Bounds of what is linear.
    """

    linear: bool
    base: float
    slope: float
    low: float
    high: float
    table: DiscreteTable


@kernel
def _value(values: Values, distance: float, bits: Any) -> Any:
    if not values.linear:
        return sample_table(values.table, bits)
    exact = min(max(values.base + values.slope * distance, values.low), values.high)
    return np.int64(np.floor(exact + 0.5))


@kernel
def _target(x: float, y: float, places: Places, row: Row, r: int, draw: int) -> Any:
    """Return the neuron at a drawn displacement from (x, y)."""
    to_x = x + places.quantiles[row_bits(row.key[r], row.gamma[r], draw) >> places.shift]
    to_y = y + places.quantiles[row_bits(row.key[r], row.gamma[r], draw + 1) >> places.shift]
    column = np.int64(np.floor((to_x - np.floor(to_x)) * places.side)) % places.side
    line = np.int64(np.floor((to_y - np.floor(to_y)) * places.lines)) % places.lines
    # The last line may be short; what is missing there continues on the first, its neighbour on the torus.
    return (line * places.side + column) % places.size


@kernel
def _distance(x: float, y: float, places: Places, target: int) -> Any:
    """Return the distance in units of the sheet's side, the shorter way round in each direction."""
    dx = abs((target % places.side + 0.5) / places.side - x)
    dy = abs((target // places.side + 0.5) / places.lines - y)
    dx, dy = min(dx, 1.0 - dx), min(dy, 1.0 - dy)
    return np.sqrt(dx * dx + dy * dy)


@kernel
def _choose_row(
    chosen: I64, x: float, y: float, places: Places, row: Row, r: int, own: int, distinct: bool, taken: U64
) -> None:
    """Write the targets of row ``r``: none is ``own``, and none comes twice if ``distinct``."""
    again = 4 * row.degree[r]
    for k in range(row.degree[r]):
        target = _target(x, y, places, row, r, 4 * k)
        while target == own or (distinct and is_taken(taken, target)):
            target = _target(x, y, places, row, r, again)
            again += 2
        chosen[k] = target
        if distinct:
            take(taken, target)
    if distinct:
        forget(taken, chosen[: row.degree[r]])


@kernel
def fill_distance(
    packed: U64,
    row: Row,
    x: F64,
    y: F64,
    own: I64,
    distinct: bool,
    places: Places,
    weight: Values,
    delay: Values,
    receptors: tuple[int, int],
) -> None:
    """Draw targets around each source's place on the periodic unit square.

    Parameters
    ----------
    x, y : (rows,) float64
        Place of each source.
    own : (rows,) int64
        The target that is the source itself and may not be; -1 for none.
    distinct : bool
        Whether a target is drawn at most once.
    """
    chosen = np.empty(row.degree.max() if len(row.degree) else 0, np.int64)
    taken = bitmap(places.size if distinct else 0)
    for r in range(len(row.first)):
        _choose_row(chosen, x[r], y[r], places, row, r, own[r], distinct, taken)
        for k in range(row.degree[r]):
            distance = _distance(x[r], y[r], places, chosen[k])
            code = _value(weight, distance, row_bits(row.key[r], row.gamma[r], 4 * k + 2))
            steps = _value(delay, distance, row_bits(row.key[r], row.gamma[r], 4 * k + 3))
            packed[row.first[r] + k] = pack(places.storage[chosen[k]], steps, receptors[int(code < 0)], code)
