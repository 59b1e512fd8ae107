"""The fly brain, to the last spike: a real hemisphere where its data is at hand, and a golden circuit everywhere."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph.reference import simulate

GOLDEN = Path(__file__).parent / "golden" / "fly"


def read_pairs(path: Path) -> np.ndarray:
    """Return (step, index) rows, sorted."""
    pairs = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def pairs_of(circuit: ng.Circuit, spikes_path: Path) -> np.ndarray:
    times, neurons, _ = ng.read_spikes(spikes_path)
    pairs = np.stack([np.rint(times / circuit.dt).astype(np.int64), circuit.index_of(neurons)], axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def run_command(circuit: Path, drive: Path, duration: float, workers: int) -> np.ndarray:
    spikes = circuit.with_suffix(f".{workers}.parquet")
    options = ["--duration", str(duration), "--workers", str(workers), "--spikes", str(spikes)]
    assert call(["run", str(circuit), "--drive", str(drive), *options]) == 0
    return pairs_of(ng.open(circuit), spikes)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("table", [[], ["--neurons"]], ids=["index columns", "neuron table"])
def test_sugar_experiment_of_the_left_hemisphere(
    fly_data: Path, tmp_path: Path, workers: int, table: list[str]
) -> None:
    neurons = [*table, str(fly_data / "neurons.csv")] if table else []
    circuit = tmp_path / "fly.zarr"
    edges = str(fly_data / "connectivity.parquet")
    assert call(["import", edges, str(circuit), "--preset", "shiu2024", *neurons]) == 0
    found = run_command(circuit, fly_data / "sugar_150Hz_drive.csv", 1000.0, workers)
    expected = read_pairs(fly_data / "sugar_150Hz_spikes.csv")
    assert len(expected) == 7727
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("workers", [1, 2])
def test_golden_circuit_imported_anew(tmp_path: Path, workers: int) -> None:
    circuit = tmp_path / "golden.zarr"
    assert call(["import", str(GOLDEN / "edges.csv"), str(circuit), "--preset", "shiu2024"]) == 0
    expected = read_pairs(GOLDEN / "spikes.csv")
    assert len(expected) > 1000
    np.testing.assert_array_equal(run_command(circuit, GOLDEN / "drive.csv", 300.0, workers), expected)


@pytest.mark.parametrize(("name", "codec"), [("circuit.zarr", "raw"), ("compressed.zarr", "compressed")])
def test_golden_circuit_as_stored(name: str, codec: str, tmp_path: Path) -> None:
    """What an earlier build wrote is sound, is what today's import writes, and runs."""
    stored = shutil.copytree(GOLDEN / name, tmp_path / "stored.zarr")
    assert call(["verify", str(stored)]) == 0
    fresh = ng.import_edges(GOLDEN / "edges.csv", tmp_path / "fresh.zarr", preset="shiu2024", codec=codec)
    for array, values in ng.open(stored).store.arrays.items():
        np.testing.assert_array_equal(values, fresh.store.arrays[array], err_msg=array)
    expected = read_pairs(GOLDEN / "spikes.csv")
    np.testing.assert_array_equal(run_command(stored, GOLDEN / "drive.csv", 300.0, 1), expected)


def test_golden_circuit_in_the_reference() -> None:
    circuit = ng.open(GOLDEN / "circuit.zarr")
    spikes = simulate(circuit, 3000, drive=ng.read_drive(GOLDEN / "drive.csv", circuit))
    found = np.stack([spikes.steps, circuit.index_of(spikes.neurons)], axis=1)
    np.testing.assert_array_equal(found, read_pairs(GOLDEN / "spikes.csv"))


def test_silent_unless_driven() -> None:
    with ng.Simulation(GOLDEN / "circuit.zarr") as sim:
        sim.run(50.0)
    assert len(sim.spikes) == 0


def test_injection_uses_the_defaults_of_the_preset() -> None:
    circuit = ng.open(GOLDEN / "circuit.zarr")
    with ng.Simulation(circuit) as sim:
        sim.inject(circuit.ids[:1])
        sim.step()
        assert sim.state("v", circuit.ids[:1])[0] == -52.0 + 68.75


def test_injected_neurons_follow_the_rule_for_driven_ones() -> None:
    """Never refractory: an event in each step gives a spike in each step."""
    circuit = ng.open(GOLDEN / "circuit.zarr")
    with ng.Simulation(circuit) as sim:
        for _ in range(20):
            sim.inject(circuit.ids[:1])
            sim.step()
    assert (sim.spikes.neurons == circuit.ids[0]).sum() == 10
