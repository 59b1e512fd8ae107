"""Spikes of a run of any length go to a file, in parts; whatever ends it, closed parts stay, no spike comes twice."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import neurograph as ng
from neurograph import recording
from neurograph.rates import PopulationRates
from neurograph.record import SpikePart
from neurograph.recording import SpikeFile
from neurograph.series import Series
from neurograph.statistics import Counters
from neurograph_storage.errors import CorruptionError, DiskSpaceError

Pairs = list[tuple[float, int]]


@pytest.fixture
def circuit(build_small) -> ng.Circuit:
    return build_small("random")


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_GROUP", 10)
    monkeypatch.setattr(recording, "_PART", 30)


def read(path: Path) -> Pairs:
    times, neurons, _ = ng.read_spikes(path)
    return list(zip(times.tolist(), neurons.tolist(), strict=True))


def whole(circuit: ng.Circuit, duration: float = 200.0) -> Pairs:
    with ng.Simulation(circuit, seed=1) as sim:
        sim.run(duration)
    return list(zip(sim.spikes.times.tolist(), sim.spikes.neurons.tolist(), strict=True))


def test_the_file_holds_what_memory_would(circuit: ng.Circuit, tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    with ng.Simulation(circuit, seed=1, workers=2, spikes=path) as sim:
        for _ in range(200):
            sim.step(10)
        closed = sorted(file.name for file in sim.spike_file.glob("*.parquet"))
        assert "part-000001.parquet" in closed
        assert read(sim.spike_file) == whole(circuit)[: len(read(sim.spike_file))]
        with pytest.raises(ng.ArgumentError, match="spikes of this run are not in memory; they go to .*s.parquet"):
            _ = sim.spikes
    assert read(path) == whole(circuit)
    assert sim.statistics.spikes == len(read(path))
    assert pq.read_table(path)["population"].to_pylist()[:2] != []
    assert sorted(file.name for file in tmp_path.iterdir()) == ["random.zarr", "s.parquet"]


def test_spikes_that_nobody_wants_are_counted(circuit: ng.Circuit) -> None:
    with ng.Simulation(circuit, seed=1, spikes=False) as sim:
        sim.run(200.0)
    assert sim.statistics.spikes == len(whole(circuit))
    with pytest.raises(ng.ArgumentError, match="spikes=False was given"):
        _ = sim.spikes


@pytest.mark.parametrize("state", ["left", "killed", "finished"])
@pytest.mark.parametrize("moment", [0, 90])
def test_a_recording_goes_on_from_a_checkpoint(
    circuit: ng.Circuit, tmp_path: Path, state: str, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the checkpoint more was written, which comes again."""
    path = tmp_path / "s.parquet"
    sim = ng.Simulation(circuit, seed=1, spikes=path)
    sim.run(moment)
    sim.checkpoint(tmp_path / "c")
    sim.run(50.0)
    file = sim._running.recorders.file
    file.close_part()
    sim.run(10.0)
    if state == "finished":
        sim.close()
    elif state == "left":
        monkeypatch.setattr(recording, "COPIED_AT_ONCE", 0)
        sim.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        assert sim.spike_file == path.with_name("s.parquet.partial")
    else:
        file._stack.close()
    with ng.Simulation.resume(tmp_path / "c", workers=2) as again:
        assert again.spike_file == file.folder
        again.run(200.0 - moment)
    assert read(path) == whole(circuit)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c", "random.zarr", "s.parquet"]


def test_from_a_checkpoint_into_another_file(circuit: ng.Circuit, tmp_path: Path) -> None:
    with ng.Simulation(circuit, seed=1, spikes=tmp_path / "a.parquet") as sim:
        sim.run(90.0)
        sim.checkpoint(tmp_path / "c")
    (tmp_path / "a.parquet").rename(tmp_path / "b.parquet")
    with pytest.raises(ng.DataError, match="the spikes up to the checkpoint are neither in .*a.parquet.partial nor in"):
        ng.Simulation.resume(tmp_path / "c")
    with ng.Simulation.resume(tmp_path / "c", spikes=tmp_path / "d.parquet") as sim:
        sim.run(110.0)
    assert read(tmp_path / "b.parquet") + read(tmp_path / "d.parquet") == whole(circuit)


def test_closed_parts_of_a_killed_run_are_put_aside_by_a_new_one(circuit: ng.Circuit, tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    sim = ng.Simulation(circuit, seed=1, spikes=path)
    sim.run(100.0)
    file = sim._running.recorders.file
    file.close_part()
    file._stack.close()
    with ng.Simulation(circuit, seed=1, spikes=path) as again:
        again.run(10.0)
    assert read(path) == whole(circuit, 10.0)
    kept = pq.read_table(tmp_path / "s.parquet.unfinished-1")
    assert kept["neuron"].to_pylist() == [neuron for _, neuron in whole(circuit, 100.0)]


def test_two_runs_into_one_file(circuit: ng.Circuit, tmp_path: Path) -> None:
    refused = pytest.raises(ng.ArgumentError, match="another process is writing")
    with ng.Simulation(circuit, spikes=tmp_path / "s.parquet"), refused:
        ng.Simulation(circuit, spikes=tmp_path / "s.parquet")


def test_a_full_disk_is_one_error_and_closed_parts_stay(
    circuit: ng.Circuit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sim = tmp_path / "s.parquet", ng.Simulation(circuit, seed=1, spikes=tmp_path / "s.parquet")
    sim.run(100.0)
    sim.checkpoint(tmp_path / "c")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neurograph.recording.pq.ParquetWriter.write_table", full)
    with pytest.raises(DiskSpaceError, match=r"the disk is full: .* \d+ spikes are safe in .*s.parquet.partial"), sim:
        sim.run(100.0)
    monkeypatch.undo()
    assert not path.exists()
    assert read(path.with_name("s.parquet.partial")) == whole(circuit, 100.0)
    with ng.Simulation.resume(tmp_path / "c") as sim:
        sim.run(100.0)
    assert read(path) == whole(circuit)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_mid_run_saves_the_spikes_before_it(tmp_path: Path, workers: int) -> None:
    network = ng.recipes.random(neurons=500, synapses_per_neuron=1000)
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1)
    content = bytearray((circuit.path / "rows/words/c/0").read_bytes())
    content[-1] ^= 1
    (circuit.path / "rows/words/c/0").write_bytes(content)
    expected = whole(ng.open(ng.build(tmp_path / "sound.zarr", network, seed=1).path), 100.0)
    with (
        pytest.raises(CorruptionError, match="rows/words/c/"),
        ng.Simulation(circuit, seed=1, workers=workers, spikes=tmp_path / "s.parquet") as sim,
    ):
        sim.run(100.0)
    assert not sim.can_go_on
    found = read(tmp_path / "s.parquet")
    assert found == [pair for pair in expected if pair[0] < sim.now - 1e-9]
    assert len(found) > 0


def part(first_step: int, steps: list[list[int]]) -> SpikePart:
    counts = np.array([len(step) for step in steps], np.int32)
    return SpikePart(first_step, counts, np.array([n for step in steps for n in step], np.uint32))


def test_rates_are_counts_by_population_and_double_their_interval(
    circuit: ng.Circuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurograph.rates._CELLS", 2)
    monkeypatch.setattr("neurograph.rates._INTERVALS", 8)
    rates, rng = PopulationRates(circuit), np.random.default_rng(1)
    expected = np.zeros((400, 2), int)
    for start in range(0, 400, 7):
        steps = [rng.integers(0, 200, rng.integers(0, 5)).tolist() for _ in range(min(7, 400 - start))]
        rates.take([part(start, steps)], start + len(steps))
        for k, step in enumerate(steps):
            for neuron in step:
                population = circuit.store.arrays["neurons/population"][circuit.index_of_storage[neuron]]
                expected[start + k, population] += 1
    assert rates.interval == pytest.approx(8.0)
    np.testing.assert_array_equal(rates.counts, expected.reshape(5, 80, 2).sum(axis=1))
    sizes = [p.size for p in circuit.populations.values()]
    np.testing.assert_allclose(rates.rates, rates.counts / sizes / 0.008)
    np.testing.assert_allclose(rates.times, np.arange(5) * 8.0)
    assert rates.table().column_names == ["time_ms", "E", "I"]


def test_a_series_of_any_length_has_some_thousand_notes_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.series._MOST", 50)
    series = Series()
    for k in range(1, 3000):
        wall = 0.11 * k
        if series.is_due(wall, last=k == 2999):
            series.note(1.0 * k, Counters(spikes=7 * k, synaptic_events=100 * k, wall_s=wall, stall_s=0.01 * k), 5)
    table = series.table()
    assert 25 <= len(table) <= 51
    assert sum(table["spikes"].to_pylist()) == 7 * 2999
    assert sum(table["interval_s"].to_pylist()) == pytest.approx(0.11 * 2999)
    np.testing.assert_allclose(table["events_per_s"], 100 / 0.11)
    np.testing.assert_allclose(table["stall_share"], 0.01 / 0.11)
    assert set(table["resident_bytes"].to_pylist()) == {5}


def test_traces_are_what_a_look_at_each_time_gives(circuit: ng.Circuit, tmp_path: Path) -> None:
    ids, seen = circuit.ids[[5, 100, 3]], []
    with ng.Simulation(circuit, seed=1, workers=2) as sim:
        for step in range(120):
            if step % 5 == 0:
                seen.append(sim.state("v", ids))
            sim.step()
    with ng.Simulation(circuit, seed=1) as sim:
        trace = sim.record("v", ids, every=0.5)
        sim.run(7.3)
        sim.run(4.7)
        with pytest.raises(ng.ArgumentError, match="every is 0.01 ms, it must be at least a step"):
            sim.record("v", ids, every=0.01)
        with pytest.raises(ng.ArgumentError, match="no state 'u'"):
            sim.record("u", ids)
    np.testing.assert_array_equal(trace.values, seen)
    np.testing.assert_allclose(trace.times, np.arange(24) * 0.5)
    trace.write(tmp_path / "v.parquet")
    table = pq.read_table(tmp_path / "v.parquet")
    assert table.column_names == ["time_ms", "neuron", "v"]
    assert table["neuron"].to_pylist()[:4] == [*ids.tolist(), int(ids[0])]
    np.testing.assert_array_equal(table["v"], np.array(seen).reshape(-1))


def test_the_folder_of_a_run_can_be_written_from_python(circuit: ng.Circuit, tmp_path: Path) -> None:
    with ng.Simulation(circuit, seed=1, spikes=tmp_path / "spikes.parquet") as sim:
        sim.record("v", circuit.ids[:2], every=1.0)
        sim.run(5.0)
    ng.write_run(tmp_path, sim)
    assert pq.read_table(tmp_path / "trace-0.parquet").num_rows == 10
    assert json.loads((tmp_path / "statistics.json").read_text())["ended"] == "complete"


def test_a_spike_file_where_a_file_was_left(circuit: ng.Circuit, tmp_path: Path) -> None:
    (tmp_path / "s.parquet.partial").write_text("of an earlier release")
    file = SpikeFile(tmp_path / "s.parquet", circuit)
    file.finish()
    assert read(tmp_path / "s.parquet") == []


COPYING = """
import sys
import numpy as np
import neurograph as ng
from neurograph import recording
from neurograph.record import SpikePart

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) // 1024

recording._PART = 2**18
circuit = ng.Circuit(sys.argv[1])
file = recording.SpikeFile(sys.argv[2], circuit)
counts, storage = np.full(100, 2000, np.int32), np.tile(np.arange(2000, dtype=np.uint32), 100)
for k in range(20):
    file.take([SpikePart(100 * k, counts, storage)])
before = peak()
file.finish()
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say how much memory was taken")
def test_putting_parts_together_takes_little_memory(tmp_path: Path) -> None:
    """A run that fills its budget must be able to end: four million spikes, of which few are in memory at a time."""
    ng.build(tmp_path / "c.zarr", ng.recipes.random(neurons=2000, synapses_per_neuron=1), seed=1)
    command = [sys.executable, "-c", COPYING, str(tmp_path / "c.zarr"), str(tmp_path / "s.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100
    assert pq.read_metadata(tmp_path / "s.parquet").num_rows == 4_000_000
