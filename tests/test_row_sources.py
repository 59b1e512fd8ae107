"""Both row sources, the generator and the store, keep the one contract; and they agree."""

import numpy as np
import pytest
import zarr

import neurograph as ng
from neurograph.generate import NetworkRows
from neurograph.scales import network_scales
from neurograph_storage.rows import RowSource
from neurograph_storage.testing import RowSourceTests, assert_rows_equal


def generated(network: ng.Network, seed: int = 1) -> NetworkRows:
    order = np.arange(network.size) if network.storage_order is None else network.storage_order
    storage = np.empty(network.size, np.uint32)
    storage[order] = np.arange(network.size)
    return NetworkRows(network, seed=seed, storage=storage, scales=network_scales(network))


class TestNetworkRows(RowSourceTests):
    @pytest.fixture(params=["random", "modular", "sheet"])
    def source(self, request: pytest.FixtureRequest) -> RowSource:
        return generated(getattr(ng.recipes, request.param)(neurons=150, synapses_per_neuron=30))


class TestStoredCircuit(RowSourceTests):
    @pytest.fixture(params=["random", "modular", "sheet"])
    def source(self, request: pytest.FixtureRequest, build_small) -> RowSource:
        return build_small(request.param).store


@pytest.mark.parametrize("recipe", ["random", "modular", "sheet"])
def test_stored_rows_are_the_generated_rows(recipe: str, build_small) -> None:
    circuit = build_small(recipe)
    source = generated(getattr(ng.recipes, recipe)(neurons=200, synapses_per_neuron=40))
    assert_rows_equal(circuit.store.rows(0, 200), source.rows(0, 200))


def test_stock_zarr_reads_every_synapse(build_small) -> None:
    circuit = build_small("modular")
    root = zarr.open_group(circuit.path, mode="r")
    assert root.metadata.zarr_format == 3
    rows = circuit.store.rows(0, circuit.neurons)
    np.testing.assert_array_equal(root["synapses/target"][:], rows.target)
    np.testing.assert_array_equal(root["synapses/weight"][:], rows.weight)
    np.testing.assert_array_equal(root["groups/delay"][:], rows.delay)
    np.testing.assert_array_equal(np.diff(root["groups/synapse"][:]), rows.group_lengths)
    np.testing.assert_array_equal(np.diff(root["rows/group"][:]), rows.group_counts)


def test_many_chunks_are_one_array(tmp_path) -> None:
    """1.5 million synapses need two chunk files of targets; mapped, they are one array."""
    network = ng.recipes.random(neurons=1500, synapses_per_neuron=1000)
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1)
    assert len(list((circuit.path / "synapses/target/c").iterdir())) == 2
    np.testing.assert_array_equal(
        zarr.open_group(circuit.path, mode="r")["synapses/target"][:], circuit.store.arrays["synapses/target"]
    )
