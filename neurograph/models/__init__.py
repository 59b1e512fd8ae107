"""Neuron models: a short file each, found by name through `MODELS`, which also holds those that users define."""

from neurograph.models.adex import AdEx
from neurograph.models.base import MODELS, Model, Receptor, register
from neurograph.models.izhikevich import Izhikevich
from neurograph.models.lif_alpha import LIFAlpha
from neurograph.models.lif_cond import LIFCond
from neurograph.models.lif_delta import LIFDelta
from neurograph.models.lif_exp import LIFExp
from neurograph.models.lif_frozen import LIFFrozen
from neurograph.models.sources import Parrot, PoissonSource, SpikeSource
from neurograph.models.step_model import StepModel
from neurograph.models.threshold_unit import ThresholdUnit

BUILT_IN: tuple[type[Model], ...] = (
    LIFExp,
    LIFFrozen,
    LIFDelta,
    LIFAlpha,
    LIFCond,
    AdEx,
    Izhikevich,
    ThresholdUnit,
    Parrot,
    SpikeSource,
    PoissonSource,
)

# In the order above, in which messages list them.
MODELS.clear()
for _model in BUILT_IN:
    register(_model)

__all__ = [
    "BUILT_IN",
    "MODELS",
    "AdEx",
    "Izhikevich",
    "LIFAlpha",
    "LIFCond",
    "LIFDelta",
    "LIFExp",
    "LIFFrozen",
    "Model",
    "Parrot",
    "PoissonSource",
    "Receptor",
    "SpikeSource",
    "StepModel",
    "ThresholdUnit",
]
