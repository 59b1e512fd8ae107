"""Weights that must be exact are: what is exported is what was imported, to the last bit, and so is every sum."""

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.digits import binary_unit, join, place_values, split
from neurograph.edges import ListedValues
from neurograph.executor import state_bytes
from neurograph.importing import EdgeColumns
from neurograph.reference import simulate

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


def exported(circuit: ng.Circuit) -> list[tuple[int, int, float, float]]:
    path = circuit.path.with_suffix(".parquet")
    path.unlink(missing_ok=True)
    ng.export(circuit, path)
    table = pq.read_table(path)
    return synapses_of({"delay": table["delay_ms"].to_numpy()} | {
        name: table[name].to_numpy() for name in ("source", "target", "weight")
    })  # fmt: skip


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
        assert exported(other) == synapses_of(table)


def lively(folder: Path, seed: int, *, codec: str = "raw", block: int | None = None) -> ng.Circuit:
    """Build a circuit of two populations with exact weights of both signs that fires a lot."""
    rng, network = np.random.default_rng(seed), ng.Network()
    a, b = (network.population(name, 80, ng.LIFExp()) for name in "ab")
    for part, (source, target) in enumerate([(a, b), (b, a), (a, a)]):
        pairs = rng.integers(0, 80, (2, 900))
        weight = rng.uniform(50, 300, 900) if part else rng.uniform(-300, -50, 900)
        delay = rng.integers(1, 30, 900) * 0.1
        network.connect(source, target, ng.Edges(*pairs), weight=weight, delay=delay)
    network.connect(a, b, ng.FixedIndegree(5), weight=0.3, delay=1.0)
    for population in (a, b):
        network.drive(population, ng.PoissonInput(rate=4000.0, weight=400.0))
    return ng.build(folder / "c.zarr", network, seed=seed, weights="exact", codec=codec, block_neurons=block)


@pytest.mark.parametrize(("codec", "block"), [("raw", None), ("compressed", 17), ("raw", 50)])
def test_spikes_are_those_of_the_reference(codec: str, block: int | None, tmp_path: Path) -> None:
    circuit = lively(tmp_path, 4, codec=codec, block=block)
    assert circuit.store.digits == 4
    expected = simulate(circuit, 600, seed=2)
    assert len(expected) > 1000
    ordered = ng.order(circuit, tmp_path / "o.zarr", method="degree")
    for opened, workers, streams in [(circuit, 1, False), (circuit, 3, False), (ordered, 2, False), (circuit, 2, True)]:
        memory = state_bytes(opened) + int(0.9 * opened.store.synapse_bytes) if streams else 2**30
        with ng.Simulation(opened, workers=workers, memory=memory, seed=2) as sim:
            assert (sim._running.executor.stream is not None) == streams
            sim.step(600)
        np.testing.assert_array_equal(sim.spikes.steps, expected.steps)
        np.testing.assert_array_equal(sim.spikes.neurons, expected.neurons)
