"""The same network in NEST gives the same spikes, step for step."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph.models import Model

NEURONS, DURATION = 1000, 1000.0

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nest") is None, reason="NEST is not installed (extra: peers)")


def edges(rng: np.random.Generator, unit: float = 1.0) -> tuple[np.ndarray, ...]:
    """Random synapses whose weights are binary fractions, so that no order of summation rounds."""
    source = np.repeat(np.arange(NEURONS), 100)
    target = rng.integers(0, NEURONS, len(source))
    weight = np.where(source < 800, rng.integers(20 * 8, 60 * 8, len(source)) / 8, -200.25)
    delay = rng.integers(1, 40, len(source)) * 0.1
    return source, target, weight * unit, delay


def run_nest(folder: Path, **circuit: object) -> tuple[np.ndarray, np.ndarray]:
    np.savez(folder / "circuit.npz", **circuit)
    twin = Path(__file__).with_name("nest_twin.py")
    subprocess.run(
        [sys.executable, twin, folder / "circuit.npz", folder / "spikes.npz"], check=True, capture_output=True
    )
    spikes = np.load(folder / "spikes.npz")
    order = np.lexsort((spikes["neurons"], spikes["steps"]))
    return spikes["steps"][order], spikes["neurons"][order]


@pytest.mark.parametrize(
    ("name", "model", "unit", "workers"),
    [
        ("iaf_psc_exp", ng.LIFExp(I_e=420.0, tau_syn_ex=2.0, tau_syn_in=4.0), 1.0, 1),
        ("iaf_psc_exp", ng.LIFExp(I_e=420.0, tau_syn_ex=2.0, tau_syn_in=4.0), 1.0, 2),
        ("iaf_psc_delta", ng.LIFDelta(I_e=420.0, E_L=-65.0, V_reset=-65.0, V_th=-50.0), 1 / 256, 2),
        ("iaf_psc_alpha", ng.LIFAlpha(I_e=420.0, E_L=-65.0, V_reset=-65.0, V_th=-50.0, tau_syn_in=4.0), 0.5, 2),
        ("iaf_psc_alpha", ng.LIFAlpha(I_e=420.0, E_L=-65.0, V_reset=-65.0, V_th=-50.0, tau_syn_ex=10.0), 0.125, 1),
        ("izhikevich", ng.Izhikevich(I_e=8.0), 1 / 256, 2),
    ],
    ids=["exp-1", "exp-2", "delta", "alpha", "alpha-equal-tau", "izhikevich"],
)
def test_same_spikes_as_nest(tmp_path: Path, name: str, model: Model, unit: float, workers: int) -> None:
    rng = np.random.default_rng(5)
    source, target, weight, delay = edges(rng, unit)
    v = rng.uniform(-65.0, -50.5, NEURONS)
    network = ng.Network(dt=0.1)
    population = network.population("all", NEURONS, model, initial={"v": v})
    network.connect(population, population, ng.Edges(source, target), weight=weight, delay=delay)
    circuit = ng.build(tmp_path / "twin.zarr", network)
    with ng.Simulation(circuit, workers=workers) as sim:
        sim.run(DURATION)

    steps, neurons = run_nest(
        tmp_path, source=source, target=target, weight=weight, delay=delay, v=v, duration=DURATION,
        model=name, parameters=json.dumps(asdict(model)),
    )  # fmt: skip

    assert len(steps) > 5 * NEURONS
    # NEST stamps a spike at the end of its step, we at the beginning.
    np.testing.assert_array_equal(sim.spikes.steps, steps - 1)
    np.testing.assert_array_equal(sim.spikes.neurons, neurons)
