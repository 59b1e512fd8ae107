"""What must every row source do?

`RowSourceTests` is the conformance suite: subclass it, provide `source` as a pytest fixture, and every test runs on it.
"""

import numpy as np

from neurograph_storage.check import check_rows
from neurograph_storage.layout import MAX_RECEPTORS, batches
from neurograph_storage.rows import Rows, RowSource


def assert_rows_equal(left: Rows, right: Rows) -> None:
    """Fail unless both batches are the same words."""
    assert left.block_neurons == right.block_neurons
    np.testing.assert_array_equal(left.starts, right.starts)
    np.testing.assert_array_equal(left.words, right.words)


class RowSourceTests:
    """The contract of `RowSource`, as tests."""

    def test_lengths_agree_with_rows(self, source: RowSource) -> None:
        """The length of each row is the number of synapses it delivers."""
        lengths = source.lengths()
        assert len(lengths) == source.neurons
        for row in range(0, source.neurons, max(1, source.neurons // 7)):
            assert len(source.rows(row, row + 1).synapses().target) == lengths[row]

    def test_rows_keep_the_invariants(self, source: RowSource) -> None:
        """Sections, groups and synapses are in order, and targets exist."""
        rows = source.rows(0, source.neurons)
        any_receptor = np.full(source.neurons, MAX_RECEPTORS, np.uint8)
        assert check_rows(rows.words, rows.starts, rows.block_neurons, any_receptor) == (-1, 0)

    def test_batching_changes_nothing(self, source: RowSource) -> None:
        """Rows asked for in pieces, in any order, are the rows asked for at once."""
        lengths = source.lengths()
        cuts = batches(lengths, max(1, int(lengths.sum()) // 5))
        pieces = {start: source.rows(start, stop) for start, stop in reversed(cuts)}
        parts = [pieces[start] for start, _ in cuts]
        ends = np.cumsum([0, *(len(part.words) for part in parts)])
        starts = [part.starts[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
        words = np.concatenate([part.words for part in parts])
        joined = Rows(np.concatenate([*starts, ends[-1:]]), words, parts[0].block_neurons)
        assert_rows_equal(joined, source.rows(0, source.neurons))

    def test_empty_range(self, source: RowSource) -> None:
        """A range of no rows holds nothing."""
        assert len(source.rows(0, 0).words) == 0
