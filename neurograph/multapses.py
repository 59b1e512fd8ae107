"""How do several synapses from one neuron to another become one?

Added are those of the same source, target, receptor and delay; what differs in receptor or delay stays apart. Sums are
of integer codes, so they are exact and their order is free.

1. All rows are made once, only to be measured: how many synapses are left, and how large sums get.
2. If a sum is beyond the largest code, the scale of its receptor widens until it is not, and all its codes are rounded.
3. Rows made from then on hold sums.
"""

import numpy as np
from numpy.typing import NDArray

from neurograph.codes import Scale
from neurograph.generate import NetworkRows
from neurograph.network import Network
from neurograph.scales import Scales
from neurograph_storage.errors import DataError
from neurograph_storage.jit import kernel
from neurograph_storage.layout import MAX_RECEPTORS, batches
from neurograph_storage.ordered import in_order
from neurograph_storage.rows import Rows
from neurograph_storage.stream import CODE_OFFSET, encode

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

_S16, _S32, _S48 = np.uint64(16), np.uint64(32), np.uint64(48)
_LOW16 = np.uint64(2**16 - 1)


@kernel
def _sum_rows(
    packed: U64,
    offsets: I64,
    block_neurons: int,
    model: NDArray[np.uint8],
    factor: F64,
    measured: I64,
    errors: F64,
) -> tuple[U64, I64]:
    """Add the codes of neighbours that differ in nothing else.

    Parameters
    ----------
    packed : (synapses,) uint64
        Sorted rows, see `neurograph_storage.stream.pack`.
    offsets : (rows + 1,) int64
    model : (neurons,) uint8
        Number of each neuron's model, by storage id.
    factor : (models x 8,) float64
        What the sums of each receptor are multiplied with before they are rounded.
    measured : (models x 8, 4) int64
        Raised to synapses before and after, the most that became one, and the largest sum.
    errors : (models x 8, 2) float64
        Raised to the largest change by rounding, in units of the old code, and the sum of squares.
    """
    out, ends, at = np.empty_like(packed), np.zeros_like(offsets), 0
    for r in range(len(offsets) - 1):
        k = offsets[r]
        while k < offsets[r + 1]:
            same, total, first = packed[k] >> _S16, np.int64(0), k
            while k < offsets[r + 1] and packed[k] >> _S16 == same:
                total += np.int64(packed[k] & _LOW16) - CODE_OFFSET
                k += 1
            target = np.int64(packed[first] >> _S48) * block_neurons + np.int64((packed[first] >> _S16) & _LOW16)
            of = np.int64(model[target]) * MAX_RECEPTORS + np.int64((packed[first] >> _S32) & np.uint64(7))
            code = np.int64(np.floor(total * factor[of] + 0.5))
            out[at] = same << _S16 | np.uint64((code + CODE_OFFSET) & 0xFFFF)
            at += 1
            measured[of, 0] += k - first
            measured[of, 1] += 1
            measured[of, 2] = max(measured[of, 2], k - first)
            measured[of, 3] = max(measured[of, 3], abs(total))
            change = abs(code / factor[of] - total)
            errors[of, 0] = max(errors[of, 0], change)
            errors[of, 1] += change * change
        ends[r + 1] = at
    return out[:at], ends


class SummedRows:
    """The rows of a network with multapses added up; a `neurograph_storage.rows.RowSource`.

    Parameters
    ----------
    source : NetworkRows
    scales : dict
        Those of the single synapses.
    models : (neurons,) uint8
        Number of each neuron's model among ``scales``, by storage id.
    exact : bool
        Refuse sums beyond the largest code instead of widening the scale.
    batch : int
        Synapses in a batch of the pass that measures.
    jobs : int or None

    Attributes
    ----------
    scales : dict
        Those of the sums.

    Raises
    ------
    DataError
    """

    def __init__(
        self,
        source: NetworkRows,
        scales: Scales,
        models: NDArray[np.uint8],
        *,
        exact: bool,
        batch: int,
        jobs: int | None,
    ) -> None:
        self.neurons, self._source, self._models = source.neurons, source, models
        flat = [scale for of_model in scales.values() for scale in of_model]
        slots = [MAX_RECEPTORS * m + k for m, of_model in enumerate(scales.values()) for k in range(len(of_model))]
        self._factor = np.ones(MAX_RECEPTORS * len(scales))
        cuts = batches(source.lengths(), batch)
        self._lengths, measured, errors = self._measure(cuts, jobs)
        self._factor[slots] = [_factor(scale, int(measured[k, 3]), exact) for scale, k in zip(flat, slots, strict=True)]
        if (self._factor != 1).any():
            _, measured, errors = self._measure(cuts, jobs)
        summed = iter(
            [_summed(scale, self._factor[k], measured[k], errors[k]) for scale, k in zip(flat, slots, strict=True)]
        )
        self.scales: Scales = {model: [next(summed) for _ in of_model] for model, of_model in scales.items()}

    def lengths(self) -> I64:
        """Return the synapses in each row, (neurons,) int64."""
        return self._lengths

    def rows(self, start: int, stop: int) -> Rows:
        """Return rows ``start <= r < stop``."""
        packed, offsets, _, _ = self._sum(start, stop)
        return Rows(*encode(packed, offsets), self._source.block_neurons)

    def _sum(self, start: int, stop: int) -> tuple[U64, I64, I64, F64]:
        """Return summed rows, and what was measured in them."""
        measured, errors = np.zeros((len(self._factor), 4), np.int64), np.zeros((len(self._factor), 2))
        packed, offsets = self._source.sorted_rows(start, stop)
        packed, offsets = _sum_rows(
            packed, offsets, self._source.block_neurons, self._models, self._factor, measured, errors
        )
        return packed, offsets, measured, errors

    def _measure(self, cuts: list[tuple[int, int]], jobs: int | None) -> tuple[I64, I64, F64]:
        """Return the length of each summed row, and what was measured in all of them."""

        def batch(start: int, stop: int) -> tuple[I64, I64, F64]:
            _, offsets, measured, errors = self._sum(start, stop)
            return np.diff(offsets), measured, errors

        lengths, at = np.zeros(self.neurons, np.int64), 0
        measured, errors = np.zeros((len(self._factor), 4), np.int64), np.zeros((len(self._factor), 2))
        for of_rows, more, more_errors in in_order(lambda cut: batch(*cut), cuts, jobs):
            lengths[at : at + len(of_rows)] = of_rows
            at += len(of_rows)
            measured[:, :2] += more[:, :2]
            measured[:, 2:] = np.maximum(measured[:, 2:], more[:, 2:])
            errors[:, 0] = np.maximum(errors[:, 0], more_errors[:, 0])
            errors[:, 1] += more_errors[:, 1]
        return lengths, measured, errors


def models_of(network: Network, storage: NDArray[np.uint32], names: list[str]) -> NDArray[np.uint8]:
    """Return the number of each neuron's model in ``names``, (neurons,) uint8, by storage id."""
    models = np.empty(network.size, np.uint8)
    for setup in network.setups:
        span = slice(setup.population.first, setup.population.first + setup.population.size)
        models[storage[span]] = names.index(type(setup.population.model).__name__)
    return models


def _factor(scale: Scale, largest: int, exact: bool) -> float:
    """Return what makes the largest sum fit."""
    if largest <= scale.max_code:
        return 1.0
    if exact:
        raise DataError(
            f"weights of multapses add up to {largest * scale.unit:g}: with unit {scale.unit:g} a weight may be "
            f"{scale.max_code * scale.unit:g} at most; keep multapses apart (--multapses keep)"
        )
    return scale.max_code / largest


def _summed(scale: Scale, factor: float, measured: I64, errors: F64) -> Scale:
    """Return the scale of the sums; their errors are bounded by those of as many synapses as became one."""
    before, after, most, _ = measured.tolist()
    if after == 0:
        return scale
    rms = np.sqrt(scale.rms_error**2 * before / after + errors[1] * scale.unit**2 / after)
    return Scale(
        scale.unit / factor,
        scale.max_error * most + float(errors[0]) * scale.unit,
        float(rms),
        scale.max_code,
    )
