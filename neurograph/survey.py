"""What must be known of a file of edges before its synapses can be sorted?

One pass: how many synapses, which neurons in which order, what values weights and delays take, whether weights are
whole numbers. Held are an entry for each neuron, and the different values as long as they are few.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.edge_files import EdgeFile, FilePiece, check_neurons
from neurograph.edges import ListedValues, ValueSurvey
from neurograph.ids import IdMap, Ids
from neurograph_storage.errors import DataError


@dataclass(frozen=True, eq=False)
class EdgeSurvey:
    """What one pass over a file of edges found.

    Attributes
    ----------
    count : int
        Synapses.
    ids : (neurons,) int64 or None
        Original ids by index; None if they were not asked for.
    weight : ListedValues
        In the receptor's unit.
    delay : ListedValues or None
        In ms; None if the file has none.
    whole : bool
        Whether weights are stored as integers.
    """

    count: int
    ids: Ids | None
    weight: ListedValues
    delay: ListedValues | None
    whole: bool


def survey_edges(file: EdgeFile, unit: float, *, find_ids: bool) -> EdgeSurvey:
    """Pass over a file of edges once; twice if weights of CSV turn out to be fractions on the way.

    Parameters
    ----------
    unit : float
        What a weight of 1 in the file means, in the receptor's unit.
    find_ids : bool
        Whether the neurons are those that the file names.

    Raises
    ------
    DataError
    """
    try:
        return _survey(file, unit, find_ids)
    except DataError:
        if not file.widen():
            raise
        return _survey(file, unit, find_ids)


def _survey(file: EdgeFile, unit: float, find_ids: bool) -> EdgeSurvey:
    weight, delay, whole = ValueSurvey(), ValueSurvey(), True
    neurons = _Neurons(file) if find_ids and file.ids is None else None
    for piece in file.pieces():
        weight.add(scaled(piece.weight, unit))
        whole &= np.issubdtype(piece.weight.dtype, np.integer)
        if piece.delay is not None:
            delay.add(piece.delay)
        if neurons is not None:
            neurons.add(piece)
    ids = neurons.ids() if neurons is not None else file.ids if find_ids else None
    weights = weight.result(_scaled_again(file, unit))
    return EdgeSurvey(weight.count, ids, weights, delay.result(file.delays) if file.has_delay else None, whole)


def scaled(weights: NDArray[Any], unit: float) -> NDArray[np.float64]:
    """Return weights in the receptor's unit.

    Raises
    ------
    DataError
        If one is too large for a number.
    """
    with np.errstate(over="ignore"):
        values: NDArray[np.float64] = weights * unit
    if not np.isfinite(values).all():
        raise DataError(f"weight {weights[~np.isfinite(values)][0]} times the weight unit {unit:g} is not finite")
    return values


def _scaled_again(file: EdgeFile, unit: float) -> Callable[[], Iterator[NDArray[np.float64]]]:
    return lambda: (scaled(weights, unit) for weights in file.weights())


class _Neurons:
    """Gathers the neurons that edges name: by index where the file gives it, else in order of id."""

    def __init__(self, file: EdgeFile) -> None:
        self._file, self._known, self._largest = file, IdMap(), -1
        self._indexed = False

    def add(self, piece: FilePiece) -> None:
        for ids, index in ((piece.source, piece.source_index), (piece.target, piece.target_index)):
            if self._file.counted:
                self._largest = max(self._largest, int(ids.max(initial=-1)))
            else:
                self._indexed = index is not None
                self._known.add(ids if index is None else index, ids)

    def ids(self) -> Ids:
        """Return original ids by index.

        Raises
        ------
        DataError
            If some index is never named.
        """
        if self._file.counted:
            check_neurons(self._largest + 1, self._file.path)
            return np.arange(self._largest + 1)
        check_neurons(len(self._known), self._file.path)
        named, ids = self._known.ordered()
        if self._indexed and len(named) and (named[0] < 0 or named[-1] >= len(named)):
            gap = named[0] if named[0] < 0 else int(np.flatnonzero(named != np.arange(len(named)))[0])
            raise DataError(
                f"no edge of {self._file.path} names index {gap}, so its neuron is unknown; give a table with --neurons"
            )
        return ids
