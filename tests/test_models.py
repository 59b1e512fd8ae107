"""Models: against the solution of their equations, and the compiled step against the plain one, bit for bit."""

from collections.abc import Callable
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


def plain(
    model: Model, state: dict[str, float], inputs: np.ndarray, steps: int, dt: float = DT
) -> tuple[dict[str, float], list[int]]:
    """Run one neuron in plain NumPy; return its state in user units, and the steps in which it spiked."""
    stored = np.array([[model.to_stored(k, np.array(state[k]))] for k in model.states], float).reshape(-1, 1)
    countdown, refractory = np.zeros(1, np.int32), np.full(1, model.refractory_steps(dt), np.int32)
    spikes = [
        k
        for k in range(steps)
        if model.reference_step(model.constants(dt), stored, countdown, refractory, inputs[:, k : k + 1])[0]
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


def test_lif_delta_solves_its_equation_and_sees_what_arrives_at_once() -> None:
    model = ng.LIFDelta(I_e=100.0)
    inputs = np.zeros((2, 51))
    inputs[0, 0], inputs[1, 10:20] = 5.0, 200.0
    found, spikes = plain(model, {"v": -70.0}, inputs[:, :50], 50)
    rise = 0.1 * 10.0 * (1 - np.exp(-5.0 / 10.0)) * 4 + 8.0 * (1 - np.exp(-1.0 / 10.0)) * np.exp(-3.0 / 10.0)
    assert (spikes, found["v"]) == ([], pytest.approx(-70.0 + rise + 5.0 * np.exp(-4.9 / 10.0), rel=1e-12))
    inputs[0, 50] = 10.0
    assert plain(model, {"v": -70.0}, inputs, 51)[1] == [50]


def test_lif_delta_loses_what_arrives_while_refractory() -> None:
    inputs = np.zeros((2, 40))
    inputs[0, [0, 1, 20, 21]] = 16.0
    assert plain(ng.LIFDelta(), {"v": -70.0}, inputs, 40)[1] == [0, 21]


@pytest.mark.parametrize("tau_syn", [0.5, 2.0, 10.0, 10.0 + 1e-9, 30.0])
def test_lif_alpha_solves_its_equations(tau_syn: float) -> None:
    model = ng.LIFAlpha(tau_syn_ex=tau_syn, tau_syn_in=3.0, V_th=1e6, I_e=50.0)
    start = {"v": -60.0, "i_ex": 300.0, "r_ex": 40.0, "i_in": -120.0, "r_in": -10.0}

    def slope(_: float, y: np.ndarray) -> list[float]:
        v, i_ex, r_ex, i_in, r_in = y
        dv = -(v + 70.0) / 10.0 + (i_ex + i_in + 50.0 + 25.0) / 250.0
        return [dv, r_ex - i_ex / tau_syn, -r_ex / tau_syn, r_in - i_in / 3.0, -r_in / 3.0]

    exact = solve_ivp(slope, (0, 20.0), list(start.values()), rtol=1e-11, atol=1e-11).y[:, -1]
    inputs = np.zeros((3, 200))
    inputs[2] = 25.0
    np.testing.assert_allclose(list(plain(model, start, inputs, 200)[0].values()), exact, rtol=1e-7, atol=1e-8)


def test_a_weight_of_lif_alpha_is_the_peak_of_its_current() -> None:
    inputs = np.zeros((3, 21))
    inputs[0, 0] = 80.0
    assert plain(ng.LIFAlpha(), ng.LIFAlpha().default_state(), inputs, 21)[0]["i_ex"] == pytest.approx(80.0)


def errors(model: Model, start: dict[str, float], slope: Callable[..., list[float]], end: float) -> list[float]:
    """Return the error of v after ``end`` ms with a step of DT and with one of half of it."""
    exact = solve_ivp(slope, (0, end), list(start.values()), rtol=1e-12, atol=1e-12).y[0, -1]
    inputs = np.zeros((len(model.inputs()), 1000))
    found = [plain(model, start, inputs, round(end / dt), dt)[0]["v"] for dt in (DT, DT / 2)]
    return [abs(v - exact) for v in found]


def test_lif_cond_solves_its_equations_to_second_order() -> None:
    model, start = ng.LIFCond(V_th=1e6, I_e=30.0), {"v": -65.0, "g_ex": 20.0, "g_in": 40.0}

    def slope(_: float, y: np.ndarray) -> list[float]:
        v, g_ex, g_in = y
        current = -10.0 * (v + 60.0) - g_ex * v - g_in * (v + 80.0) + 30.0
        return [current / 200.0, -g_ex / 5.0, -g_in / 10.0]

    coarse, fine = errors(model, start, slope, 5.0)
    assert coarse < 1e-4
    assert coarse / fine == pytest.approx(4.0, rel=0.1)


def test_inhibition_of_lif_cond_is_a_negative_weight() -> None:
    inputs = np.zeros((3, 1))
    inputs[:, 0] = 3.0, -7.0, 0.0
    found, _ = plain(ng.LIFCond(), ng.LIFCond().default_state(), inputs, 1)
    assert (found["g_ex"], found["g_in"]) == (3.0, 7.0)


def test_adex_solves_its_equations_to_fourth_order() -> None:
    model, start = ng.AdEx(I_e=300.0), {"v": -60.0, "w": 20.0, "i_ex": 300.0, "i_in": -50.0}

    def slope(_: float, y: np.ndarray) -> list[float]:
        v, w, i_ex, i_in = y
        current = -30.0 * (v + 70.6) + 60.0 * np.exp((v + 50.4) / 2.0) - w + i_ex + i_in + 300.0
        return [current / 281.0, (4.0 * (v + 70.6) - w) / 144.0, -i_ex / 0.2, -i_in / 2.0]

    coarse, fine = errors(model, start, slope, 10.0)
    assert coarse < 1e-5
    assert coarse / fine == pytest.approx(16.0, rel=0.2)


def test_adex_spikes_when_the_exact_solution_does_and_adapts() -> None:
    """The exact solution is on its upswing within two steps of where ours spikes; from then on intervals grow."""
    model = ng.AdEx(I_e=1000.0)

    def slope(_: float, y: np.ndarray) -> list[float]:
        v, w = min(y[0], 20.0), y[1]
        current = -30.0 * (v + 70.6) + 60.0 * np.exp((v + 50.4) / 2.0) - w + 1000.0
        return [current / 281.0, (4.0 * (v + 70.6) - w) / 144.0]

    def peak(_: float, y: np.ndarray) -> float:
        return float(y[0] + 20.0)

    peak.terminal = True  # type: ignore[attr-defined]
    exact = solve_ivp(slope, (0, 50.0), [-70.6, 0.0], events=peak, rtol=1e-9, atol=1e-9).t_events[0][0]
    _, spikes = plain(model, model.default_state(), np.zeros((3, 3000)), 3000)
    assert abs((spikes[0] + 1) * DT - exact) <= 2 * DT
    assert (np.diff(spikes)[1:5] > np.diff(spikes)[:4]).all()


def test_a_refractory_adex_is_held_while_it_adapts() -> None:
    held, free = (plain(ng.AdEx(t_ref=t), {"v": 30.0, "w": 0.0, "i_ex": 1e4, "i_in": 0.0}, np.zeros((3, 9)), 9)[0]
                  for t in (5.0, 0.0))  # fmt: skip
    assert held["v"] == ng.AdEx().V_reset != free["v"]
    before = 4.0 * (20.0 + 70.6) * -np.expm1(-0.1 / 144.0)
    assert held["w"] == pytest.approx((before + 80.5) * np.exp(-0.8 / 144.0))


def test_izhikevich_solves_its_equations_to_first_order() -> None:
    start = {"v": -65.0, "u": -13.0}

    def slope(_: float, y: np.ndarray) -> list[float]:
        return [0.04 * y[0] ** 2 + 5 * y[0] + 140 - y[1] + 2.0, 0.02 * (0.2 * y[0] - y[1])]

    coarse, fine = errors(ng.Izhikevich(I_e=2.0), start, slope, 10.0)
    assert coarse < 0.1
    assert coarse / fine == pytest.approx(2.0, rel=0.1)


def test_threshold_units_forget_at_once_or_with_their_time_constant() -> None:
    inputs = np.array([[0.6, 0.6, -0.3, 1.0, 0.0, 2.5]])
    assert plain(ng.ThresholdUnit(), {"x": 0.0}, inputs, 6)[1] == [3, 5]
    found, spikes = plain(ng.ThresholdUnit(tau=1.0), {"x": 0.0}, inputs[:, :2], 2)
    assert (spikes, found) == ([1], {"x": 0.0})
    assert plain(ng.ThresholdUnit(tau=1.0), {"x": 0.0}, inputs[:, :1], 1)[0] == {"x": 0.6}


def test_parrots_and_sources_repeat_what_is_positive() -> None:
    inputs = np.array([[0.0, 1.0, -1.0, 1e-9, 3.0], [0.0, -5.0, -5.0, -5.0, 1.0]])
    assert plain(ng.Parrot(), {}, inputs, 5)[1] == [1, 3, 4]
    assert plain(ng.SpikeSource(), {}, inputs[:1], 5)[1] == [1, 3, 4]


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
        (lambda: ng.LIFDelta(V_reset=-50.0), "LIFDelta.V_reset is -50.0, it must be below V_th -55.0"),
        (lambda: ng.LIFAlpha(tau_syn_ex=0.0), "LIFAlpha.tau_syn_ex is 0.0, it must be positive"),
        (lambda: ng.LIFCond(g_L=-1.0), "LIFCond.g_L is -1.0, it must be positive"),
        (lambda: ng.AdEx(t_ref=-1.0), "AdEx.t_ref is -1.0, it must be at least 0 ms"),
        (lambda: ng.AdEx(Delta_T=0.1), "too small for V_peak 20.0: the exponential overflows"),
        (lambda: ng.Izhikevich(c=30.0), "Izhikevich.c is 30.0, it must be below V_th 30.0"),
        (lambda: ng.Izhikevich(a=float("inf")), "Izhikevich.a is inf, it must be finite"),
        (lambda: ng.ThresholdUnit(threshold=0.0), "ThresholdUnit.threshold is 0.0, it must be positive"),
        (lambda: ng.ThresholdUnit(tau=-1.0), "ThresholdUnit.tau is -1.0, it must be at least 0 ms"),
        (lambda: ng.PoissonSource(rate=-1.0), "PoissonSource.rate is -1.0 Hz, it must be at least 0"),
        (lambda: ng.PoissonSource(rate=1e4).event_rate(0.1), "a step of 0.1 ms holds one spike at most"),
        (lambda: find("neuron model", "Hodgkin", MODELS), "no neuron model 'Hodgkin'; choose from LIFExp, LIFFrozen"),
    ],
)
def test_impossible_parameters_are_refused(make, message: str) -> None:
    with pytest.raises(ng.ArgumentError, match=message):
        make()
