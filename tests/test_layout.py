"""How arrays are cut into chunks and granules, and rows into batches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurograph_storage.errors import ArgumentError
from neurograph_storage.layout import (
    CHUNK_BYTES,
    GRANULE_BYTES,
    MAX_BLOCK_NEURONS,
    ArraySpec,
    Counts,
    array_specs,
    batches,
    default_block_neurons,
)
from neurograph_storage.sizes import format_size, parse_size


def test_a_chunk_is_a_whole_number_of_granules_and_pages() -> None:
    assert CHUNK_BYTES % GRANULE_BYTES == 0
    assert GRANULE_BYTES % 4096 == 0


@pytest.mark.parametrize(("length", "chunks", "granules"), [(0, 0, 0), (1, 1, 1), (2**20, 1, 64), (2**20 + 1, 2, 65)])
def test_array_spec(length: int, chunks: int, granules: int) -> None:
    spec = ArraySpec("rows/words", np.dtype("<u4"), length)
    assert (spec.chunks, spec.granules) == (chunks, granules)
    assert spec.checksum_name == "checksums/rows.words"


def test_specs_follow_the_counts() -> None:
    specs = array_specs(Counts(neurons=3, synapses=7, words=25, plain_words=25), initial=("v",))
    expected = {"neurons/id": 3, "neurons/storage": 3, "neurons/population": 3}
    expected |= {"rows/start": 4, "rows/words": 25, "initial/v": 3}
    assert {name: spec.length for name, spec in specs.items()} == expected


@pytest.mark.parametrize(
    ("neurons", "block"), [(0, 1), (1, 1), (2, 1), (3, 2), (77_169, 38_585), (131_072, 65_536), (131_073, 32_769)]
)
def test_blocks_are_few_alike_and_never_too_large(neurons: int, block: int) -> None:
    assert default_block_neurons(neurons) == block <= MAX_BLOCK_NEURONS


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 50))
def test_batches_cover_all_rows_in_order(lengths: list[int], synapses: int) -> None:
    cuts = batches(np.array(lengths, np.int64), synapses)
    assert [row for start, stop in cuts for row in range(start, stop)] == list(range(len(lengths)))
    for start, stop in cuts:
        # A batch exceeds its size by less than one row.
        assert sum(lengths[start : stop - 1]) < synapses + 1


@pytest.mark.parametrize(("text", "size"), [("1", 1), ("2GiB", 2**31), ("500MB", 500_000_000), ("1.5g", 3 * 2**29)])
def test_parse_size(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1", "3 apples", "0"])
def test_parse_size_refuses(text: str) -> None:
    with pytest.raises(ArgumentError, match="write it like 2GiB"):
        parse_size(text)


def test_format_size() -> None:
    assert [format_size(n) for n in (12, 2**20, 3 * 2**40)] == ["12 bytes", "1.0 MiB", "3.0 TiB"]
