"""Both row sources, the generator and the store, keep the one contract; and they agree."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

import neurograph as ng
from neurograph import builder
from neurograph.generate import NetworkRows
from neurograph.reference_rows import read_row
from neurograph.scales import network_scales
from neurograph_storage.check import check_rows
from neurograph_storage.layout import default_block_neurons
from neurograph_storage.rows import Rows, RowSource
from neurograph_storage.stream import encode, pack
from neurograph_storage.testing import RowSourceTests, assert_rows_equal


def generated(network: ng.Network, seed: int = 1) -> NetworkRows:
    order = np.arange(network.size) if network.storage_order is None else network.storage_order
    storage = np.empty(network.size, np.uint32)
    storage[order] = np.arange(network.size)
    block = default_block_neurons(network.size)
    return NetworkRows(network, seed=seed, storage=storage, scales=network_scales(network), block_neurons=block)


def every_rule() -> ng.Network:
    """Return a network with all rules and options, between populations and slices that overlap."""
    network = ng.Network()
    a, b = network.population("a", 90, ng.LIFExp()), network.population("b", 60, ng.LIFExp())
    linear = ng.LinearInDistance(5.0, -3.0, low=1.0)
    options = [(multapses, autapses) for multapses in (True, False) for autapses in (True, False)]
    for option in options:
        drawn = {"weight": ng.LogNormal(2.0, 0.5, high=20.0), "delay": ng.LogNormal(1.5, 0.5, low=0.1)}
        network.connect(a, a[30:], ng.FixedOutdegree(9, *option), **drawn)
        network.connect(a[:70], a[20:], ng.CommunityOutdegree(5, 3, False, *option), **drawn)
        network.connect(b, b, ng.FixedIndegree(4, *option), **drawn)
        network.connect(b, b, ng.DistanceOutdegree(5, 0.2, 1.0, *option), weight=linear, delay=linear)
    for autapses in (True, False):
        network.connect(a[40:], a[:60], ng.Bernoulli(0.2, autapses), weight=-1.0, delay=2.0)
        network.connect(a[5:8], a, ng.AllToAll(autapses), weight=-1.0, delay=ng.Uniform(1.0, 2.0))
        network.connect(b, b[2:], ng.FixedTotal(200, autapses), weight=-1.0, delay=2.0)
    return network


class TestNetworkRows(RowSourceTests):
    @pytest.fixture(params=["random", "modular", "sheet", "every_rule"])
    def source(self, request: pytest.FixtureRequest) -> RowSource:
        if request.param == "every_rule":
            return generated(every_rule())
        return generated(getattr(ng.recipes, request.param)(neurons=150, synapses_per_neuron=30))


@pytest.mark.parametrize(
    ("batch", "options"),
    [
        (2**20, {"jobs": 3}),
        (100, {"jobs": 1}),
        (100, {"jobs": 3}),
        (100, {"jobs": 3, "shuffle": True}),
        (2**20, {"jobs": 1, "block_neurons": 40}),
    ],
)
def test_no_rule_depends_on_batches_jobs_or_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, options: dict[str, Any]
) -> None:
    expected = listed(ng.build(tmp_path / "one.zarr", every_rule(), seed=5, jobs=1))
    monkeypatch.setattr(builder, "BATCH_SYNAPSES", batch)
    found = listed(ng.build(tmp_path / "other.zarr", every_rule(), seed=5, **options))
    np.testing.assert_array_equal(found, expected)


def listed(circuit: ng.Circuit) -> np.ndarray:
    """Return all synapses by source and target index, sorted, (synapses, 5)."""
    found, index = circuit.store.rows(0, circuit.neurons).synapses(), circuit.index_of_storage
    columns = np.stack([index[found.row], index[found.target], found.delay, found.receptor, found.code])
    return columns[:, np.lexsort(columns)].T


class TestStoredCircuit(RowSourceTests):
    @pytest.fixture(params=["random", "modular", "sheet"])
    def source(self, request: pytest.FixtureRequest, build_small) -> RowSource:
        return build_small(request.param).store


class TestCompressedCircuit(RowSourceTests):
    @pytest.fixture(params=["random", "modular", "sheet"])
    def source(self, request: pytest.FixtureRequest, build_small) -> RowSource:
        return build_small(request.param, codec="compressed").store


@pytest.mark.parametrize("recipe", ["random", "modular", "sheet"])
@pytest.mark.parametrize("codec", ["raw", "compressed"])
def test_stored_rows_are_the_generated_rows(recipe: str, codec: str, build_small) -> None:
    circuit = build_small(recipe, codec=codec)
    source = generated(getattr(ng.recipes, recipe)(neurons=200, synapses_per_neuron=40))
    assert_rows_equal(circuit.store.rows(0, 200), source.rows(0, 200))


@pytest.mark.parametrize("bits", [16, 8])
def test_stock_zarr_reads_every_synapse(tmp_path: Path, bits: int) -> None:
    """With nothing but zarr and the description of a row in the data model."""
    network = ng.recipes.modular(neurons=300, synapses_per_neuron=60)
    everyone = network.population("more", 50, ng.LIFExp())
    network.connect(everyone, everyone, ng.FixedOutdegree(9), weight=3.0, delay=1.0)
    network.storage_order = None
    circuit = ng.build(tmp_path / "c.zarr", network, weight_bits=bits, block_neurons=100)
    root = zarr.open_group(circuit.path, mode="r")
    assert root.metadata.zarr_format == 3
    starts, words = root["rows/start"][:].tolist(), root["rows/words"][:].tolist()
    found = [(row, *synapse) for row in range(350) for synapse in read_row(words[starts[row] : starts[row + 1]], 100)]
    expected = circuit.store.rows(0, 350).synapses()
    assert len(found) == 300 * 60 + 50 * 9 == circuit.synapses
    np.testing.assert_array_equal(np.array(found).T, np.array(expected))


def test_many_chunks_are_one_array(tmp_path: Path) -> None:
    """1.5 million synapses need two chunk files; mapped, they are one array."""
    network = ng.recipes.random(neurons=1500, synapses_per_neuron=1000)
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1)
    assert len(list((circuit.path / "rows/words/c").iterdir())) == 2
    root = zarr.open_group(circuit.path, mode="r")
    np.testing.assert_array_equal(root["rows/words"][:], circuit.store.arrays["rows/words"])


def packed(synapses: list[tuple[int, ...]]) -> np.ndarray:
    """Return one row, sorted: (block, target in it, delay, receptor, code) of each synapse."""
    return np.sort(np.array([pack(np.uint32(b << 16 | t), d, r, c) for b, t, d, r, c in synapses], np.uint64))


codes = st.one_of(st.just(7), st.integers(-128, 127), st.integers(-32768, 32767))
synapse = st.tuples(st.integers(0, 3), st.integers(0, 99), st.integers(1, 6), st.integers(0, 2), codes)


@given(st.lists(st.lists(synapse, max_size=60), min_size=1, max_size=5))
def test_encoding_loses_nothing(rows: list[list[tuple[int, ...]]]) -> None:
    offsets = np.cumsum([0, *(len(row) for row in rows)])
    joined = np.concatenate([np.empty(0, np.uint64), *(packed(row) for row in rows if row)])
    encoded = Rows(*encode(joined, offsets), 100)
    assert encoded.lengths().tolist() == [len(row) for row in rows]
    found = sorted(zip(*(part.tolist() for part in encoded.synapses()), strict=True))
    assert found == sorted((k, b * 100 + t, d, r, c) for k, row in enumerate(rows) for b, t, d, r, c in row)
    assert check_rows(encoded.words, encoded.starts, 100, np.full(400, 3, np.uint8)) == (-1, 0)


def test_groups_longer_than_a_header_can_count() -> None:
    row = [(0, k % 100, 3, 0, k % 5) for k in range(40_000)]
    encoded = Rows(*encode(packed(row), np.array([0, 40_000])), 100)
    assert encoded.lengths().tolist() == [40_000]
    assert check_rows(encoded.words, encoded.starts, 100, np.full(100, 1, np.uint8)) == (-1, 0)


@given(st.lists(st.integers(0, 2**16 - 1), max_size=40))
def test_checking_never_trusts_what_it_reads(words: list[int]) -> None:
    row, invariant = check_rows(np.array(words, np.uint16), np.array([0, len(words)]), 10, np.full(30, 1, np.uint8))
    assert (row, invariant) == (-1, 0) or 6 <= invariant <= 10
