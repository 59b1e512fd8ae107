"""Chunk files appear as one array, where huge pages can lie, and all of it is read in if it is to stay."""

import mmap
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

from neurograph_storage import mapping
from neurograph_storage.sizes import MIB

CHUNK = 2**20
HUGE = 2**21


@pytest.fixture
def chunks(tmp_path: Path) -> tuple[list[Path], NDArray[np.uint8]]:
    """Return five chunk files, and what is in them."""
    expected = np.random.default_rng(1).integers(0, 256, 5 * CHUNK, np.uint8)
    paths = [tmp_path / str(k) for k in range(5)]
    for k, path in enumerate(paths):
        path.write_bytes(expected[k * CHUNK : (k + 1) * CHUNK].tobytes())
    return paths, expected


def resident(array: NDArray[np.uint8]) -> int:
    """Return the KiB of a mapped array that this process has in its page table."""
    first, found, inside = array.ctypes.data, 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        fields = line.split()
        if "-" in fields[0]:
            inside = first <= int(fields[0].split("-")[0], 16) < first + array.nbytes
        elif inside and fields[0] == "Rss:":
            found += int(fields[1])
    return found


def test_chunk_files_are_one_array(chunks: tuple[list[Path], NDArray[np.uint8]]) -> None:
    paths, expected = chunks
    mapped = mapping.map_chunks(paths, CHUNK)
    np.testing.assert_array_equal(mapped, expected)
    assert mapped.ctypes.data % HUGE == 0


def test_what_stays_is_read_in_and_what_does_not_is_not(chunks: tuple[list[Path], NDArray[np.uint8]]) -> None:
    mapped = mapping.map_chunks(chunks[0], CHUNK)
    mapping.advise(mapped, fits=False)
    assert resident(mapped) == 0
    mapping.advise(mapped, fits=True)
    assert resident(mapped) == 5 * CHUNK // 1024
    np.testing.assert_array_equal(mapped, chunks[1])


def test_an_older_kernel_reads_on_by_itself(
    chunks: tuple[list[Path], NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapping, "_MADV_POPULATE_READ", 9999)
    mapped = mapping.map_chunks(chunks[0], CHUNK)
    mapping.advise(mapped, fits=True)
    np.testing.assert_array_equal(mapped, chunks[1])


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


def test_memory_is_given_before_it_is_written() -> None:
    array, before = np.empty(64 * MIB, np.uint8), _resident_bytes()
    mapping._give(array, Event())
    assert _resident_bytes() - before >= 60 * MIB


def test_no_more_memory_is_given_when_nobody_waits_any_longer() -> None:
    array, before, over = np.empty(64 * MIB, np.uint8), _resident_bytes(), Event()
    over.set()
    mapping._give(array, over)
    assert _resident_bytes() - before < 4 * MIB


def test_what_is_written_while_memory_is_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for advice in (mapping._MADV_POPULATE_WRITE, 9999):
        monkeypatch.setattr(mapping, "_MADV_POPULATE_WRITE", advice)
        array = np.empty(8 * MIB, np.uint8)
        with mapping.given_meanwhile(array):
            array[:] = 7
        assert (array == 7).all()


def test_nothing_is_mapped_twice_or_left_behind(chunks: tuple[list[Path], NDArray[np.uint8]]) -> None:
    def mappings() -> int:
        return sum(str(chunks[0][0].parent) in line for line in Path("/proc/self/maps").read_text().splitlines())

    mapped = mapping.map_chunks(chunks[0], CHUNK)
    assert mappings() == 5
    del mapped
    assert mappings() == 0
