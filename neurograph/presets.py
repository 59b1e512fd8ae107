"""Which published models does ``import`` know by name?

A preset says how the columns of the published table are called, which neuron model and units belong to them, and
what an event from outside means in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neurograph.models import LIFFrozen, Model


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Everything that a published model fixes about an import.

    Attributes
    ----------
    source, target, weight : str
        Columns of the edge table.
    source_index, target_index : str
        Columns that give each neuron's row in the neuron table, for imports without one.
    weight_unit : float
        What a weight of 1 in the table means, in the receptor's unit.
    delay, dt : float
        In ms.
    drive_defaults : mapping
        ``receptor`` and ``weight`` of an event from outside, and ``t_ref`` (ms) of the neurons that get any.
    """

    source: str
    target: str
    weight: str
    source_index: str
    target_index: str
    model: Model
    weight_unit: float
    delay: float
    dt: float
    drive_defaults: Mapping[str, Any] = field(default_factory=dict)


PRESETS = {
    # Shiu et al. 2024, Nature 634:210: the fly brain. One synapse is 0.275 mV; a driving event, 250 of them, goes
    # straight onto v, and driven neurons are never refractory.
    "shiu2024": Preset(
        source="Presynaptic_ID",
        target="Postsynaptic_ID",
        weight="Excitatory x Connectivity",
        source_index="Presynaptic_Index",
        target_index="Postsynaptic_Index",
        model=LIFFrozen(),
        weight_unit=0.275,
        delay=1.8,
        dt=0.1,
        drive_defaults={"receptor": "membrane", "weight": 68.75, "t_ref": 0.0},
    ),
}
