"""Compressed rows say what plain ones say, in fewer bits, and never anything else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph.reference_rows import read_compressed_row, read_row
from neurograph_storage.compress import compress
from neurograph_storage.decompress import decompress
from neurograph_storage.errors import CorruptionError
from neurograph_storage.stream import encode, pack


def rows_of(synapses: list[list[tuple[int, int, int, int]]], block_neurons: int) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and words of plain rows, given as (target, delay, receptor, code)."""
    packed = [
        np.sort(
            np.array([pack(t // block_neurons << 16 | t % block_neurons, d, r, c) for t, d, r, c in row], np.uint64)
        )
        for row in synapses
    ]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in packed])]).astype(np.int64)
    return encode(np.concatenate([np.empty(0, np.uint64), *packed]), offsets)


def assert_same(starts: np.ndarray, words: np.ndarray, block_neurons: int) -> tuple[np.ndarray, np.ndarray]:
    """Compress, turn back, and read with the plain readers; return what was compressed."""
    places, bits = compress(words, starts, block_neurons)
    back_starts, back = decompress(bits, places, block_neurons)
    np.testing.assert_array_equal(back_starts, starts)
    np.testing.assert_array_equal(back, words)
    for r in range(len(starts) - 1):
        plain = list(read_row(words[starts[r] : starts[r + 1]].tolist(), block_neurons))
        assert list(read_compressed_row(bits[places[r] : places[r + 1]].tolist(), block_neurons)) == plain
    return places, bits


CODES = st.one_of(st.just(7), st.integers(-128, 127), st.integers(-(2**15), 2**15 - 1))


@st.composite
def circuits(draw: st.DrawFn) -> tuple[list[list[tuple[int, int, int, int]]], int]:
    neurons = draw(st.sampled_from([1, 2, 300, 2**16, 10**6]))
    block = draw(
        st.sampled_from([n for n in (1, 7, 256, 2**16) if n >= neurons / 2**15 and n <= max(neurons, 1)] or [2**16])
    )
    delays, receptors = draw(st.sampled_from([1, 40, 8191])), draw(st.sampled_from([0, 7]))
    centre = draw(st.integers(0, neurons - 1))
    targets = st.one_of(st.integers(0, neurons - 1), st.integers(max(0, centre - 5), min(neurons - 1, centre + 5)))
    synapse = st.tuples(targets, st.integers(1, delays), st.integers(0, receptors), CODES)
    return draw(st.lists(st.lists(synapse, max_size=60), max_size=4)), block


@settings(deadline=None)
@given(circuits())
def test_compressed_rows_say_the_same(circuit: tuple[list[list[tuple[int, int, int, int]]], int]) -> None:
    synapses, block = circuit
    assert_same(*rows_of(synapses, block), block)


def test_long_groups_and_one_target() -> None:
    """A group that goes on in another one, and nothing but multapses, which take a bit each."""
    row = [(5, 3, 0, 2)] * 40_000
    starts, words = rows_of([row, []], 2**16)
    assert len(assert_same(starts, words, 2**16)[1]) < 40_000 / 16 + 100


@pytest.mark.parametrize("seed", range(4))
def test_damaged_bits_are_an_error_or_other_rows_but_nothing_worse(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [[(int(t), int(d), 0, int(c)) for t, d, c in rng.integers(1, (9000, 60, 90), (300, 3))] for _ in range(5)]
    starts, words = rows_of(rows, 4096)
    places, bits = compress(words, starts, 4096)
    refused = []
    for _ in range(500):
        damaged = bits.copy()
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(bits))] = rng.integers(2**16)
        try:
            back, plain = decompress(damaged, places, 4096)
            assert back[-1] == len(plain)
        except CorruptionError as error:
            refused.append(error.row)
    assert len(refused) > 250
    assert set(refused) <= set(range(5))
