"""Neuron models: one file each, found by name through `MODELS`."""

from neurograph.models.base import Model, Receptor
from neurograph.models.lif_exp import LIFExp
from neurograph.models.lif_frozen import LIFFrozen
from neurograph_storage.errors import ArgumentError

MODELS: dict[str, type[Model]] = {"LIFExp": LIFExp, "LIFFrozen": LIFFrozen}


def find_model(name: str) -> type[Model]:
    """Return a model by name.

    Raises
    ------
    ArgumentError
        If there is none of that name.
    """
    if name not in MODELS:
        raise ArgumentError(f"no neuron model {name!r}; choose from {', '.join(MODELS)}")
    return MODELS[name]


__all__ = ["MODELS", "LIFExp", "LIFFrozen", "Model", "Receptor", "find_model"]
