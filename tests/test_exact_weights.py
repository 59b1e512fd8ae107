"""Weights that must be exact are: what is exported is what was imported, to the last bit, and so is every sum."""

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph import spill
from neurograph.cli.main import call
from neurograph.digits import binary_unit, join, place_values, split
from neurograph.edges import ListedValues
from neurograph.executor import state_bytes
from neurograph.importing import EdgeColumns
from neurograph.listed import pack_all
from neurograph.planning import Demand
from neurograph.reference import simulate
from neurograph_storage.check import check_digits
from neurograph_storage.rows import Rows
from neurograph_storage.stream import encode

Table = dict[str, np.ndarray]


def edges_of(rng: np.random.Generator, weights: np.ndarray, neurons: int = 60) -> Table:
    """Return a table of random edges, among them multapses of one delay that differ only in their weights."""
    count = len(weights)
    source, target = rng.integers(0, neurons, (2, count))
    source[: count // 4], target[: count // 4] = 3, 5
    return {"source": source, "target": target, "weight": weights, "delay": rng.integers(1, 20, count) * 0.1}


def write(folder: Path, table: Table) -> Path:
    pq.write_table(pa.table(table), folder / "edges.parquet")
    return folder / "edges.parquet"


def synapses_of(table: Table) -> list[tuple[int, int, float, float]]:
    columns = (table["source"], table["target"], np.round(table["delay"], 9), table["weight"].astype(np.float64))
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def exported(circuit: ng.Circuit, ending: str = "parquet") -> list[tuple[int, int, float, float]]:
    path = circuit.path.with_suffix(f".{ending}")
    ng.export_circuit(circuit, path)
    table = pq.read_table(path) if ending == "parquet" else pa_csv.read_csv(path)
    return synapses_of({name: table[name].to_numpy() for name in ("source", "target", "weight", "delay")})


@settings(deadline=None)
@given(
    st.lists(st.floats(2.0**-6, 2.0**6) | st.floats(-(2.0**6), -(2.0**-6)), min_size=1, max_size=20),
    st.integers(-1000, 900),
)
def test_digits_give_the_very_floats(values: list[float], exponent: int) -> None:
    weights = np.ldexp(np.array(values), exponent)
    unit, digits = binary_unit([ListedValues.of_array(weights)])
    found = split(weights, unit, digits)
    assert found.min() >= -(2**15)
    assert found.max() < 2**15
    np.testing.assert_array_equal(join(found, unit), weights)
    places = [Fraction(value) for value in place_values(unit, digits).tolist()]
    for row, weight in zip(found.tolist(), weights.tolist(), strict=True):
        assert sum(digit * place for digit, place in zip(row, places, strict=True)) == Fraction(weight)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(
    seed=st.integers(0, 2**31),
    kind=st.sampled_from(["float32", "float64", "one sign"]),
    codec=st.sampled_from(["raw", "compressed"]),
    memory=st.sampled_from(["1GiB", "1MiB"]),
)
def test_import_and_export_give_the_very_weights(seed: int, kind: str, codec: str, memory: str) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(30.0, 2.0, 500) if kind == "one sign" else rng.uniform(20, 80, 500) * rng.choice([-1, 1], 500)
    if kind == "float32":
        weights = (rng.normal(0, 20, 500)).astype(np.float32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = edges_of(rng, weights)
        circuit = ng.import_edges(
            write(folder, table), folder / "c.zarr", columns=EdgeColumns(delay="delay"), weights="exact",
            codec=codec, memory=memory,
        )  # fmt: skip
        assert circuit.store.digits > 1
        assert circuit.synapses == 500
        assert exported(circuit) == synapses_of(table)
        other = ng.order(circuit, folder / "o.zarr", method="degree")
        assert exported(other, "csv") == synapses_of(table)
        assert call(["verify", str(other.path)]) == 0


def lively(folder: Path, seed: int, *, codec: str = "raw", block: int | None = None) -> ng.Circuit:
    """Build a circuit of two populations with exact weights of both signs that fires a lot."""
    rng, network = np.random.default_rng(seed), ng.Network()
    a, b = (network.population(name, 250, ng.LIFExp()) for name in "ab")
    for part, (source, target) in enumerate([(a, b), (b, a), (a, a)]):
        pairs = rng.integers(0, 250, (2, 12_000))
        weight = rng.uniform(5, 30, 12_000) if part else rng.uniform(-30, -5, 12_000)
        delay = rng.integers(1, 30, 12_000) * 0.1
        network.connect(source, target, ng.Edges(*pairs), weight=weight, delay=delay)
    network.connect(a, b, ng.FixedIndegree(5), weight=0.3, delay=1.0)
    for population in (a, b):
        network.drive(population, ng.PoissonInput(rate=2500.0, weight=330.0))
    return ng.build(folder / "c.zarr", network, seed=seed, weights="exact", codec=codec, block_neurons=block)


@pytest.mark.parametrize(("codec", "block"), [("raw", None), ("compressed", 17), ("raw", 50)])
def test_spikes_are_those_of_the_reference(codec: str, block: int | None, tmp_path: Path) -> None:
    circuit = lively(tmp_path, 4, codec=codec, block=block)
    assert circuit.store.digits == 4
    expected = simulate(circuit, 600, seed=2)
    assert len(expected) > 300
    ordered = ng.order(circuit, tmp_path / "o.zarr", method="degree")
    for opened, workers, streams in [(circuit, 1, False), (circuit, 3, False), (ordered, 2, False), (circuit, 2, True)]:
        memory = state_bytes(opened) + int(0.8 * opened.store.synapse_bytes) if streams else 2**30
        with ng.Simulation(opened, workers=workers, memory=memory, seed=2) as sim:
            assert (sim._running.executor.stream is not None) == streams
            sim.step(600)
        np.testing.assert_array_equal(sim.spikes.steps, expected.steps)
        np.testing.assert_array_equal(sim.spikes.neurons, expected.neurons)


def import_exact(folder: Path, weights: np.ndarray, **options: object) -> ng.Circuit:
    table = edges_of(np.random.default_rng(1), weights)
    columns = EdgeColumns(delay="delay")
    return ng.import_edges(write(folder, table), folder / "c.zarr", columns=columns, weights="exact", **options)


def test_weights_that_16_bits_hold_take_no_more(tmp_path: Path) -> None:
    circuit = import_exact(tmp_path, np.arange(1, 301) * 0.275)
    assert (circuit.store.digits, circuit.store.attributes["format_version"]) == (1, 1)


def test_whole_numbers_beyond_16_bits_are_exact_where_they_are_refused_otherwise(tmp_path: Path) -> None:
    weights = np.append(np.arange(1, 300), 2**40 + 1)
    assert import_exact(tmp_path, weights).store.digits == 3
    table = edges_of(np.random.default_rng(1), weights)
    assert exported(ng.open(tmp_path / "c.zarr")) == synapses_of(table)
    with pytest.raises(ng.DataError, match="does not fit"):
        ng.import_edges(write(tmp_path, table), tmp_path / "d.zarr", columns=EdgeColumns(delay="delay"))


def test_a_plan_counts_every_digit() -> None:
    narrow, wide = (Demand(neurons=1e5, synapses_per_neuron=1e3, rate=1.0, weight_bits=bits) for bits in (16, 64))
    assert wide.row_bytes / narrow.row_bytes == pytest.approx(4, rel=0.02)
    assert wide.spike_ns / narrow.spike_ns == pytest.approx(4)


def test_a_wide_circuit_is_of_the_second_format_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    circuit = import_exact(tmp_path, np.random.default_rng(1).uniform(1, 2, 300).astype(np.float32))
    assert (circuit.store.digits, circuit.store.attributes["format_version"]) == (2, 2)
    assert call(["info", str(circuit.path)]) == 0
    said = capsys.readouterr().out
    assert "synapses        300" in said
    assert "exact, in 2 codes of 16 bits" in said


def test_what_cannot_be_exact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ng.DataError, match="exact weights take 6 digits of 16 bits, but LIFExp .* has room for 4"):
        import_exact(tmp_path, np.array([1e6, 1 / 3, 1e-3, 0.1]))
    with pytest.raises(ng.ArgumentError, match="cannot be summed: keep multapses apart"):
        import_exact(tmp_path, np.random.default_rng(1).uniform(1, 2, 300), multapses="sum")
    network = ng.Network()
    cells = network.population("a", 20, ng.LIFExp())
    network.connect(cells, cells, ng.FixedIndegree(3), weight=ng.Normal(3.0, 1.0), delay=1.0)
    with pytest.raises(ng.ArgumentError, match="drawn weights are rounded, so they cannot be exact"):
        ng.build(tmp_path / "n.zarr", network, weights="exact")
    network = ng.Network()
    cells = network.population("a", 20, ng.LIFExp())
    network.connect(cells, cells, ng.FixedOutdegree(3), weight=0.3, delay=1.0)
    network.connect(cells, cells, ng.Edges(np.arange(3), np.arange(3)), weight=np.array([0.1, np.pi, 0.7]), delay=1.0)
    with pytest.raises(ng.ArgumentError, match="are drawn by FixedOutdegree, beside which weights cannot be exact"):
        ng.build(tmp_path / "n.zarr", network, weights="exact")
    with pytest.raises(ng.DataError, match="exact weights take 63 digits"):
        import_exact(tmp_path, np.array([1e300, 1e-300, np.pi, 0.1]))
    with pytest.raises(ng.ArgumentError, match="weights is 'wide', allowed are rounded and exact"):
        ng.build(tmp_path / "n.zarr", network, weights="wide")


@pytest.mark.parametrize("damage", ["lacks a digit", "another target"])
def test_verify_finds_a_synapse_without_all_its_digits(damage: str) -> None:
    def entries(target: int, last: int) -> list[tuple[int, int]]:
        return [(4, 0), (target, 1), (last, 0), (last, 1)]

    chosen = entries(5, 9)[:3] if damage == "lacks a digit" else entries(5, 9)
    places, receptors = np.array(chosen, np.int64).T
    packed = pack_all(places.astype(np.uint32), np.ones(len(chosen), np.int64), receptors, np.arange(len(chosen)))
    rows = Rows(*encode(np.sort(packed), np.array([0, 0, len(packed)])), 10)
    assert check_digits(rows, 2) == (1, 14)
    good = pack_all(np.array([4, 4, 9, 9], np.uint32), np.ones(4, np.int64), np.array([0, 1, 0, 1]), np.arange(4))
    assert check_digits(Rows(*encode(np.sort(good), np.array([0, 0, 4])), 10), 2) == (-1, 0)


def test_an_import_that_was_stopped_between_digits_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of entries end anywhere, so one synapse may be in two of them."""
    table = edges_of(np.random.default_rng(1), np.random.default_rng(2).uniform(1, 2, 1000))
    file = write(tmp_path, table)
    monkeypatch.setattr(spill, "PIECE", 101)
    written = []

    def stop(store: spill.RunStore, *given: object) -> object:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(1)
        return unbroken(store, *given)

    unbroken = spill.RunStore._write
    with monkeypatch.context() as patch:
        patch.setattr(spill.RunStore, "_write", stop)
        with pytest.raises(KeyboardInterrupt):
            import_columns(file, tmp_path)
    assert exported(import_columns(file, tmp_path)) == synapses_of(table)


def import_columns(file: Path, folder: Path) -> ng.Circuit:
    columns = EdgeColumns(delay="delay")
    return ng.import_edges(file, folder / "c.zarr", columns=columns, weights="exact", memory="1KiB")


def lines(circuit: ng.Circuit) -> list[tuple[int, int, float, float]]:
    return sorted(
        row
        for b in circuit.edges()
        for row in zip(*(c.tolist() for c in (b.source, b.target, b.delay, b.weight)), strict=True)
    )


@pytest.mark.parametrize("form", ["sonata", "npz", "csv"])
def test_every_format_brings_the_very_weights_back(form: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pairs = rng.choice(60 * 60, 400, replace=False)
    weight = rng.uniform(20, 80, 400) * rng.choice([-1, 1], 400)
    table = {"source": pairs // 60, "target": pairs % 60, "weight": weight, "delay": np.full(400, 1.5)}
    first, second, out = tmp_path / "c.zarr", tmp_path / "d.zarr", tmp_path / f"out.{form}"
    assert call(["import", str(write(tmp_path, table)), str(first), "--delay", "delay", "--weights", "exact"]) == 0
    assert lines(ng.open(first)) == synapses_of(table)
    assert call(["export", str(first), str(out)]) == 0
    edges = out / "circuit_config.json" if form == "sonata" else out
    delay = {"sonata": [], "npz": ["--delay-ms", "1.5"], "csv": ["--delay", "delay"]}[form]
    assert call(["import", str(edges), str(second), *delay, "--weights", "exact"]) == 0
    assert lines(ng.open(second)) == synapses_of(table)
