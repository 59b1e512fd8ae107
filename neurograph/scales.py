"""Which receptor does a weight go to, and on which scale is it stored there?"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from neurograph.codes import Scale, Weights, choose_scale
from neurograph.distributions import Constant, Distribution, LinearInDistance, Uniform, discrete
from neurograph.draws import DiscreteTable
from neurograph.edges import ListedValues
from neurograph.network import Network, Projection
from neurograph.rules import EdgeRule
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.layout import MAX_RECEPTORS

Scales = dict[str, list[Scale]]


def receptors_of(projection: Projection) -> tuple[int, int]:
    """Return the receptor for weights of positive and of negative sign."""
    model = type(projection.target.model)
    if projection.receptor is not None:
        number = model.receptor_number(projection.receptor)
        return number, number
    return model.receptor_of_sign(negative=False), model.receptor_of_sign(negative=True)


def network_scales(
    network: Network, weight_unit: float | None = None, *, bits: int = 16, exact: bool = False
) -> Scales:
    """Return the scale of each receptor of each model, by the model's name; all with the same number of digits.

    Raises
    ------
    ArgumentError, DataError
        Also if weights that must be exact have too many digits.
    """
    models = {type(setup.population.model) for setup in network.setups}
    scales: Scales = {}
    for model in sorted(models, key=lambda m: m.__name__):
        into = [p for p in network.projections if type(p.target.model) is model]
        scales[model.__name__] = [
            choose_scale([w for p in into for w in _weights_onto(p, k)], weight_unit, bits=bits, exact=exact)
            for k in range(len(model.receptors))
        ]
    return _of_equal_digits(network, scales)


def digits_of(scales: Scales) -> int:
    """Return how many codes each weight has."""
    return max((scale.digits for of_model in scales.values() for scale in of_model), default=1)


def _of_equal_digits(network: Network, scales: Scales) -> Scales:
    digits = digits_of(scales)
    if digits == 1:
        return scales
    for name, of_model in scales.items():
        allowed = MAX_RECEPTORS // len(of_model)
        if digits > allowed:
            raise DataError(
                f"exact weights take {digits} digits of 16 bits, but {name} with its {len(of_model)} receptors has room"
                f" for {allowed}: weights that differ less in size, or are rounded to float32 before, take fewer"
            )
    for projection in network.projections:
        if not isinstance(projection.rule, EdgeRule):
            raise ArgumentError(
                f"synapses from {projection.source.name!r} to {projection.target.name!r} are drawn by"
                f" {type(projection.rule).__name__}, beside which weights cannot be exact in more than 16 bits"
            )
    return {name: [replace(scale, digits=digits) for scale in of_model] for name, of_model in scales.items()}


def scale_of(projection: Projection, receptor: int, scales: Scales) -> Scale:
    """Return the scale of one receptor of a projection's targets."""
    return scales[type(projection.target.model).__name__][receptor]


def weight_table(projection: Projection, scales: Scales) -> DiscreteTable:
    """Return the distribution of the weight codes of a projection whose weights are drawn.

    Raises
    ------
    ArgumentError
        If weights of both signs would go to two receptors.
    """
    assert not isinstance(projection.weight, LinearInDistance | ListedValues)
    return discrete(projection.weight, weight_unit_of(projection, scales))


def weight_unit_of(projection: Projection, scales: Scales) -> float:
    """Return the weight of code 1 for a projection that does not list its weights.

    Raises
    ------
    ArgumentError
        If weights of both signs would go to two receptors.
    """
    assert not isinstance(projection.weight, ListedValues)
    low, high = projection.bounds(projection.weight)
    positive, negative = receptors_of(projection)
    if positive != negative and low < 0 < high:
        raise ArgumentError(f"weights from {low:g} to {high:g} would go to two receptors; name one with receptor=")
    return scale_of(projection, negative if low < 0 else positive, scales).unit


def encode_listed(
    projection: Projection, scales: Scales, weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return code and stored receptor of each digit of some listed weights, each (synapses x digits,) int64."""
    positive, negative = receptors_of(projection)
    receptor, digits = np.where(weights < 0, negative, positive), digits_of(scales)
    codes = np.empty((len(weights), digits), np.int64)
    for k in {positive, negative}:
        codes[receptor == k] = scale_of(projection, k, scales).encode_digits(weights[receptor == k])
    return codes.ravel(), (receptor[:, np.newaxis] * digits + np.arange(digits)).ravel()


def _weights_onto(projection: Projection, receptor: int) -> list[Weights]:
    """Return the weights of a projection that go to a receptor, if any."""
    weight, (positive, negative) = _spread(projection), receptors_of(projection)
    if receptor not in (positive, negative):
        return []
    if positive == negative:
        return [weight]
    if isinstance(weight, ListedValues):
        return [weight.of_sign(negative=receptor == negative)]
    return [weight] if (weight.bounds()[0] < 0) == (receptor == negative) else []


def _spread(projection: Projection) -> Distribution | ListedValues:
    """Return the weights of a projection, or where they follow the distance something with the same bounds."""
    if not isinstance(projection.weight, LinearInDistance):
        return projection.weight
    low, high = projection.bounds(projection.weight)
    between: Distribution = Uniform(low, high) if low < high else Constant(low)
    return between
