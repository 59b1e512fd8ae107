"""What a user does with a running circuit: inject, look, silence, step, and read the figures."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph.simulation import default_workers
from neurograph_storage.errors import MemoryBudgetError

BIG = 2**53 + 1  # the first integer that a float cannot hold


@pytest.fixture
def chain(tmp_path: Path) -> ng.Circuit:
    """Five neurons, each exciting the next after 1 ms, far above threshold; ids beyond what a float can hold."""
    network = ng.Network()
    cells = network.population("cells", 5, ng.LIFExp(tau_syn_ex=2.0), ids=BIG + np.arange(5))
    network.connect(cells, cells, ng.Edges(np.arange(4), np.arange(1, 5)), weight=5000.0, delay=1.0)
    network.storage_order = np.array([3, 1, 4, 0, 2])
    return ng.build(tmp_path / "chain.zarr", network)


def test_an_injected_event_runs_down_the_chain(chain: ng.Circuit) -> None:
    with ng.Simulation(chain, workers=2) as sim:
        sim.step(30)
        sim.inject([BIG], 5000.0)
        sim.run(20.0)
    assert sim.spikes.neurons.tolist() == [BIG, BIG + 1, BIG + 2, BIG + 3, BIG + 4]
    steps = sim.spikes.steps
    assert steps[0] > 30
    assert len(set(np.diff(steps))) == 1
    np.testing.assert_allclose(sim.spikes.times, steps * 0.1)


def test_silence_cuts_the_output_only(chain: ng.Circuit) -> None:
    with ng.Simulation(chain) as sim:
        sim.silence([BIG + 2])
        sim.inject([BIG], 5000.0)
        sim.run(20.0)
    assert sim.spikes.neurons.tolist() == [BIG, BIG + 1, BIG + 2]


def test_inject_sums_events_and_takes_receptors(chain: ng.Circuit) -> None:
    with ng.Simulation(chain) as sim:
        sim.inject([BIG, BIG, BIG + 1], [10.0, 5.0, -3.0])
        sim.inject([BIG + 2], 7.0, receptor="inhibitory")
        sim.step()
        assert sim.state("i_ex").tolist() == [15.0, 0.0, 0.0, 0.0, 0.0]
        assert sim.state("i_in", [BIG + 2, BIG + 1]).tolist() == [7.0, -3.0]
        assert sim.now == pytest.approx(0.1)


def test_refractory_time_of_single_neurons(tmp_path: Path) -> None:
    network = ng.Network()
    network.population("cells", 2, ng.LIFExp(I_e=1e5))
    with ng.Simulation(ng.build(tmp_path / "c.zarr", network)) as sim:
        sim.set_refractory([1], 0.5)
        sim.run(10.0)
    first, second = (sim.spikes.steps[sim.spikes.neurons == k] for k in (0, 1))
    assert set(np.diff(first)) == {21}
    assert set(np.diff(second)) == {6}


def test_state_in_user_units(chain: ng.Circuit) -> None:
    with ng.Simulation(chain) as sim:
        assert sim.state("v").tolist() == [-65.0] * 5
        with pytest.raises(ng.ArgumentError, match="no state 'u'; choose from v, i_ex, i_in"):
            sim.state("u")


@pytest.mark.parametrize(
    ("neurons", "message"),
    [([3], "neuron id 3 is not in the circuit"), ([float(BIG)], "must be integers, got float64")],
)
def test_unknown_neurons(chain: ng.Circuit, neurons: list[float], message: str) -> None:
    with ng.Simulation(chain) as sim:
        for use in (lambda: sim.inject(neurons, 1.0), lambda: sim.silence(neurons), lambda: sim.state("v", neurons)):
            with pytest.raises(ng.DataError, match=message):
                use()


def test_bad_arguments(chain: ng.Circuit) -> None:
    with ng.Simulation(chain) as sim:
        with pytest.raises(ng.ArgumentError, match="duration is -1.0 ms"):
            sim.run(-1.0)
        with pytest.raises(ng.ArgumentError, match="steps is -1"):
            sim.step(-1)
        with pytest.raises(ng.ArgumentError, match="need a weight"):
            sim.inject([BIG])
        with pytest.raises(ng.DataError, match="weight of an event is not finite"):
            sim.inject([BIG], float("nan"))
        with pytest.raises(ng.ArgumentError, match="t_ref is -1.0 ms"):
            sim.set_refractory([BIG], -1.0)
    with pytest.raises(ng.ArgumentError, match="workers is 0"):
        ng.Simulation(chain, workers=0)
    with pytest.raises(ng.ArgumentError, match="choose from cells"):
        chain.neuron_ids("others")


def test_a_budget_that_state_does_not_fit(chain: ng.Circuit) -> None:
    with pytest.raises(MemoryBudgetError, match="give at least --memory 1MiB") as caught:
        ng.Simulation(chain, memory=100)
    assert caught.value.budget == 100
    assert caught.value.needed > 100


def test_a_budget_that_synapses_do_not_fit_changes_no_spike(build_small) -> None:
    circuit = build_small("random", neurons=300, synapses_per_neuron=100)
    runs = []
    for memory in ("192KiB", "1GiB"):
        with ng.Simulation(circuit, memory=memory, seed=1) as sim:
            sim.run(50.0)
        runs.append(sim.spikes.neurons.tolist())
    assert runs[0] == runs[1]
    assert runs[0]


def test_statistics(chain: ng.Circuit) -> None:
    with ng.Simulation(chain, memory="1GiB") as sim:
        sim.inject([BIG], 5000.0)
        sim.run(20.0)
    statistics = sim.statistics
    figures = dict(statistics)
    assert figures == statistics.as_dict()
    assert json.loads(json.dumps(figures)) == figures
    expected = {"neurons": 5, "synapses": 4, "spikes": 5, "synaptic_events": 4, "memory_budget_bytes": 2**30}
    assert {key: figures[key] for key in expected} == expected
    assert figures["duration_ms"] == pytest.approx(20.0)
    assert figures["real_time_factor"] == pytest.approx(figures["wall_s"] / 0.02)


def test_workers_are_joined(chain: ng.Circuit) -> None:
    with ng.Simulation(chain, workers=3) as sim:
        sim.step(5)
        assert any(thread.name.startswith("neurograph-worker") for thread in threading.enumerate())
    assert not any(thread.name.startswith("neurograph-worker") for thread in threading.enumerate())


def test_an_error_in_a_worker_reaches_the_caller(chain: ng.Circuit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("broken kernel")

    with ng.Simulation(chain, workers=3) as sim:
        sim.step(1)
        monkeypatch.setattr("neurograph.worker.advance", fail)
        with pytest.raises(RuntimeError, match="broken kernel"):
            sim.step(1)
    assert not any(thread.name.startswith("neurograph-worker") for thread in threading.enumerate())


def test_progress_tells_the_steps_just_taken(chain: ng.Circuit) -> None:
    told: list[tuple[int, int]] = []
    with ng.Simulation(chain) as sim:
        sim.step(100, progress=lambda done, of: told.append((done, of)))
    assert sum(done for done, _ in told) == 100
    assert {of for _, of in told} == {100}


def test_default_workers() -> None:
    assert default_workers(100) == 1
    assert default_workers(10**9) >= 1
