"""Synapses that join one pair of neurons are kept apart, or added up exactly."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph.importing import EdgeColumns


def synapses(circuit: ng.Circuit) -> list[tuple[float, ...]]:
    """Return (source, target, delay, receptor, weight) of every synapse, sorted."""
    found = circuit.store.rows(0, circuit.neurons).synapses()
    ids = circuit.ids[circuit.index_of_storage]
    weight = found.code * circuit.scales["LIFExp"][found.receptor]
    columns = (ids[found.row], ids[found.target], found.delay, found.receptor, weight)
    return sorted(zip(*(c.tolist() for c in columns), strict=True))


def write(path: Path, weight: np.ndarray, *, neurons: int = 12, seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    count = len(weight)
    ends = rng.integers(0, neurons, (2, count))
    pq.write_table(
        pa.table({"source": ends[0], "target": ends[1], "weight": weight, "delay": rng.integers(1, 4, count) / 10}),
        path,
    )
    return path


def imported(path: Path, out: Path, multapses: str, **options: object) -> ng.Circuit:
    return ng.import_edges(path, out, columns=EdgeColumns(delay="delay"), multapses=multapses, **options)


def summed(apart: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    sums: Counter[tuple[float, ...]] = Counter()
    for *pair, weight in apart:
        sums[tuple(pair)] += weight
    return sorted((*pair, weight) for pair, weight in sums.items())


@pytest.mark.parametrize("memory", ["1GiB", 1])
def test_sums_are_exact(tmp_path: Path, memory: str | int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.spill.PIECE", 500)
    path = write(tmp_path / "e.parquet", np.random.default_rng(3).integers(-9, 20, 4000))
    apart = imported(path, tmp_path / "apart.zarr", "keep")
    together = imported(path, tmp_path / "together.zarr", "sum", memory=memory, jobs=3)
    assert apart.synapses == 4000
    assert synapses(together) == summed(synapses(apart))
    assert together.synapses < 12 * 12 * 3 * 2 + 1
    assert call(["verify", str(together.path)]) == 0


def test_delays_and_receptors_that_differ_stay_apart(tmp_path: Path) -> None:
    columns = {"source": [1] * 5, "target": [2] * 5, "weight": [3, 4, -5, -6, 7], "delay": [0.1, 0.1, 0.1, 0.1, 0.2]}
    pq.write_table(pa.table(columns), tmp_path / "e.parquet")
    circuit = imported(tmp_path / "e.parquet", tmp_path / "c.zarr", "sum")
    assert synapses(circuit) == [(1, 2, 1, 0, 7.0), (1, 2, 1, 1, -11.0), (1, 2, 2, 0, 7.0)]


def test_sums_too_large_for_a_demanded_unit_name_the_largest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "e.parquet", np.full(50, 2000), neurons=1)
    out = str(tmp_path / "c.zarr")
    arguments = ["import", str(path), out, "--delay-ms", "1", "--weight-unit", "0.5", "--multapses"]
    assert call([*arguments, "sum"]) == 1
    text = capsys.readouterr().err
    assert "weights of multapses add up to 50000: with unit 0.5 a weight may be 16383.5 at most" in text
    assert "keep multapses apart (--multapses keep)" in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["e.parquet"]
    assert call([*arguments, "keep"]) == 0
    assert ng.open(out).synapses == 50


def test_sums_that_need_a_wider_scale_are_rounded_and_say_so(tmp_path: Path) -> None:
    weight = np.random.default_rng(5).normal(10.0, 3.0, 5000)
    path = write(tmp_path / "e.parquet", weight, neurons=5)
    apart, together = (imported(path, tmp_path / f"{how}.zarr", how) for how in ("keep", "sum"))
    scale = together.store.circuit["scales"]["LIFExp"][0]
    assert scale["unit"] > apart.store.circuit["scales"]["LIFExp"][0]["unit"]
    table = pq.read_table(path).to_pydict()
    rows = zip(table["source"], table["target"], np.rint(np.array(table["delay"]) * 10).astype(int), strict=True)
    exact: Counter[tuple[int, ...]] = Counter()
    for row, value in zip(rows, table["weight"], strict=True):
        exact[(*row, int(value < 0))] += value
    errors = np.array([found[-1] - exact[found[:4]] for found in synapses(together)])
    assert len(errors) == len(exact) == together.synapses
    assert 0 < np.abs(errors).max() <= scale["max_error"] < 0.05
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(scale["rms_error"], rel=0.3)
    assert max(abs(found[-1]) for found in synapses(together)) == pytest.approx(32767 * scale["unit"])


def test_a_network_of_two_models_is_summed_receptor_by_receptor(tmp_path: Path) -> None:
    network = ng.Network()
    exp, frozen = network.population("exp", 3, ng.LIFExp()), network.population("frozen", 4, ng.LIFFrozen())
    ends = np.repeat(np.arange(3), 40)
    network.connect(exp, frozen, ng.Edges(ends, ends), weight=np.full(120, 1000.5), delay=1.0, receptor="membrane")
    network.connect(exp, exp, ng.Edges(ends, ends), weight=np.full(120, 2.5), delay=1.0)
    circuit = ng.build(tmp_path / "c.zarr", network, multapses="sum", block_neurons=3)
    assert circuit.synapses == 6
    found = circuit.store.rows(0, 7).synapses()
    target = circuit.index_of_storage[found.target]
    assert set((found.code * circuit.scales["LIFExp"][0])[target < 3].tolist()) == {100.0}
    receptor = found.receptor[target >= 3][0]
    weights = (found.code * circuit.scales["LIFFrozen"][receptor])[target >= 3]
    assert set(weights.tolist()) == {40 * 1000.5}


def test_no_synapses_and_odd_options(tmp_path: Path) -> None:
    assert ng.build(tmp_path / "c.zarr", ng.Network(), multapses="sum").synapses == 0
    with pytest.raises(ng.ArgumentError, match="multapses is 'drop', allowed are keep and sum"):
        ng.build(tmp_path / "d.zarr", ng.Network(), multapses="drop")
