"""What a disk does is measured once, kept beside the circuit, and never in the way."""

from pathlib import Path

import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph_storage import calibration
from neurograph_storage.calibration import Calibration, calibrate, gap_of, place_of, read_calibration
from neurograph_storage.readers import EXTENT_BYTES, ChunkFiles
from neurograph_storage.store import ROW_WORDS


@pytest.fixture
def circuit(tmp_path: Path) -> ng.Circuit:
    return ng.build(tmp_path / "c.zarr", ng.recipes.random(neurons=2000, synapses_per_neuron=300), seed=1)


@pytest.fixture
def files(circuit: ng.Circuit) -> ChunkFiles:
    return ChunkFiles([circuit.store.chunk_path(ROW_WORDS, k) for k in range(circuit.store.specs[ROW_WORDS].chunks)])


def test_half_a_request_is_worth_as_many_bytes_as_the_disk_reads_meanwhile() -> None:
    assert Calibration(1, 1e-4, 50_000.0, 1e9).gap == 10_000
    assert Calibration(1, 1e-4, 100.0, 1e9).gap == EXTENT_BYTES // 2


def test_it_is_measured_once_and_shown(
    circuit: ng.Circuit, files: ChunkFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gap = gap_of(circuit.store.path, files, 2**30)
    assert gap >= 2 * files.unit
    monkeypatch.setattr(calibration, "calibrate", lambda *_: pytest.fail("measured again"))
    assert gap_of(circuit.store.path, files, 2**30) == gap
    assert call(["info", str(circuit.path)]) == 0
    assert "reads or" in capsys.readouterr().out


def test_it_is_not_worth_the_time_for_a_small_circuit(circuit: ng.Circuit, files: ChunkFiles) -> None:
    assert gap_of(circuit.store.path, files, 2**20) == 2 * files.unit
    assert not place_of(circuit.store.path).exists()


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"device": 1, "latency_s": 1, "reads_per_s": 1, "bytes_per_s": 1}']
)
def test_what_is_damaged_or_of_another_disk_is_not_believed(circuit: ng.Circuit, content: str) -> None:
    place_of(circuit.store.path).write_text(content)
    assert read_calibration(circuit.store.path) is None


def test_it_is_measured_where_nothing_can_be_written(
    circuit: ng.Circuit, files: ChunkFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "place_of", lambda _path: Path("/proc/nobody/here"))
    assert gap_of(circuit.store.path, files, 2**30) >= 2 * files.unit
    assert calibrate(circuit.store.path, files).reads_per_s > 0
