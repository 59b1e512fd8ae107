"""A circuit written as a table, a matrix or a graph is the same circuit when it is read again."""

import importlib.util
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from scipy import sparse

import neurograph as ng
from neurograph import listing
from neurograph.cli.main import call
from neurograph.codes import choose_scale

Build = Callable[..., ng.Circuit]
COLUMNS = ("source", "target", "weight", "delay")


def synapses(circuit: ng.Circuit, names: tuple[str, ...] = COLUMNS) -> list[tuple[Any, ...]]:
    parts = [zip(*(getattr(batch, name).tolist() for name in names), strict=True) for batch in circuit.edges()]
    return sorted(row for part in parts for row in part)


@pytest.fixture
def circuit(tmp_path: Path) -> ng.Circuit:
    """Return one with original ids beyond 2^53, drawn weights and delays, and a neuron without synapses."""
    ids = 2**62 + np.arange(150) * 3
    network = ng.Network(dt=0.1)
    a = network.population("A", 100, ng.LIFExp(), ids=ids[:100])
    b = network.population("B", 50, ng.LIFExp(), ids=ids[100:])
    network.connect(a, b, ng.FixedOutdegree(20), weight=ng.Normal(88.0, 8.8), delay=ng.Uniform(0.1, 5.0))
    network.connect(b, a[:99], ng.FixedOutdegree(30), weight=ng.LogNormal(3.0, 0.4), delay=0.3)
    network.connect(b, a[:99], ng.FixedOutdegree(10), weight=-351.25, delay=1.1)
    return ng.build(tmp_path / "c.zarr", network, seed=1, shuffle=True, codec="compressed")


def test_a_circuit_lists_what_its_rows_hold(circuit: ng.Circuit, monkeypatch: pytest.MonkeyPatch) -> None:
    found, index = circuit.store.rows(0, circuit.neurons).synapses(), circuit.index_of_storage
    rows = zip(
        circuit.ids[index[found.row]].tolist(),
        circuit.ids[index[found.target]].tolist(),
        (found.code * circuit.scales["LIFExp"][found.receptor]).tolist(),
        np.round(found.delay * 0.1, 6).tolist(),
        strict=True,
    )
    expected = sorted(rows)
    assert synapses(circuit) == expected
    sizes = [len(batch) for batch in listing.synapse_lists(circuit, batch_words=500)]
    assert len(sizes) > 5
    assert sum(sizes) == circuit.synapses == len(expected)


def test_damage_is_found_before_it_is_written(circuit: ng.Circuit, tmp_path: Path) -> None:
    chunk = circuit.store.chunk_path("rows/words", 0)
    data = bytearray(chunk.read_bytes())
    data[len(data) // 50] ^= 1
    chunk.write_bytes(data)
    for name in ("e.parquet", "e.npz", "folder"):
        with pytest.raises(ng.DataError, match="granule 0 of rows/words is damaged"):
            ng.export_circuit(ng.open(circuit.path), tmp_path / name)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["c.zarr"]


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".csv.gz"])
def test_tables_go_out_and_in_exactly(circuit: ng.Circuit, tmp_path: Path, ending: str) -> None:
    edges, neurons, again = (str(tmp_path / name) for name in (f"e{ending}", f"n{ending}", "d.zarr"))
    assert call(["export", str(circuit.path), edges, "--neurons", neurons]) == 0
    assert call(["import", edges, again, "--delay", "delay", "--neurons", neurons]) == 0
    second = ng.open(again)
    assert synapses(second) == synapses(circuit)
    assert second.ids.tolist() == circuit.ids.tolist()
    table = pq.read_table(edges) if ending == ".parquet" else pa_csv.read_csv(edges)
    weights, receptors = table["weight"].to_numpy(), table["receptor"].to_pylist()
    assert ((weights < 0) == (np.array(receptors) == "inhibitory")).all()


def test_matrices_go_out_and_in_exactly(circuit: ng.Circuit, tmp_path: Path) -> None:
    ng.export_circuit(circuit, tmp_path / "m.npz")
    matrix = sparse.load_npz(tmp_path / "m.npz")
    assert isinstance(matrix, sparse.coo_array)
    held = ng.to_scipy(circuit)
    assert [v.tolist() for v in (*matrix.coords, matrix.data)] == [v.tolist() for v in (*held.coords, held.data)]
    index = {neuron: k for k, neuron in enumerate(circuit.ids.tolist())}
    expected = sorted((index[s], index[t], w) for s, t, w, _ in synapses(circuit))
    assert sorted(zip(matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist(), strict=True)) == expected
    one_delay = ng.import_edges(tmp_path / "m.npz", tmp_path / "d.zarr", delay_ms=1.0)
    assert synapses(one_delay, COLUMNS[:3]) == expected
    network = ng.from_scipy(held, delay=ng.to_scipy(circuit, "delay"), ids=circuit.ids)
    assert synapses(ng.build(tmp_path / "e.zarr", network)) == synapses(circuit)


def test_matrices_that_do_not_fit_are_refused(circuit: ng.Circuit) -> None:
    with pytest.raises(ng.ArgumentError, match="is 2 x 3, it must be square"):
        ng.from_scipy(np.ones((2, 3)), delay=1.0)
    with pytest.raises(ng.ArgumentError, match="at other places"):
        ng.from_scipy(np.eye(3), delay=sparse.csr_array(np.ones((3, 3))))
    with pytest.raises(ng.ArgumentError, match="allowed are weight and delay"):
        ng.to_scipy(circuit, "length")


@pytest.mark.skipif(importlib.util.find_spec("networkx") is None, reason="networkx is not installed")
def test_graphs_go_out_and_in_exactly(circuit: ng.Circuit, tmp_path: Path) -> None:
    graph = ng.to_networkx(circuit)
    assert graph.number_of_edges() == circuit.synapses
    assert graph.nodes[int(circuit.ids[120])] == {"population": "B", "model": "LIFExp"}
    second = ng.build(tmp_path / "d.zarr", ng.from_networkx(graph))
    assert synapses(second) == synapses(circuit)
    graph.add_edge(*circuit.ids[:2].tolist(), weight=1.0)
    with pytest.raises(ng.ArgumentError, match="has no attribute 'delay'"):
        ng.from_networkx(graph)


@pytest.mark.skipif(importlib.util.find_spec("networkx") is None, reason="networkx is not installed")
def test_an_undirected_graph_of_names_counts_in_both_directions(tmp_path: Path) -> None:
    import networkx as nx

    graph = nx.Graph()
    graph.add_edge("x", "y", weight=2.0)
    circuit = ng.build(tmp_path / "d.zarr", ng.from_networkx(graph, delay=1.5, model=ng.LIFDelta()))
    assert synapses(circuit) == [(0, 1, 2.0, 1.5), (1, 0, 2.0, 1.5)]


@pytest.mark.skipif(importlib.util.find_spec("neo") is None, reason="neo is not installed")
def test_spikes_go_through_neo(tmp_path: Path) -> None:
    network = ng.Network(dt=0.1)
    network.population("sources", 4, ng.SpikeSource(), ids=np.array([7, 3, 9, 2**60]))
    circuit = ng.build(tmp_path / "c.zarr", network)
    with ng.Simulation(circuit, workers=1) as sim:
        for neuron in (3, 2**60, 3):
            sim.inject([neuron], 1.0)
            sim.step(7)
        block = ng.to_neo(sim.spikes, circuit, t_stop=sim.now, neurons=circuit.ids)
    trains = {t.annotations["neuron"]: t.magnitude.tolist() for t in block.segments[0].spiketrains}
    assert trains == {7: [], 3: pytest.approx([0.0, 1.4]), 9: [], 2**60: pytest.approx([0.7])}
    with ng.Simulation(circuit, workers=1, drive=ng.from_neo(block, circuit)) as again:
        again.step(21)
    assert again.spikes.steps.tolist() == sim.spikes.steps.tolist()
    assert again.spikes.neurons.tolist() == sim.spikes.neurons.tolist()


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("e.xlsx", [], "has no ending of a format"),
        ("c.zarr", [], "is never overwritten"),
        ("no/e.csv", [], "there is no folder"),
        ("e.csv", ["--neurons", "n.npz"], "cannot be written to n.npz"),
    ],
)
def test_what_cannot_be_written(
    circuit: ng.Circuit, tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, options: list[str], message: str
) -> None:
    assert call(["export", str(circuit.path), str(tmp_path / out), *options]) == 2
    assert message in capsys.readouterr().err


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurograph.formats.extras import extra

    with pytest.raises(ng.ArgumentError, match=r"pip install 'neurograph\[neo\]'"):
        extra("no_such_module_at_all", "neo")


@pytest.mark.parametrize("unit", [0.1, 1 / 3, 2e-7, 0.0123456789])
@pytest.mark.parametrize("count", [80, 3_000])
def test_weights_that_were_codes_are_codes_again(unit: float, count: int) -> None:
    """Also where the smallest is too large for its fractions to tell the unit, and no two are one unit apart."""
    codes = np.random.default_rng(1).integers(5_000, 32_768, count)
    scale = choose_scale([codes * unit])
    assert scale.max_error == 0
    assert (scale.encode(codes * unit) * scale.unit == codes * unit).all()


def test_memory_of_an_export_does_not_grow_with_the_circuit(tmp_path: Path, build_small: Build) -> None:
    peaks = []
    for synapses_per_neuron in (100, 800):
        circuit = build_small(neurons=1000, synapses_per_neuron=synapses_per_neuron, name=str(synapses_per_neuron))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(listing, "BATCH_WORDS", 2**14)
            patch.setattr(listing.synapse_lists, "__defaults__", (2**14,))
            ng.export_circuit(circuit, tmp_path / f"w{synapses_per_neuron}.npz")  # whatever is loaded on first use
            tracemalloc.start()
            ng.export_circuit(circuit, tmp_path / f"e{synapses_per_neuron}.npz")
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
