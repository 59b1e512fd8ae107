"""What must every row source do?

`RowSourceTests` is the conformance suite: subclass it, provide `source` as a pytest fixture, and every test runs on it.
"""

import numpy as np

from neurograph_storage.layout import batches
from neurograph_storage.rows import Rows, RowSource


def assert_rows_equal(left: Rows, right: Rows) -> None:
    """Fail unless both batches hold the same synapses in the same order."""
    for name in ("group_counts", "group_lengths", "delay", "receptor", "target", "weight"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


class RowSourceTests:
    """The contract of `RowSource`, as tests."""

    def test_lengths_agree_with_rows(self, source: RowSource) -> None:
        """The length of each row is the number of synapses it delivers."""
        lengths = source.lengths()
        assert len(lengths) == source.neurons
        for row in range(0, source.neurons, max(1, source.neurons // 7)):
            assert len(source.rows(row, row + 1).target) == lengths[row]

    def test_rows_are_sorted(self, source: RowSource) -> None:
        """Groups rise by (delay, receptor) within a row; synapses by (target, weight) within a group."""
        rows = source.rows(0, source.neurons)
        group, synapse = rows.group_rows(), rows.synapse_groups()
        key = rows.delay.astype(np.int64) * 256 + rows.receptor
        assert (np.diff(key)[np.diff(group) == 0] > 0).all()
        assert (rows.group_lengths > 0).all()
        order = rows.target.astype(np.int64) * 2**17 + rows.weight
        assert (np.diff(order)[np.diff(synapse) == 0] >= 0).all()

    def test_batching_changes_nothing(self, source: RowSource) -> None:
        """Rows asked for in pieces, in any order, are the rows asked for at once."""
        lengths = source.lengths()
        cuts = batches(lengths, max(1, int(lengths.sum()) // 5))
        pieces = {start: source.rows(start, stop) for start, stop in reversed(cuts)}
        parts = [pieces[start] for start, _ in cuts]
        names = ("group_counts", "group_lengths", "delay", "receptor", "target", "weight")
        joined = Rows(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})
        assert_rows_equal(joined, source.rows(0, source.neurons))

    def test_empty_range(self, source: RowSource) -> None:
        """A range of no rows holds nothing."""
        assert len(source.rows(0, 0).target) == 0
