"""Spike files: written whole or not at all, and read back as they were."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import neurograph as ng
from neurograph.record import SpikePart, SpikeRecorder, check_spike_path


@pytest.fixture
def circuit(tmp_path: Path) -> ng.Circuit:
    network = ng.Network()
    network.population("only", 4, ng.LIFExp(), ids=np.array([2**60 + 3, 7, 2**60 + 1, 9]))
    network.storage_order = np.array([2, 0, 3, 1])
    return ng.build(tmp_path / "c.zarr", network)


def part(first_step: int, steps: list[list[int]]) -> SpikePart:
    counts = np.array([len(step) for step in steps], np.int32)
    return SpikePart(first_step, counts, np.array([n for step in steps for n in step], np.uint32))


def test_spikes_are_sorted_by_time_then_original_id(circuit: ng.Circuit) -> None:
    recorder = SpikeRecorder(circuit)
    recorder.append(part(5, [[0, 1, 3], []]))
    recorder.append(part(9, [[2]]))
    assert recorder.count == 4
    assert recorder.spikes.steps.tolist() == [5, 5, 5, 9]
    assert recorder.spikes.neurons.tolist() == [7, 2**60 + 1, 2**60 + 3, 9]
    recorder.append(part(10, [[2]]))
    assert len(recorder.spikes) == 5


def test_round_trip_without_population(circuit: ng.Circuit, tmp_path: Path) -> None:
    recorder = SpikeRecorder(circuit)
    recorder.append(part(3, [[0, 1]]))
    ng.write_spikes(tmp_path / "s.parquet", recorder.spikes, circuit)
    times, neurons, populations = ng.read_spikes(tmp_path / "s.parquet")
    np.testing.assert_allclose(times, [0.3, 0.3])
    assert neurons.tolist() == [2**60 + 1, 2**60 + 3]
    assert neurons.dtype == np.int64
    assert populations is None


def test_no_spikes_is_an_empty_file(circuit: ng.Circuit, tmp_path: Path) -> None:
    ng.write_spikes(tmp_path / "s.parquet", SpikeRecorder(circuit).spikes, circuit)
    assert len(ng.read_spikes(tmp_path / "s.parquet")[0]) == 0


def test_a_failed_write_leaves_the_old_file(
    circuit: ng.Circuit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.parquet"
    path.write_text("old")

    def fail(_: object, partial: Path) -> None:
        partial.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neurograph.record.pq.write_table", fail)
    with pytest.raises(OSError, match="No space left"):
        ng.write_spikes(path, SpikeRecorder(circuit).spikes, circuit)
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.zarr", "s.parquet"]


def test_files_that_hold_no_spikes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"time_ms": [1.0]}), tmp_path / "t.parquet")
    with pytest.raises(ng.DataError, match="has no column neuron"):
        ng.read_spikes(tmp_path / "t.parquet")
    with pytest.raises(ng.ArgumentError, match="no file"):
        ng.read_spikes(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_text("no spikes")
    with pytest.raises(ng.DataError, match="cannot be read as Parquet"):
        ng.read_spikes(tmp_path / "bad.parquet")


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "d.parquet").mkdir()
    with pytest.raises(ng.ArgumentError, match="it is a folder"):
        check_spike_path(tmp_path / "d.parquet")
