"""Which receptor does a weight go to, and on which scale is it stored there?"""

import numpy as np
from numpy.typing import NDArray

from neurograph.codes import Scale, Weights, choose_scale
from neurograph.distributions import Constant, Distribution, LinearInDistance, Uniform, discrete
from neurograph.draws import DiscreteTable
from neurograph.edges import ListedValues
from neurograph.network import Network, Projection
from neurograph_storage.errors import ArgumentError

Scales = dict[str, list[Scale]]


def receptors_of(projection: Projection) -> tuple[int, int]:
    """Return the receptor for weights of positive and of negative sign."""
    model = type(projection.target.model)
    if projection.receptor is not None:
        number = model.receptor_number(projection.receptor)
        return number, number
    return model.receptor_of_sign(negative=False), model.receptor_of_sign(negative=True)


def network_scales(network: Network, weight_unit: float | None = None, *, bits: int = 16) -> Scales:
    """Return the scale of each receptor of each model, by the model's name."""
    models = {type(setup.population.model) for setup in network.setups}
    scales: Scales = {}
    for model in sorted(models, key=lambda m: m.__name__):
        into = [p for p in network.projections if type(p.target.model) is model]
        scales[model.__name__] = [
            choose_scale([w for p in into for w in _weights_onto(p, k)], weight_unit, bits=bits)
            for k in range(len(model.receptors))
        ]
    return scales


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
    """Return code and receptor of each of some listed weights of a projection, each (synapses,) int64."""
    positive, negative = receptors_of(projection)
    if positive == negative:
        codes = scale_of(projection, positive, scales).encode(weights).astype(np.int64)
        return codes, np.full(len(weights), positive, np.int64)
    receptor = np.where(weights < 0, negative, positive)
    codes = np.empty(len(weights), np.int64)
    for k in {positive, negative}:
        codes[receptor == k] = scale_of(projection, k, scales).encode(weights[receptor == k])
    return codes, receptor


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
