"""Models: against the solution of their equations, and the compiled step against the plain one, bit for bit."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import neurograph as ng
from neurograph.choices import find
from neurograph.models import BUILT_IN, MODELS, Model, base
from neurograph_storage.atomics import call
from neurograph_storage.jit import kernel

DT = 0.1


def plain(model: Model, state: dict[str, float], inputs: np.ndarray, steps: int) -> tuple[dict[str, float], list[int]]:
    """Run one neuron in plain NumPy; return its state in user units, and the steps in which it spiked."""
    stored = np.array([[model.to_stored(k, np.array(state[k]))] for k in model.states], float)
    countdown, refractory = np.zeros(1, np.int32), np.full(1, model.refractory_steps(DT), np.int32)
    spikes = [
        k
        for k in range(steps)
        if model.reference_step(model.constants(DT), stored, countdown, refractory, inputs[:, k : k + 1])[0]
    ]
    return {k: float(model.to_user(k, stored[i])[0]) for i, k in enumerate(model.states)}, spikes


@pytest.mark.parametrize("tau_syn", [0.5, 2.0, 10.0])
def test_lif_exp_solves_its_equations(tau_syn: float) -> None:
    model = ng.LIFExp(tau_syn_ex=tau_syn, tau_syn_in=3.0, V_th=1e6, I_e=50.0)
    start = {"v": -60.0, "i_ex": 300.0, "i_in": -120.0}

    def slope(_: float, y: np.ndarray) -> list[float]:
        v, i_ex, i_in = y
        return [-(v + 65.0) / 10.0 + (i_ex + i_in + 50.0) / 250.0, -i_ex / tau_syn, -i_in / 3.0]

    exact = solve_ivp(slope, (0, 20.0), list(start.values()), rtol=1e-11, atol=1e-11).y[:, -1]
    found, _ = plain(model, start, np.zeros((3, 200)), 200)
    np.testing.assert_allclose(list(found.values()), exact, rtol=1e-7, atol=1e-12)


def test_equal_time_constants_are_the_limit_of_close_ones() -> None:
    near, equal = ng.LIFExp(tau_syn_ex=10.0 + 1e-7).constants(DT), ng.LIFExp(tau_syn_ex=10.0).constants(DT)
    np.testing.assert_allclose(near, equal, rtol=1e-6)


def test_lif_frozen_solves_its_equations() -> None:
    model = ng.LIFFrozen(v_threshold=1e6)

    def slope(_: float, y: np.ndarray) -> list[float]:
        return [(-52.0 - y[0] + y[1]) / 20.0, -y[1] / 5.0]

    exact = solve_ivp(slope, (0, 15.0), [-50.0, 8.0], rtol=1e-11, atol=1e-11).y[:, -1]
    found, _ = plain(model, {"v": -50.0, "g": 8.0}, np.zeros((2, 150)), 150)
    np.testing.assert_allclose(list(found.values()), exact, rtol=1e-7)


def test_lif_exp_is_held_for_its_refractory_time() -> None:
    """A neuron driven far above threshold spikes every t_ref plus one step."""
    _, spikes = plain(ng.LIFExp(I_e=1e6), {"v": -65.0, "i_ex": 0.0, "i_in": 0.0}, np.zeros((3, 100)), 100)
    assert set(np.diff(spikes)) == {21}


def test_lif_frozen_loses_what_arrives_while_refractory() -> None:
    """Driven onto v at step 0 it spikes at 1, moves again at 1 + 22, and what came at 1 .. 22 is lost."""
    inputs = np.zeros((2, 60))
    inputs[1, 0] = 68.75
    inputs[0, 1:23] = 100.0
    state, spikes = plain(ng.LIFFrozen(), {"v": -52.0, "g": 0.0}, inputs, 23)
    assert (spikes, state) == ([1], {"v": -52.0, "g": 0.0})
    inputs[0, 23] = 1.0
    assert plain(ng.LIFFrozen(), {"v": -52.0, "g": 0.0}, inputs, 24)[0]["g"] == 1.0


def test_the_threshold_of_lif_frozen_is_strict() -> None:
    still = ng.LIFFrozen(tau_m=1e300, v_threshold=-45.0)
    assert plain(still, {"v": -45.0, "g": 0.0}, np.zeros((2, 1)), 1)[1] == []
    assert plain(still, {"v": np.nextafter(-45.0, 0), "g": 0.0}, np.zeros((2, 1)), 1)[1] == [0]


@kernel
def call_tile(address: int, block: np.ndarray) -> int:
    return call(address, block)


def advance_tile(model: Model, state: np.ndarray, countdown: np.ndarray, refractory: np.ndarray, inputs: np.ndarray):
    """Call the compiled step as a worker does; return who spiked."""
    constants, spikes, block = model.constants(DT), np.empty(base.TILE, np.int32), np.empty(base.BLOCK, np.int64)
    padded = np.zeros((len(model.inputs()), base.TILE))
    padded[:, : inputs.shape[1]] = inputs
    block[:] = (
        inputs.shape[1], len(constants), state.shape[1], constants.ctypes.data, state.ctypes.data,
        countdown.ctypes.data, refractory.ctypes.data, padded.ctypes.data, spikes.ctypes.data,
    )  # fmt: skip
    return spikes[: call_tile(model.tile.address, block)].copy()


@pytest.mark.parametrize("built_in", BUILT_IN)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), neurons=st.integers(1, base.TILE), t_ref=st.sampled_from([0.0, 0.1, 0.5]))
def test_the_compiled_step_is_the_plain_step(built_in: type[Model], seed: int, neurons: int, t_ref: float) -> None:
    rng = np.random.default_rng(seed)
    refractory_time = {"t_ref": t_ref} if "t_ref" in [field.name for field in fields(built_in)] else {}
    model = built_in(**refractory_time)
    start = model.default_state()
    state = np.array([model.to_stored(s, start[s] + rng.normal(0.0, 10.0, neurons)) for s in model.states])
    state = state.reshape(len(model.states), neurons)
    mine, theirs = state.copy(), state.copy()
    refractory = np.full(neurons, model.refractory_steps(DT), np.int32)
    countdown = np.zeros((2, neurons), np.int32)
    for _ in range(20):
        inputs = rng.normal(0.0, rng.choice([1.0, 30.0, 300.0]), (len(model.inputs()), neurons))
        spiked = advance_tile(model, mine, countdown[0], refractory, inputs)
        spiking = model.reference_step(model.constants(DT), theirs, countdown[1], refractory, inputs)
        np.testing.assert_array_equal(spiked, np.flatnonzero(spiking))
        np.testing.assert_array_equal(mine, theirs)
        np.testing.assert_array_equal(countdown[0], countdown[1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ng.LIFExp(tau_m=0.0), "LIFExp.tau_m is 0.0, it must be positive"),
        (lambda: ng.LIFExp(E_L=float("nan")), "LIFExp.E_L is nan, it must be finite"),
        (lambda: ng.LIFExp(V_reset=-40.0), "below V_th -50.0"),
        (lambda: ng.LIFExp(t_ref=-1.0), "at least 0 ms"),
        (lambda: ng.LIFFrozen(v_reset=-40.0), "above v_threshold"),
        (lambda: ng.LIFFrozen(t_ref=-1.0), "at least 0 ms"),
        (lambda: find("neuron model", "Hodgkin", MODELS), "no neuron model 'Hodgkin'; choose from LIFExp, LIFFrozen"),
    ],
)
def test_impossible_parameters_are_refused(make, message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        make()
