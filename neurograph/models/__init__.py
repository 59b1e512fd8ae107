"""Neuron models: one file each, found by name through `MODELS`."""

from neurograph.models.base import Model, Receptor
from neurograph.models.lif_exp import LIFExp
from neurograph.models.lif_frozen import LIFFrozen

MODELS: dict[str, type[Model]] = {"LIFExp": LIFExp, "LIFFrozen": LIFFrozen}

__all__ = ["MODELS", "LIFExp", "LIFFrozen", "Model", "Receptor"]
