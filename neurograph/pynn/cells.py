"""Which of our models is a standard cell type of PyNN?

| cell type | model | weights |
|---|---|---|
| `IF_curr_exp` | `LIFExp` | nA |
| `IF_curr_alpha` | `LIFAlpha` | nA |
| `IF_curr_delta` | `LIFDelta` | mV |
| `IF_cond_exp` | `LIFCond` | uS |
| `IF_cond_alpha` | `LIFCondAlpha` (`neurograph.pynn.models`) | uS |
| `EIF_cond_exp_isfa_ista` | `AdExCond` (`neurograph.pynn.models`) | uS |
| `Izhikevich` | `Izhikevich` | mV |
| `SpikeSourceArray`, `SpikeSourcePoisson` | `SpikeSource` | - |

Parameters keep PyNN's names and units until the circuit is built; `CellMap` says how they are then translated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyNN.standardmodels import build_translations, cells

from neurograph.models import Izhikevich as OurIzhikevich
from neurograph.models import LIFAlpha, LIFCond, LIFDelta, LIFExp, Model, SpikeSource
from neurograph.pynn.models import AdExCond, LIFCondAlpha

# PyNN's nA, nF and uS are a thousand of our pA, pF and nS.
THOUSAND = 1000.0


@dataclass(frozen=True, kw_only=True)
class CellMap:
    """How a cell type becomes one of our models.

    Attributes
    ----------
    model : function
        Of one cell's parameters, in PyNN's names and units.
    weight : float
        What PyNN's weights are multiplied with.
    receptors : mapping
        Receptor of ours, and sign of weights, by PyNN's receptor type.
    variables : mapping
        State of ours, and what to divide it by, by PyNN's name of a variable.
    """

    model: Callable[[Mapping[str, float]], Model]
    weight: float = THOUSAND
    receptors: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    variables: Mapping[str, tuple[str, float]] = field(default_factory=dict)


_CURRENT = {"excitatory": ("excitatory", 1.0), "inhibitory": ("inhibitory", 1.0)}
_CONDUCTANCE = {"excitatory": ("excitatory", 1.0), "inhibitory": ("inhibitory", -1.0)}
_JUMP = {"excitatory": ("membrane", 1.0), "inhibitory": ("membrane", 1.0)}
_V = {"v": ("v", 1.0)}
_SYNAPTIC_CURRENTS = {**_V, "isyn_exc": ("i_ex", THOUSAND), "isyn_inh": ("i_in", THOUSAND)}
_CONDUCTANCES = {**_V, "gsyn_exc": ("g_ex", THOUSAND), "gsyn_inh": ("g_in", THOUSAND)}


def _membrane(p: Mapping[str, float]) -> dict[str, float]:
    names = {"v_rest": "E_L", "v_reset": "V_reset", "v_thresh": "V_th", "tau_refrac": "t_ref"}
    return {ours: p[theirs] for theirs, ours in names.items()} | {
        "C_m": THOUSAND * p["cm"],
        "I_e": THOUSAND * p["i_offset"],
    }


def _synapses(p: Mapping[str, float]) -> dict[str, float]:
    return {"tau_syn_ex": p["tau_syn_E"], "tau_syn_in": p["tau_syn_I"]}


def _reversal(p: Mapping[str, float]) -> dict[str, float]:
    return {"E_ex": p["e_rev_E"], "E_in": p["e_rev_I"], "g_L": THOUSAND * p["cm"] / p["tau_m"]}


def _exponential(p: Mapping[str, float]) -> Model:
    return LIFExp(**_membrane(p), **_synapses(p), tau_m=p["tau_m"])


def _alpha(p: Mapping[str, float]) -> Model:
    return LIFAlpha(**_membrane(p), **_synapses(p), tau_m=p["tau_m"])


def _delta(p: Mapping[str, float]) -> Model:
    return LIFDelta(**_membrane(p), tau_m=p["tau_m"])


def _cond(p: Mapping[str, float]) -> Model:
    return LIFCond(**_membrane(p), **_synapses(p), **_reversal(p))


def _cond_alpha(p: Mapping[str, float]) -> Model:
    return LIFCondAlpha(**_membrane(p), **_synapses(p), **_reversal(p))


def _adaptive(p: Mapping[str, float]) -> Model:
    own = {"V_peak": p["v_spike"], "Delta_T": p["delta_T"], "tau_w": p["tau_w"], "a": p["a"], "b": THOUSAND * p["b"]}
    return AdExCond(**_membrane(p), **_synapses(p), **_reversal(p), **own)


def _izhikevich(p: Mapping[str, float]) -> Model:
    return OurIzhikevich(a=p["a"], b=p["b"], c=p["c"], d=p["d"], I_e=THOUSAND * p["i_offset"])


def _source(_: Mapping[str, float]) -> Model:
    return SpikeSource()


def _same(cell: Any) -> Any:
    """Return translations that leave all parameters as they are."""
    return build_translations(*((name, name) for name in cell.default_parameters))


class IF_curr_exp(cells.IF_curr_exp):  # noqa: N801 (PyNN's name, as all below)
    """Leaky integrate-and-fire, exponential currents."""

    translations = _same(cells.IF_curr_exp)
    recordable = [*cells.IF_curr_exp.recordable, "isyn_exc", "isyn_inh"]  # noqa: RUF012
    map = CellMap(model=_exponential, receptors=_CURRENT, variables=_SYNAPTIC_CURRENTS)


class IF_curr_alpha(cells.IF_curr_alpha):  # noqa: N801
    """Leaky integrate-and-fire, alpha-shaped currents."""

    translations = _same(cells.IF_curr_alpha)
    recordable = [*cells.IF_curr_alpha.recordable, "isyn_exc", "isyn_inh"]  # noqa: RUF012
    map = CellMap(model=_alpha, receptors=_CURRENT, variables=_SYNAPTIC_CURRENTS)


class IF_curr_delta(cells.IF_curr_delta):  # noqa: N801
    """Leaky integrate-and-fire, jumps of the membrane potential."""

    translations = _same(cells.IF_curr_delta)
    map = CellMap(model=_delta, weight=1.0, receptors=_JUMP, variables=_V)


class IF_cond_exp(cells.IF_cond_exp):  # noqa: N801
    """Leaky integrate-and-fire, exponential conductances."""

    translations = _same(cells.IF_cond_exp)
    map = CellMap(model=_cond, receptors=_CONDUCTANCE, variables=_CONDUCTANCES)


class IF_cond_alpha(cells.IF_cond_alpha):  # noqa: N801
    """Leaky integrate-and-fire, alpha-shaped conductances."""

    translations = _same(cells.IF_cond_alpha)
    map = CellMap(model=_cond_alpha, receptors=_CONDUCTANCE, variables=_CONDUCTANCES)


class EIF_cond_exp_isfa_ista(cells.EIF_cond_exp_isfa_ista):  # noqa: N801
    """Adaptive exponential integrate-and-fire, exponential conductances."""

    translations = _same(cells.EIF_cond_exp_isfa_ista)
    map = CellMap(model=_adaptive, receptors=_CONDUCTANCE, variables={**_CONDUCTANCES, "w": ("w", THOUSAND)})


class Izhikevich(cells.Izhikevich):
    """Izhikevich's model, jumps of the membrane potential."""

    translations = _same(cells.Izhikevich)
    map = CellMap(model=_izhikevich, weight=1.0, receptors=_JUMP, variables={**_V, "u": ("u", 1.0)})


class SpikeSourceArray(cells.SpikeSourceArray):
    """Spikes at given times, ms."""

    translations = _same(cells.SpikeSourceArray)
    map = CellMap(model=_source)


class SpikeSourcePoisson(cells.SpikeSourcePoisson):
    """Spikes at random, at a rate between two times; each cell by itself."""

    translations = _same(cells.SpikeSourcePoisson)
    map = CellMap(model=_source)
