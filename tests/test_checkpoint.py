"""A run that is taken up from a checkpoint is, to the last spike, the run that never ended."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.circuit import Circuit
from neurograph.events import resolve
from neurograph.executor import state_bytes
from neurograph.record import Spikes
from neurograph.reference import simulate
from neurograph_storage.errors import CorruptionError, DiskSpaceError, MemoryBudgetError, VersionError

STEPS = 300


def lively(network: ng.Network) -> ng.Network:
    for setup in network.setups:
        network.drive(setup.population, ng.PoissonInput(rate=1200.0, weight=200.0))
    return network


def budget(circuit: ng.Circuit, share: float) -> int:
    return state_bytes(circuit) + int(share * circuit.store.synapse_bytes)


def joined(*several: Spikes) -> list[tuple[int, int]]:
    return [pair for spikes in several for pair in zip(spikes.steps.tolist(), spikes.neurons.tolist(), strict=True)]


@pytest.fixture(scope="module")
def circuits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ng.Circuit]:
    """One network in two codecs, orders and cuts into blocks."""
    folder = tmp_path_factory.mktemp("circuits")
    forms = {
        "raw": {"block_neurons": 200},
        "other": {"codec": "compressed", "shuffle": True, "block_neurons": 130},
    }
    network = lively(ng.recipes.random(neurons=500, synapses_per_neuron=400))
    return {name: ng.build(folder / f"{name}.zarr", network, seed=1, **form) for name, form in forms.items()}


@pytest.fixture(scope="module")
def expected(circuits: dict[str, ng.Circuit]) -> list[tuple[int, int]]:
    return joined(simulate(circuits["raw"], STEPS, seed=1))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(st.integers(0, STEPS), min_size=1, max_size=3),
    forms=st.lists(st.sampled_from(["raw", "other"]), min_size=4, max_size=4),
    workers=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    shares=st.lists(st.sampled_from([0.5, 0.8, 10.0]), min_size=4, max_size=4),
)
def test_at_any_moment_into_any_form_workers_and_memory(
    circuits: dict[str, ng.Circuit], expected: list[tuple[int, int]], tmp_path: Path, moments: list[int],
    forms: list[str], workers: list[int], shares: list[float],
) -> None:  # fmt: skip
    path, found, now = tmp_path / "checkpoint", [], 0
    for number, until in enumerate([*sorted(moments), STEPS]):
        circuit = circuits[forms[number]]
        options = {"workers": workers[number], "memory": budget(circuit, shares[number])}
        if number == 0:
            sim = ng.Simulation(circuit, seed=1, **options)
        else:
            sim = ng.Simulation.resume(path, circuit, **options)
        with sim:
            assert sim.now == pytest.approx(now * circuit.dt)
            sim.step(until - now)
            sim.checkpoint(path)
        found.append(sim.spikes)
        now = until
    assert joined(*found) == expected
    assert sim.statistics.spikes == len(expected)


@pytest.mark.parametrize("recipe", ["modular", "sheet"])
@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    moment=st.integers(1, 200),
    workers=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    shares=st.tuples(st.sampled_from([0.6, 10.0]), st.sampled_from([0.6, 10.0])),
    codec=st.sampled_from(["raw", "compressed"]),
)
def test_every_recipe(
    recipe: str, seed: int, moment: int, workers: tuple[int, int], shares: tuple[float, float], codec: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        network = lively(getattr(ng.recipes, recipe)(neurons=200, synapses_per_neuron=250))
        circuit = ng.build(Path(folder) / "c.zarr", network, seed=seed, codec=codec, block_neurons=64)
        memory = [budget(circuit, share) for share in shares]
        try:
            with ng.Simulation(circuit, seed=seed, workers=workers[0], memory=memory[0]) as first:
                first.step(moment)
                first.checkpoint(Path(folder) / "c")
            with ng.Simulation.resume(Path(folder) / "c", workers=workers[1], memory=memory[1]) as second:
                second.step(201 - moment)
        except MemoryBudgetError:
            return
        assert joined(first.spikes, second.spikes) == joined(simulate(circuit, 201, seed=seed))


def run_with_everything(circuit: ng.Circuit, moment: int | None, path: Path) -> tuple[list[tuple[int, int]], object]:
    """Inject, silence, drive and record, with a break at a moment."""
    drive = resolve(circuit, np.arange(5, 200, 5), np.arange(39) * 7, 900.0)
    sim, found = ng.Simulation(circuit, seed=4, workers=2, drive=drive), []
    trace = sim.record("v", circuit.ids[[3, 400]], every=0.7)
    sim.set_refractory(circuit.ids[:50], 0.4)
    for step in range(200):
        if step in (60, 101, 120):
            sim.silence(circuit.ids[step : step + 150])
        if step % 20 == 0:
            sim.inject(circuit.ids[step : step + 10], 5000.0)
        if step == moment:
            sim.checkpoint(path)
            sim.close()
            found.append(sim.spikes)
            sim = ng.Simulation.resume(path, workers=1, drive=drive, memory=budget(circuit, 0.9))
            (trace,) = sim.traces
        sim.step()
    sim.close()
    counts = sim.rates.counts
    return joined(*found, sim.spikes), (trace.times.tolist(), trace.values.tolist(), counts.tolist())


@pytest.mark.parametrize("moment", [1, 60, 102, 120, 130, 199])
def test_what_a_user_did_before_has_its_effect_after(
    circuits: dict[str, ng.Circuit], tmp_path: Path, moment: int
) -> None:
    """At 102 and 120 spikes of neurons that are silenced by then are still in flight."""
    whole = run_with_everything(circuits["raw"], None, tmp_path / "c")
    assert run_with_everything(circuits["raw"], moment, tmp_path / "c") == whole
    assert len(whole[0]) > 200


def test_a_run_writes_checkpoints_at_multiples_of_the_interval_and_at_the_end(
    circuits: dict[str, ng.Circuit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    save = ng.Simulation.checkpoint
    monkeypatch.setattr(ng.Simulation, "checkpoint", lambda sim, path: (written.append(sim.now), save(sim, path)))
    with ng.Simulation(circuits["raw"], seed=1) as sim:
        sim.run(1.5)
        sim.run(5.0, checkpoint=tmp_path / "c", checkpoint_every=2.0)
    np.testing.assert_allclose(written, [2.0, 4.0, 6.0, 6.5])
    with ng.Simulation.resume(tmp_path / "c") as sim:
        assert sim.now == pytest.approx(6.5)


@pytest.fixture
def saved(circuits: dict[str, ng.Circuit], tmp_path: Path) -> Path:
    path = tmp_path / "saved"
    with ng.Simulation(circuits["raw"], seed=1) as sim:
        sim.step(50)
        sim.checkpoint(path)
    return path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 2**30), bit=st.integers(0, 7))
def test_any_bit_that_is_turned_is_found(saved: Path, at: int, bit: int) -> None:
    content = bytearray(saved.read_bytes())
    content[at % len(content)] ^= 1 << bit
    other = saved.with_name("turned")
    other.write_bytes(content)
    with pytest.raises((CorruptionError, ng.ArgumentError), match="is damaged or cut short|is not a checkpoint"):
        ng.Simulation.resume(other)


@pytest.mark.parametrize("length", [0, 4, 20, 5000, -1])
def test_a_checkpoint_that_was_cut_short(saved: Path, length: int) -> None:
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises((CorruptionError, ng.ArgumentError), match="damaged or cut short|is not a checkpoint"):
        ng.Simulation.resume(saved)


def test_a_checkpoint_of_a_later_release(circuits: dict[str, ng.Circuit], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("neurograph.checkpoint._VERSION", 2)
    with ng.Simulation(circuits["raw"]) as sim:
        sim.checkpoint(tmp_path / "c")
    monkeypatch.undo()
    with pytest.raises(VersionError, match="has format version 2; this release reads 1: update it"):
        ng.Simulation.resume(tmp_path / "c")


def test_what_would_be_another_run_is_refused(circuits: dict[str, ng.Circuit], saved: Path, tmp_path: Path) -> None:
    network = lively(ng.recipes.random(neurons=500, synapses_per_neuron=400))
    other = ng.build(tmp_path / "other.zarr", network, seed=2)
    with pytest.raises(ng.DataError, match="made with another circuit than .*other.zarr"):
        ng.Simulation.resume(saved, other)
    with pytest.raises(ng.ArgumentError, match=r"seed is 2, but the run of checkpoint .* has 1"):
        ng.Simulation.resume(saved, seed=2)
    drive = resolve(circuits["raw"], np.array([60]), np.array([3]), 100.0)
    with pytest.raises(ng.ArgumentError, match="the drive is not that of the run"):
        ng.Simulation.resume(saved, drive=drive)
    with pytest.raises(ng.ArgumentError, match="no checkpoint at"):
        ng.Simulation.resume(tmp_path / "none")
    with pytest.raises(ng.ArgumentError, match="is not a checkpoint"):
        ng.Simulation.resume(other.path / "files.json")


def test_synapses_that_were_changed_are_refused(tmp_path: Path) -> None:
    """Two imports that differ in one weight, in the same place."""
    for name, weight in (("a", 5.0), ("b", 4.0)):
        (tmp_path / "edges.csv").write_text(f"source,target,weight\n1,2,5.0\n2,3,{weight}\n2,1,4.0\n1,3,5.0\n")
        ng.import_edges(tmp_path / "edges.csv", tmp_path / f"{name}.zarr", delay_ms=1.5)
    with ng.Simulation(tmp_path / "a.zarr") as sim:
        sim.checkpoint(tmp_path / "c")
    (tmp_path / "a.zarr").rename(tmp_path / "gone.zarr")
    (tmp_path / "b.zarr").rename(tmp_path / "a.zarr")
    with pytest.raises(ng.DataError, match="the synapses of .*a.zarr were changed|made with another circuit"):
        ng.Simulation.resume(tmp_path / "c")


def test_a_full_disk_keeps_the_checkpoint_before(
    circuits: dict[str, ng.Circuit], saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("neurograph_storage.bundle.os.fsync", full)
    message = "the disk is full: .*saved could not be written"
    with ng.Simulation(circuits["raw"], seed=1) as sim, pytest.raises(DiskSpaceError, match=message):
        sim.checkpoint(saved)
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == ["saved"]


def test_where_no_checkpoint_can_be(circuits: dict[str, ng.Circuit], tmp_path: Path) -> None:
    with ng.Simulation(circuits["raw"]) as sim:
        with pytest.raises(ng.ArgumentError, match="it is a folder"):
            sim.run(1.0, checkpoint=tmp_path)
        with pytest.raises(ng.ArgumentError, match="there is no such folder"):
            sim.run(1.0, checkpoint=tmp_path / "none" / "c")
        with pytest.raises(ng.ArgumentError, match="checkpoint_every is 0.0 ms"):
            sim.run(1.0, checkpoint=tmp_path / "c", checkpoint_every=0.0)
    assert Circuit(circuits["raw"].path).neurons == 500


@pytest.mark.parametrize("workers", [1, 2])
def test_into_less_memory_than_what_is_in_flight_takes(tmp_path: Path, workers: int) -> None:
    """Rows in flight fitted when it was written; now they do only if as little as possible is there at a time."""
    network = ng.recipes.random(neurons=500, synapses_per_neuron=1000)
    circuit, found = ng.build(tmp_path / "c.zarr", network, seed=1, block_neurons=200), []
    for share in (10.0, 0.7):
        with ng.Simulation(circuit, workers=workers, seed=1, memory=budget(circuit, 10.0)) as first:
            first.inject(circuit.ids[:200], 1e6)
            first.step(30)
            first.checkpoint(tmp_path / "c")
        with ng.Simulation.resume(tmp_path / "c", workers=workers, memory=budget(circuit, share)) as second:
            starts = second._running.executor.starts
            second.step(200)
        found.append(joined(first.spikes, second.spikes))
        assert (starts > 0) == (share < 1.0)
    assert found[0] == found[1]
