"""How are the synapses of row rules drawn, compiled?

Each becomes one sortable integer (`neurograph_storage.stream.pack`), written to its row's place; sorting comes later.

Synapse k of a row uses draws 4k (target), 4k + 1 (second coordinate), 4k + 2 (weight) and 4k + 3 (delay) of the row's
own sequence ``mix64(key + n x gamma)``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph.draws import DiscreteTable, below_scalar, mix64_scalar, sample_table
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
def _bits(key: Any, gamma: Any, draw: int) -> Any:
    return mix64_scalar(key + np.uint64(draw + 1) * gamma)


@kernel
def _below(bits: Any, size: Any) -> Any:
    return np.int64(below_scalar(bits, np.uint64(size)))


@kernel
def fill_ranges(
    packed: U64,
    row: Row,
    low: I64,
    high: I64,
    inside: bool,
    size: int,
    places: NDArray[np.uint32],
    weight: DiscreteTable,
    delay: DiscreteTable,
    receptors: tuple[int, int],
) -> None:
    """Draw targets uniformly from ``low <= t < high``, or from all of the other ``size`` if not ``inside``.

    ``places`` gives block x 2^16 + number within the block of each neuron of the target population; ``receptors``
    are for weights of positive and negative sign.
    """
    for r in range(len(row.first)):
        width = high[r] - low[r]
        for k in range(row.degree[r]):
            bits = _bits(row.key[r], row.gamma[r], 4 * k)
            if inside:
                target = low[r] + _below(bits, width)
            else:
                target = _below(bits, size - width)
                if target >= low[r]:
                    target += width
            code = sample_table(weight, _bits(row.key[r], row.gamma[r], 4 * k + 2))
            steps = sample_table(delay, _bits(row.key[r], row.gamma[r], 4 * k + 3))
            packed[row.first[r] + k] = pack(places[target], steps, receptors[int(code < 0)], code)


@kernel
def fill_distance(
    packed: U64,
    row: Row,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    side: int,
    size: int,
    quantiles: NDArray[np.float64],
    places: NDArray[np.uint32],
    weight: DiscreteTable,
    delay: tuple[float, float],
    receptors: tuple[int, int],
) -> None:
    """Draw targets around each source's place on the periodic unit square.

    Parameters
    ----------
    x, y : (rows,) float64
        Place of each source.
    side, size : int
        The target lattice: neurons in a line, neurons in all.
    quantiles : (2^k,) float64
        Displacement at equally probable points, in units of the sheet's side.
    delay : (float, float)
        Steps at distance 0, and steps for one side of the sheet.
    """
    lines = -(-size // side)
    shift = np.uint64(64) - np.uint64(np.round(np.log2(len(quantiles))))
    for r in range(len(row.first)):
        for k in range(row.degree[r]):
            to_x = x[r] + quantiles[_bits(row.key[r], row.gamma[r], 4 * k) >> shift]
            to_y = y[r] + quantiles[_bits(row.key[r], row.gamma[r], 4 * k + 1) >> shift]
            column = np.int64(np.floor((to_x - np.floor(to_x)) * side)) % side
            line = np.int64(np.floor((to_y - np.floor(to_y)) * lines)) % lines
            # The last line may be short; what is missing there continues on the first, its neighbour on the torus.
            target = (line * side + column) % size
            dx = abs((target % side + 0.5) / side - x[r])
            dy = abs((target // side + 0.5) / lines - y[r])
            dx, dy = min(dx, 1.0 - dx), min(dy, 1.0 - dy)
            steps: Any = max(1, np.int64(np.floor(delay[0] + delay[1] * np.sqrt(dx * dx + dy * dy) + 0.5)))
            code = sample_table(weight, _bits(row.key[r], row.gamma[r], 4 * k + 2))
            packed[row.first[r] + k] = pack(places[target], steps, receptors[int(code < 0)], code)
