"""Weights become integers: exactly where they can, with the error known where they cannot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurograph.codes import choose_scale
from neurograph.distributions import Constant
from neurograph.normals import Normal
from neurograph_storage.errors import NeuroGraphError


@given(st.lists(st.integers(-2000, 2000), min_size=1, max_size=20), st.sampled_from([0.275, 0.125, 87.8, 1.0, 1e-6]))
def test_multiples_of_a_demanded_unit_are_exact(counts: list[int], unit: float) -> None:
    weights = np.array(counts) * unit
    scale = choose_scale([weights], unit)
    assert (scale.encode(weights) * scale.unit == weights).all()
    assert scale.max_error == 0.0


@given(st.lists(st.integers(1, 500), min_size=1, max_size=8))
def test_binary_fractions_find_their_own_unit(eighths: list[int]) -> None:
    weights = np.array(eighths) / 8
    scale = choose_scale([weights])
    assert scale.max_error == 0.0
    assert (scale.encode(weights) * scale.unit == weights).all()


def test_constants_share_a_unit() -> None:
    scale = choose_scale([Constant(20.0), Constant(-100.0), Constant(0.0)])
    assert scale.unit == 20.0
    assert scale.encode(np.array([20.0, -100.0, 0.0])).tolist() == [1, -5, 0]


def test_drawn_weights_use_the_whole_range() -> None:
    scale = choose_scale([Normal(87.8, 8.78, low=0.0)])
    assert scale.unit == pytest.approx((87.8 + 7 * 8.78) / 32767)
    assert scale.max_error == scale.unit / 2


def test_the_error_of_rounding_is_measured() -> None:
    weights = np.random.default_rng(1).normal(0.0, 1.0, 5000)
    scale = choose_scale([weights])
    error = scale.encode(weights) * scale.unit - weights
    assert scale.max_error == pytest.approx(np.abs(error).max())
    assert scale.rms_error == pytest.approx(np.sqrt((error**2).mean()), rel=1e-3)


def test_no_weights_at_all() -> None:
    assert choose_scale([]).unit == 1.0


@pytest.mark.parametrize(
    ("weights", "unit", "message"),
    [
        ([40_000.0], 1.0, "weight 40000.0 does not fit: with unit 1 it may be 32767 at most"),
        ([0.3], 0.275, "weight 0.3 is not a multiple of the weight unit 0.275"),
        ([1.0], -1.0, "weight unit is -1.0, it must be positive"),
    ],
)
def test_weights_that_do_not_fit(weights: list[float], unit: float, message: str) -> None:
    with pytest.raises(NeuroGraphError, match=message):
        choose_scale([np.array(weights)], unit)


def test_drawn_weights_in_a_demanded_unit_must_fit_and_are_rounded() -> None:
    scale = choose_scale([Normal(100.0, 10.0, low=0.0)], 0.01)
    assert (scale.unit, scale.max_error) == (0.01, 0.005)
    with pytest.raises(NeuroGraphError, match="does not fit"):
        choose_scale([Normal(100.0, 10.0, low=0.0)], 0.001)
