"""Which of our models is a SONATA node, and how is one of ours said in SONATA?

| template | model | parameters |
|---|---|---|
| `nest:iaf_psc_exp`, `iaf_psc_alpha`, `iaf_psc_delta`, `iaf_cond_exp`, `aeif_psc_exp`, `izhikevich`, `parrot_neuron` | ours of the same equations | NEST's names, units and defaults |
| `nrn:IntFire1` | `LIFDelta` between 0 and 1 | `tau` and `refrac` in s |
| `neurograph:NAME` | the model of that name | its own |

Weights are in the unit of the template: pA, nS or mV for NEST's, 1 for `IntFire1`.
"""  # noqa: E501 (a table)

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, NamedTuple

import numpy as np

from neurograph.models import (
    MODELS,
    AdEx,
    Izhikevich,
    LIFAlpha,
    LIFCond,
    LIFDelta,
    LIFExp,
    Model,
    Parrot,
)
from neurograph_storage.errors import ArgumentError, DataError


class NestModel(NamedTuple):
    """A model of NEST: ours, the defaults of NEST where they differ from ours, and where its states start.

    NEST's ``V_m`` starts at a number, not at ``E_L``.
    """

    ours: type[Model]
    defaults: Mapping[str, float]
    start: Mapping[str, float]


_V = {"V_m": -70.0}
_LIF = {"E_L": -70.0, "V_th": -55.0, "V_reset": -70.0}

NEST_MODELS: Mapping[str, NestModel] = {
    "iaf_psc_exp": NestModel(LIFExp, {**_LIF, "tau_syn_ex": 2.0, "tau_syn_in": 2.0}, _V),
    "iaf_psc_alpha": NestModel(LIFAlpha, {}, _V),
    "iaf_psc_delta": NestModel(LIFDelta, {}, _V),
    "iaf_cond_exp": NestModel(
        LIFCond,
        {**_LIF, "C_m": 250.0, "g_L": 16.6667, "V_reset": -60.0, "E_in": -85.0, "tau_syn_ex": 0.2, "tau_syn_in": 2.0,
         "t_ref": 2.0},
        _V,
    ),
    "aeif_psc_exp": NestModel(AdEx, {"V_peak": 0.0, "V_reset": -60.0}, {"V_m": -70.6}),
    "izhikevich": NestModel(Izhikevich, {}, {"V_m": -65.0, "U_m": -13.0}),
    "parrot_neuron": NestModel(Parrot, {}, {}),
}  # fmt: skip

# States that NEST's parameters set.
_STATES = {"V_m": "v", "U_m": "u"}
# Set to what ours do anyway, these change nothing.
_SAME = {"refractory_input": False, "consistent_integration": False}


class Node(NamedTuple):
    """A model, and start values of its states."""

    model: Model
    initial: Mapping[str, float]


def node_of(template: str, parameters: Mapping[str, Any], where: str) -> Node:
    """Return our model for a template.

    Raises
    ------
    DataError
        If there is none, or it lacks a parameter; ``where`` names the type.
    """
    schema, _, name = template.partition(":")
    try:
        if template == "nrn:IntFire1":
            return Node(_int_fire(parameters), {})
        if schema == "nest" and name in NEST_MODELS:
            return _nest(name, parameters, where)
        if schema == "neurograph" and name in MODELS:
            return Node(MODELS[name](**parameters), {})
    except (TypeError, KeyError, ArgumentError) as error:
        raise DataError(f"{where}: the parameters of {template} do not fit: {error}") from error
    known = ", ".join(["nrn:IntFire1", *(f"nest:{name}" for name in NEST_MODELS)])
    raise DataError(f"{where} has the model {template}, which we do not have; there are {known} and neurograph:MODEL")


def template_of(model: Model) -> tuple[str, dict[str, Any]]:
    """Return template and parameters of one of our models."""
    for name, nest in NEST_MODELS.items():
        if nest.ours is type(model):
            start = {key: model.default_state()[_STATES[key]] for key in nest.start}
            return f"nest:{name}", asdict(model) | start
    return f"neurograph:{type(model).__name__}", asdict(model)


def _nest(name: str, parameters: Mapping[str, Any], where: str) -> Node:
    ours, defaults, start = NEST_MODELS[name]
    initial = {_STATES[key]: float(parameters.get(key, value)) for key, value in start.items()}
    rest = {k: v for k, v in parameters.items() if k not in _STATES and not (k in _SAME and v == _SAME[k])}
    unknown = rest.keys() - {field.name for field in fields(ours)}
    if unknown:
        raise DataError(f"{where}: nest:{name} has {min(unknown)}, which our {ours.__name__} does not have")
    return Node(ours(**{**defaults, **{key: float(value) for key, value in rest.items()}}), initial)


def _int_fire(parameters: Mapping[str, Any]) -> Model:
    # NEURON's spikes above 1, ours at the threshold.
    return LIFDelta(
        tau_m=1000.0 * float(parameters["tau"]),
        t_ref=1000.0 * float(parameters["refrac"]),
        C_m=1.0,
        E_L=0.0,
        V_reset=0.0,
        V_th=float(np.nextafter(1.0, 2.0)),
    )
