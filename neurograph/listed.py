"""How do the synapses of a rule that lists them get into rows?

1. The list comes in pieces (`neurograph.edges`); weights and delays that it does not give are drawn by synapse number.
2. Each synapse becomes one integer, and all are sorted by the storage order of their sources (`neurograph.spill`).
3. Rows lie in storage order too, so any range of them is one piece of each sorted run.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from neurograph.delays import delay_steps, delay_table
from neurograph.distributions import Constant, LinearInDistance
from neurograph.edges import PIECE, EdgePiece, EdgeStream, ListedValues
from neurograph.network import Network, Projection
from neurograph.rules import EdgeRule, edge_bits
from neurograph.runs import Gathered, Run, copy_rows
from neurograph.scales import Scales, digits_of, encode_listed, receptors_of, weight_table
from neurograph.spill import RunStore
from neurograph_storage.errors import ArgumentError
from neurograph_storage.jit import kernel
from neurograph_storage.stream import pack

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]


def edge_count(projection: Projection, rule: EdgeRule) -> int:
    """Return how many synapses a rule lists.

    Raises
    ------
    ArgumentError
        If the rule does not fit its populations, or weights or delays are more or fewer than synapses.
    """
    if isinstance(rule, EdgeStream):
        return rule.count
    count = rule.count(projection.source.size, projection.target.size)
    if count and not projection.source.size:
        raise ArgumentError(
            f"population {projection.source.name!r} is empty, so {type(rule).__name__} finds no sources"
        )
    for what, values in (("weights", projection.weight), ("delays", projection.delay)):
        if isinstance(values, ListedValues) and values.count != count:
            raise ArgumentError(f"{values.count} {what} were given for {count} synapses")
    return count


def lists_of(network: Network) -> list[tuple[int, int, int]]:
    """Return number, sources and synapses of each projection that lists its synapses."""
    return [
        (part, projection.source.size, edge_count(projection, projection.rule))
        for part, projection in enumerate(network.projections)
        if isinstance(projection.rule, EdgeRule)
    ]


def edge_pieces(projection: Projection, rule: EdgeRule, seed: int, part: int, start: int = 0) -> Iterator[EdgePiece]:
    """Yield the synapses of a rule from number ``start`` on."""
    if isinstance(rule, EdgeStream):
        yield from rule.pieces(start)
        return
    count = edge_count(projection, rule)
    for low in range(start, count, PIECE):
        high = min(low + PIECE, count)
        source, target = rule.edges(low, high, projection.source.size, seed, part, projection.ends.offset)
        yield EdgePiece(source, target, _given(projection.weight, low, high), _given(projection.delay, low, high))


def _given(values: object, low: int, high: int) -> NDArray[np.float64] | None:
    if not isinstance(values, ListedValues):
        return None
    assert values.array is not None
    return np.asarray(values.array[low:high], np.float64)


class ListedCoder:
    """Turns the synapses of a rule into integers.

    Attributes
    ----------
    sources, count : int
        Neurons they can start from, and how many entries there are: one for each digit of each synapse.
    """

    def __init__(
        self, projection: Projection, rule: EdgeRule, *, part: int, seed: int, dt: float, scales: Scales
    ) -> None:
        self._digits = digits_of(scales)
        self.sources, self.count = projection.source.size, edge_count(projection, rule) * self._digits
        self._projection, self._rule, self._part, self._seed = projection, rule, part, seed
        self._codes = self._weight_coder(scales)
        self._steps = self._delay_coder(dt)

    def gather(self, places: NDArray[np.uint32], rank: NDArray[np.uint32], start: int) -> Iterator[Gathered]:
        """Yield the entries from number ``start`` on, packed; the digits of a synapse follow one another.

        Parameters
        ----------
        places : (target size,) uint32
            Block x 2^16 + number within the block of each target.
        rank : (source size,) uint32
            What stands for each source.
        """
        start, done = divmod(start, self._digits)
        for piece in edge_pieces(self._projection, self._rule, self._seed, self._part, start):
            codes, receptors = self._codes(piece, start)
            place, steps, source = places[piece.target], self._steps(piece, start), rank[piece.source]
            if self._digits > 1:
                place, steps, source = (np.repeat(part, self._digits) for part in (place, steps, source))
            yield Gathered(source[done:], pack_all(place, steps, receptors, codes)[done:])
            start, done = start + len(piece.source), 0

    def _weight_coder(self, scales: Scales) -> Callable[[EdgePiece, int], tuple[I64, I64]]:
        if isinstance(self._projection.weight, ListedValues):
            return lambda piece, _: encode_listed(self._projection, scales, _listed(piece.weight))
        if self._digits > 1:
            # Nothing else is exact; see `neurograph.scales.network_scales`.
            assert isinstance(self._projection.weight, Constant)
            value = self._projection.weight.value
            return lambda piece, _: encode_listed(self._projection, scales, np.full(len(piece.source), value))
        table, (positive, negative) = weight_table(self._projection, scales), receptors_of(self._projection)

        def drawn(piece: EdgePiece, first: int) -> tuple[I64, I64]:
            codes = table.sample(self._bits(piece, first, 1))
            return codes, np.where(codes < 0, negative, positive)

        return drawn

    def _delay_coder(self, dt: float) -> Callable[[EdgePiece, int], I64]:
        delay = self._projection.delay
        if isinstance(delay, ListedValues):
            return lambda piece, _: delay_steps(_listed(piece.delay), dt)
        assert not isinstance(delay, LinearInDistance)
        table = delay_table(delay, dt)
        return lambda piece, first: table.sample(self._bits(piece, first, 2))

    def _bits(self, piece: EdgePiece, first: int, draw: int) -> U64:
        return edge_bits(first, first + len(piece.source), self._seed, self._part, draw)


class ListedFiller:
    """The synapses of a rule that lists them, by source once `sort` is done; a `neurograph.fillers.Filler`.

    Parameters
    ----------
    places : (target size,) uint32
        Block x 2^16 + number within the block of each target.
    order : (source size,) uint32
        Storage id of each source.
    """

    def __init__(
        self,
        coder: ListedCoder,
        *,
        part: int,
        places: NDArray[np.uint32],
        order: NDArray[np.uint32],
        runs: RunStore,
    ) -> None:
        rank = np.empty(coder.sources, np.uint32)
        rank[np.argsort(order)] = np.arange(coder.sources, dtype=np.uint32)
        self._rank, self._coder, self._places, self._store, self._part = rank, coder, places, runs, part
        self._runs: list[Run] = []
        self._degrees = np.zeros(coder.sources, np.int64)

    def sort(self) -> None:
        """Sort the synapses; apart from making the filler, so that bad arguments are found before any work."""
        coder = self._coder
        self._runs, self._degrees = self._store.sort(
            self._part, coder.sources, coder.count, lambda start: coder.gather(self._places, self._rank, start)
        )

    def degrees(self, sources: I64) -> I64:
        """Return the listed synapses of each source."""
        return self._degrees[self._rank[sources]]

    def fill(self, packed: U64, into: I64, sources: I64, degrees: I64) -> None:
        """Copy; the sources must be neighbours in storage order, ascending."""
        del degrees
        if len(sources):
            low, high = int(self._rank[sources[0]]), int(self._rank[sources[-1]]) + 1
            assert high - low == len(sources)
            copy_rows(self._runs, low, high, packed, into)


def _listed(values: NDArray[np.float64] | None) -> NDArray[np.float64]:
    assert values is not None
    return values


@kernel
def pack_all(place: NDArray[np.uint32], delay: I64, receptor: I64, code: I64) -> U64:
    """Return `neurograph_storage.stream.pack` of each synapse, (synapses,) uint64."""
    packed = np.empty(len(delay), np.uint64)
    for k in range(len(delay)):
        packed[k] = pack(place[k], delay[k], receptor[k], code[k])
    return packed
