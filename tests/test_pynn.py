"""The PyNN backend: its cells follow their equations, its networks are ours, and what it lacks it names."""

import importlib.util
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

if importlib.util.find_spec("pyNN") is None:
    pytest.skip("PyNN is not installed (extra: pynn)", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

DOCS = Path(__file__).parent.parent / "docs" / "pynn.md"


@pytest.fixture
def sim() -> Any:
    import neurograph.pynn as sim

    yield sim
    sim.setup()


def trace(population: Any, variable: str = "v") -> np.ndarray:
    return np.asarray(population.get_data().segments[0].filter(name=variable)[0].magnitude)


def trains(population: Any) -> list[list[float]]:
    return [train.magnitude.tolist() for train in population.get_data("spikes").segments[0].spiketrains]


def test_exponential_current_is_the_solution(sim: Any) -> None:
    """V at t after an event of w nA: the difference of two exponentials."""
    sim.setup(timestep=0.1)
    cell = sim.Population(1, sim.IF_curr_exp(tau_m=10.0, tau_syn_E=4.0, cm=0.5))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[5.0]))
    sim.Projection(source, cell, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.2, delay=2.0))
    cell.record("v")
    sim.run(30.0)
    time = np.arange(301) * 0.1 - 7.0
    rise = 0.2 / 0.5 * 10.0 * 4.0 / (10.0 - 4.0) * (np.exp(-time / 10.0) - np.exp(-time / 4.0))
    assert np.abs(trace(cell)[:, 0] - (-65.0 + np.where(time > 0, rise, 0.0))).max() < 1e-4


def _solved(slope: Any, start: list[float], times: np.ndarray) -> np.ndarray:
    from scipy.integrate import solve_ivp

    return solve_ivp(slope, (0.0, times[-1]), start, t_eval=times, rtol=1e-10, atol=1e-10).y


def test_alpha_conductance_is_the_solution(sim: Any) -> None:
    sim.setup(timestep=0.02)
    cell = sim.Population(1, sim.IF_cond_alpha(tau_m=10.0, tau_syn_I=3.0, e_rev_I=-80.0, v_thresh=0.0))
    source = sim.Population(1, sim.SpikeSourceArray(spike_times=[1.0]))
    weight = sim.StaticSynapse(weight=0.05, delay=1.0)
    sim.Projection(source, cell, sim.AllToAllConnector(), weight, receptor_type="inhibitory")
    cell.record(["v", "gsyn_inh"])
    sim.run(20.0)
    times = np.arange(901) * 0.02

    def conductance(t: Any) -> Any:
        return 0.05 * t / 3.0 * np.exp(1 - t / 3.0)

    expected = _solved(lambda t, v: -(v + 65.0) / 10.0 - conductance(t) * (v + 80.0), [-65.0], times)[0]
    assert np.abs(trace(cell, "gsyn_inh")[100:, 0] - conductance(times)).max() < 1e-4
    assert np.abs(trace(cell)[100:, 0] - expected).max() < 2e-3


def test_adaptive_exponential_with_conductances_is_the_solution(sim: Any) -> None:
    sim.setup(timestep=0.01)
    cell = sim.Population(1, sim.EIF_cond_exp_isfa_ista(i_offset=0.3), initial_values={"v": -65.0, "w": 0.02})
    cell.record(["v", "w"])
    sim.run(40.0)

    def slope(_: float, y: np.ndarray) -> list[float]:
        v, w = y
        leak = 0.281 / 9.3667
        upswing = leak * 2.0 * math.exp((v + 50.4) / 2.0)
        return [(upswing - leak * (v + 70.6) - w + 0.3) / 0.281, (0.004 * (v + 70.6) - w) / 144.0]

    expected = _solved(slope, [-65.0, 0.02], np.arange(4001) * 0.01)
    assert np.abs(trace(cell)[:, 0] - expected[0]).max() < 1e-6
    assert np.abs(trace(cell, "w")[:, 0] - expected[1]).max() < 1e-8


@pytest.mark.parametrize("name", ["AdExCond", "LIFCondAlpha"])
def test_models_of_pynn_follow_the_reference(tmp_path: Path, name: str) -> None:
    from neurograph.pynn import models
    from neurograph.reference import simulate

    network = ng.Network(dt=0.1)
    cells = network.population("cells", 100, getattr(models, name)(I_e=900.0), initial={"v": ng.Uniform(-70.0, -52.0)})
    network.connect(cells[:80], cells, ng.FixedOutdegree(10), weight=4.0, delay=1.0)
    network.connect(cells[80:], cells, ng.FixedOutdegree(10), weight=-20.0, delay=0.5)
    circuit = ng.build(tmp_path / "c.zarr", network)
    with ng.Simulation(circuit, workers=1, seed=2) as sim:
        sim.run(60.0)
    expected = simulate(circuit, 600, seed=2)
    assert len(expected) > 100
    assert sim.spikes.steps.tolist() == expected.steps.tolist()
    assert sim.spikes.neurons.tolist() == expected.neurons.tolist()


def test_a_network_is_the_one_that_would_be_built_by_hand(sim: Any, tmp_path: Path) -> None:
    """Parameters that differ by cell, views, assemblies, both receptors; spikes end a step where ours begin it."""
    sim.setup(timestep=0.1)
    rng = np.random.default_rng(3)
    offset, v = rng.uniform(0.5, 1.1, 12), rng.uniform(-65.0, -51.0, 30)
    sources = [np.sort(rng.choice(np.arange(5, 1000), 15, replace=False)) / 10 for _ in range(5)]
    first = sim.Population(12, sim.IF_curr_exp(i_offset=offset), initial_values={"v": v[:12]})
    second = sim.Population(18, sim.IF_curr_exp(tau_m=12.0, i_offset=1.0), initial_values={"v": v[12:]})
    inputs = sim.Population(5, sim.SpikeSourceArray(spike_times=sources))
    everyone = first + second
    weights = rng.integers(1, 20, (12, 30)) * 0.01
    edges = [(i, j, weights[i, j], 0.1 * (1 + (i + j) % 20)) for i in range(12) for j in range(30) if (i * j) % 3]
    sim.Projection(first, everyone, sim.FromListConnector(edges), receptor_type="excitatory")
    sim.Projection(second[3:7], first, sim.AllToAllConnector(), sim.StaticSynapse(weight=-0.3, delay=1.5))
    weight = sim.StaticSynapse(weight=0.5, delay=0.5)
    sim.Projection(inputs, everyone, sim.AllToAllConnector(), weight, receptor_type="excitatory")
    everyone.record("spikes")
    sim.run(100.0)

    network = ng.Network(dt=0.1)
    same = {"C_m": 1000.0, "t_ref": 0.1, "tau_syn_ex": 5.0, "tau_syn_in": 5.0}
    models = [ng.LIFExp(**same, tau_m=20.0, I_e=1000.0 * each) for each in offset]
    models.append(ng.LIFExp(**same, tau_m=12.0, I_e=1000.0))
    cells = [network.population(f"c{k}", 1, m, initial={"v": v[k : k + 1]}) for k, m in enumerate(models[:-1])]
    cells.append(network.population("second", 18, models[-1], initial={"v": v[12:]}))
    given = network.population("inputs", 5, ng.SpikeSource())
    whole = network.span(cells[0], cells[-1])
    i, j, w, d = (np.array(column) for column in zip(*edges, strict=True))
    network.connect(whole, whole, ng.Edges(i, j), weight=1000.0 * w, delay=d)
    inhibitory = ng.Edges(np.repeat(np.arange(15, 19), 12), np.tile(np.arange(12), 4))
    network.connect(whole, whole, inhibitory, weight=-300.0, delay=1.5)
    network.connect(given, whole, ng.AllToAll(), weight=500.0, delay=0.5)
    circuit = ng.build(tmp_path / "c.zarr", network)
    with ng.Simulation(circuit, workers=1) as by_hand:
        events = sorted((round(t * 10) - 1, 30 + k) for k, times in enumerate(sources) for t in times)
        for step, source in events:
            by_hand.step(step - round(by_hand.now * 10))
            by_hand.inject([source], 1.0)
        by_hand.step(1000 - round(by_hand.now * 10))
    ends = np.round((by_hand.spikes.steps + 1) * 0.1, 9)
    expected = [ends[by_hand.spikes.neurons == k].tolist() for k in range(30)]
    assert sum(map(len, expected)) > 50
    assert trains(everyone) == expected


def test_poisson_sources_have_their_rates_and_windows(sim: Any) -> None:
    sim.setup(timestep=0.1, seed=4)
    sources = sim.Population(60, sim.SpikeSourcePoisson(rate=[50.0] * 30 + [200.0] * 30, start=100.0, duration=800.0))
    sources.record("spikes")
    sim.run(1000.0)
    found = trains(sources)
    times = np.concatenate(found)
    assert times.min() > 100.0
    assert times.max() <= 900.0 + 1e-9
    for part, rate in ((found[:30], 50.0), (found[30:], 200.0)):
        expected = 30 * rate * 0.8
        assert abs(sum(map(len, part)) - expected) < 5 * math.sqrt(expected)


def test_reset_and_new_parameters(sim: Any) -> None:
    sim.setup(timestep=0.1)
    cells = sim.Population(2, sim.IF_cond_exp(i_offset=0.9))
    cells.record(["spikes", "v"])
    sim.run(50.0)
    with pytest.raises(NotImplementedError, match=r"cannot change parameters of neurons while .* reset\(\) first"):
        cells.set(i_offset=0.0)
    sim.reset()
    cells[1:2].set(i_offset=0.0)
    sim.run(50.0)
    first, second = cells.get_data().segments
    assert len(first.spiketrains[0]) == len(first.spiketrains[1]) > 0
    assert len(second.spiketrains[0]) == len(first.spiketrains[0])
    assert len(second.spiketrains[1]) == 0
    assert first.analogsignals[0].shape == second.analogsignals[0].shape == (501, 2)


@pytest.mark.parametrize(
    "name", ["HH_cond_exp", "EIF_cond_alpha_isfa_ista", "TsodyksMarkramSynapse", "STDPMechanism", "SpikeSourceGamma"]
)
def test_what_there_is_no_model_for_says_so_by_name(sim: Any, name: str) -> None:
    with pytest.raises(NotImplementedError, match=f"neurograph.pynn has no {name}"):
        getattr(sim, name)()
    assert name not in sim.list_standard_models()
    with pytest.raises(AttributeError):
        sim.no_such_thing  # noqa: B018


def test_a_script_that_names_its_simulator_runs_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "from pyNN.utility import get_simulator\n"
        "sim, options = get_simulator()\n"
        "sim.setup()\n"
        "cells = sim.Population(3, sim.IF_curr_delta(i_offset=1.0))\n"
        "cells.record('spikes')\n"
        "sim.run(50.0)\n"
        "print(cells.get_spike_counts())\n"
        "sim.end()\n"
    )
    command = [sys.executable, "-m", "neurograph.pynn", "script.py", "neurograph"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("{0:")


@pytest.mark.skipif("NEUROGRAPH_PYNN" not in os.environ, reason="NEUROGRAPH_PYNN names no source release of PyNN")
@pytest.mark.timeout(1800)
def test_the_table_of_examples_and_scenarios_is_what_they_do() -> None:
    from neurograph.pynn.trying import table, try_all

    assert table(try_all(Path(os.environ["NEUROGRAPH_PYNN"]))) in DOCS.read_text()
