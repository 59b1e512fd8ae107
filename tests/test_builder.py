"""Building: the same bytes for any number of jobs, the same circuit for any order, and clear refusals."""

from pathlib import Path

import numpy as np
import pytest

import neurograph as ng


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_bytes_do_not_depend_on_jobs(build_small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.builder.BATCH_SYNAPSES", 500)
    one, three = (build_small("modular", name=f"jobs{jobs}", jobs=jobs) for jobs in (1, 3))
    monkeypatch.undo()
    large = build_small("modular", name="large")
    assert files(one.path) == files(three.path) == files(large.path)


def test_the_seed_decides(build_small) -> None:
    first, again, other = (build_small("random", name=str(k), seed=s) for k, s in enumerate((1, 1, 2)))
    assert files(first.path) == files(again.path)
    assert files(first.path) != files(other.path)


def test_shuffling_keeps_the_synapses(build_small) -> None:
    def edges(circuit: ng.Circuit) -> set[tuple[int, ...]]:
        found, index = circuit.store.rows(0, circuit.neurons).synapses(), circuit.index_of_storage
        columns = (index[found.row], index[found.target], found.delay, found.code)
        return set(zip(*(c.tolist() for c in columns), strict=True))

    assert edges(build_small("sheet", name="a")) == edges(build_small("sheet", name="b", shuffle=True))


def test_planted_order_keeps_modules_together(build_small) -> None:
    circuit = build_small("modular", modules=4)
    found = circuit.store.rows(0, 200).synapses()
    near = (found.row // 50 == found.target // 50).mean()
    assert near == pytest.approx(0.9, abs=0.02)


def test_progress_counts_every_synapse(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    network = ng.recipes.random(neurons=100, synapses_per_neuron=20)
    ng.build(tmp_path / "c.zarr", network, progress=lambda done, total: seen.append((done, total)))
    assert sum(done for done, _ in seen) == 2000
    assert {total for _, total in seen} == {2000}


def test_edge_cases_can_be_built_and_run(tmp_path: Path) -> None:
    """No synapses; an empty population; a neuron without a row; no neurons at all."""
    network = ng.Network()
    network.population("none", 0, ng.LIFExp())
    some = network.population("some", 3, ng.LIFExp(I_e=1000.0))
    circuit = ng.build(tmp_path / "a.zarr", network)
    with ng.Simulation(circuit) as sim:
        sim.run(20.0)
    assert set(sim.spikes.neurons.tolist()) == {0, 1, 2}
    network.connect(some, some, ng.Edges(np.array([1]), np.array([2])), weight=1.0, delay=1.0)
    assert ng.build(tmp_path / "b.zarr", network).store.lengths().tolist() == [0, 1, 0]
    with ng.Simulation(ng.build(tmp_path / "c.zarr", ng.Network())) as sim:
        sim.run(1.0)
    assert len(sim.spikes) == 0


def test_start_values(tmp_path: Path) -> None:
    network = ng.Network()
    network.population("a", 3, ng.LIFExp(), initial={"v": np.array([-60.0, -61.0, -62.0])})
    network.population("b", 2, ng.LIFExp(), initial={"v": -55.0, "i_ex": ng.Uniform(1.0, 2.0)})
    circuit = ng.build(tmp_path / "c.zarr", network)
    with ng.Simulation(circuit) as sim:
        np.testing.assert_allclose(sim.state("v"), [-60.0, -61.0, -62.0, -55.0, -55.0])
        drawn = sim.state("i_ex", circuit.neuron_ids("b"))
    assert ((drawn > 1.0) & (drawn < 2.0)).all()
    assert drawn[0] != drawn[1]


def two_populations(ids_a: object, ids_b: object) -> ng.Network:
    network = ng.Network()
    network.population("a", 2, ng.LIFExp(), ids=ids_a)
    network.population("b", 2, ng.LIFExp(), ids=ids_b)
    return network


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: two_populations(np.array([1, 2]), None), "either every population has ids or none"),
        (lambda: two_populations(np.array([1, 2]), np.array([2, 3])), "neuron id 2 is given more than once"),
        (lambda: two_populations(np.array([1.0, 2.0]), np.array([3, 4])), "must be 2 integers"),
        (lambda: two_populations(np.array([1]), np.array([3, 4])), "must be 2 integers"),
    ],
)
def test_bad_ids_are_refused(tmp_path: Path, make, message: str) -> None:
    with pytest.raises(ng.NeuroGraphError, match=message):
        ng.build(tmp_path / "c.zarr", make())


def test_bad_networks_are_refused(tmp_path: Path) -> None:
    network = ng.Network()
    a = network.population("a", 4, ng.LIFExp())
    with pytest.raises(ng.ArgumentError, match="already is a population 'a'"):
        network.population("a", 4, ng.LIFExp())
    with pytest.raises(ng.ArgumentError, match=r"has no state .*; choose from v, i_ex, i_in"):
        network.population("b", 4, ng.LIFExp(), initial={"u": 1.0})
    with pytest.raises(ng.ArgumentError, match="has size -1"):
        network.population("b", -1, ng.LIFExp())
    with pytest.raises(ng.ArgumentError, match="dt is 0.0 ms"):
        ng.Network(dt=0.0)
    with pytest.raises(ng.ArgumentError, match="steps of 1 only"):
        a[::2]
    with pytest.raises(ng.ArgumentError, match="rate is -1.0 Hz"):
        ng.PoissonInput(rate=-1.0, weight=1.0)
    with pytest.raises(ng.ArgumentError, match="period needs a window"):
        ng.PoissonInput(rate=1.0, weight=1.0, period=5.0)
    with pytest.raises(ng.ArgumentError, match="'b' is empty"):
        network.connect(a, network.population("b", 0, ng.LIFExp()), ng.FixedOutdegree(1), weight=1.0, delay=1.0)
    network.storage_order = np.array([0, 0, 1, 2])
    with pytest.raises(ng.ArgumentError, match="storage_order must hold every index exactly once"):
        ng.build(tmp_path / "c.zarr", network)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("recipe", "options", "message"),
    [
        ("random", {"neurons": 5}, "neurons is 5"),
        ("modular", {"modules": 1}, "modules is 1, allowed are 2 to"),
        ("modular", {"inside": 1.5}, "inside is 1.5"),
        ("sheet", {"sigma": 9.0}, "sigma is 9.0 mm"),
    ],
)
def test_impossible_recipes_are_refused(recipe: str, options: dict[str, float], message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        getattr(ng.recipes, recipe)(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block_neurons": 65_537}, "block_neurons is 65537, allowed are 1 to 65536"),
        ({"weight_bits": 4}, "weight bits are 4, allowed are 8 and 16"),
    ],
)
def test_impossible_layouts_are_refused(tmp_path: Path, options: dict[str, int], message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        ng.build(tmp_path / "c.zarr", ng.recipes.random(neurons=100, synapses_per_neuron=20), **options)


def test_narrow_weights_save_a_byte_a_synapse(tmp_path: Path) -> None:
    network = ng.recipes.random(neurons=500, synapses_per_neuron=400)
    circuits = [ng.build(tmp_path / f"{bits}.zarr", network, weight_bits=bits) for bits in (16, 8)]
    wide, narrow = (circuit.store.specs["rows/words"].nbytes for circuit in circuits)
    assert (wide - narrow) / 200_000 == pytest.approx(1.0, abs=0.1)


def test_populations_of_another_network_are_refused() -> None:
    network, other = ng.Network(), ng.Network()
    mine, stranger = network.population("a", 20, ng.LIFExp()), other.population("a", 500, ng.LIFExp())
    for source, target in ((mine, stranger), (stranger, mine)):
        with pytest.raises(ng.ArgumentError, match="'a' is not one of this network"):
            network.connect(source, target, ng.FixedOutdegree(1), weight=1.0, delay=1.0)
    with pytest.raises(ng.ArgumentError, match="'a' is not one of this network"):
        network.drive(stranger, ng.PoissonInput(rate=1.0, weight=1.0))


def test_more_blocks_than_can_be_numbered_are_refused(tmp_path: Path) -> None:
    network = ng.Network()
    network.population("a", 70_000, ng.LIFExp())
    with pytest.raises(ng.ArgumentError, match="block_neurons is 1, allowed are 2 to 65536"):
        ng.build(tmp_path / "c.zarr", network, block_neurons=1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda n: n.population("a", 2, ng.LIFExp(), initial={"v": float("nan")}), "not finite"),
        (lambda n: n.population("a", 2, ng.LIFExp(), initial={"v": np.array([1.0, np.nan])}), "not finite"),
        (lambda n: ng.Edges(np.array([0.9]), np.array([1.7])), "Edges needs integers, got float64"),
        (lambda n: ng.PoissonInput(rate=1.0, weight=1.0, start=float("nan")), "must be finite"),
        (lambda n: n.drive(n.population("a", 2, ng.LIFExp()),
                           ng.PoissonInput(rate=1.0, weight=1.0, stop=0.01, period=0.01)), "shorter than one step"),
    ],
)  # fmt: skip
def test_values_that_would_fail_late_are_refused(make, message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        make(ng.Network())


def test_start_values_may_be_of_any_number_type(tmp_path: Path) -> None:
    network = ng.Network()
    network.population("a", 2, ng.LIFExp(), initial={"v": np.float32(-60.5)})
    with ng.Simulation(ng.build(tmp_path / "c.zarr", network)) as sim:
        assert sim.state("v").tolist() == [-60.5, -60.5]
