"""The exponential is within 1 unit in the last place, and has the same bits alone and in a vectorised loop."""

import math

import numpy as np

import neurograph as ng
from neurograph.models.exponential import HIGHEST, LOWEST
from neurograph_storage.jit import kernel


@kernel
def in_a_loop(x: np.ndarray, y: np.ndarray) -> None:
    for i in range(len(x)):
        y[i] = ng.exp(x[i])


def of_all(x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    in_a_loop(x, y)
    return y


def points() -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.concatenate([rng.uniform(LOWEST, HIGHEST, 200_000), rng.uniform(-1, 1, 200_000), [LOWEST, HIGHEST, 0.0]])


def test_within_one_unit_in_the_last_place() -> None:
    x = points()
    found, exact = of_all(x), np.exp(x.astype(np.longdouble))
    assert float((np.abs(found.astype(np.longdouble) - exact) / np.spacing(found)).max()) < 1.0


def test_the_same_bits_alone_and_in_a_loop() -> None:
    x = points()[::40]
    np.testing.assert_array_equal([ng.exp(value) for value in x], of_all(x))


def test_the_ends() -> None:
    assert [ng.exp(x) for x in (0.0, -0.0, 710.0, math.inf, -709.0, -math.inf)] == [1, 1, math.inf, math.inf, 0, 0]
    assert math.isnan(ng.exp(math.nan))
