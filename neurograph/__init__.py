"""NeuroGraph simulates neural circuits larger than memory.

Describe a circuit with `Network` or take one of the `recipes`, `build` it, `open` it later, run it with `Simulation`.
Everything is loaded on first use, so that importing the package (and ``neurograph --help``) costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurograph import recipes
    from neurograph.builder import build
    from neurograph.circuit import Circuit
    from neurograph.circuit import Circuit as open  # noqa: N813 (a circuit is opened, as a file is)
    from neurograph.distributions import Constant, LinearInDistance, Uniform
    from neurograph.foresight import Prefetch
    from neurograph.formats.drives import read_drive
    from neurograph.formats.export import export_circuit
    from neurograph.formats.graphs import from_networkx, to_networkx
    from neurograph.formats.matrices import from_scipy, to_scipy
    from neurograph.formats.neo_objects import from_neo, to_neo
    from neurograph.formats.sonata_import import import_sonata
    from neurograph.formats.spike_files import load_spikes, read_spikes, write_spikes
    from neurograph.importing import import_edges
    from neurograph.inputs import NoiseCurrent, PoissonInput
    from neurograph.models import (
        AdEx,
        Izhikevich,
        LIFAlpha,
        LIFCond,
        LIFDelta,
        LIFExp,
        LIFFrozen,
        Parrot,
        PoissonSource,
        Receptor,
        SpikeSource,
        StepModel,
        ThresholdUnit,
    )
    from neurograph.models.exponential import exp
    from neurograph.network import Network
    from neurograph.normals import LogNormal, Normal, TruncatedNormal
    from neurograph.ordering.order import order
    from neurograph.row_rules import AllToAll, Bernoulli, CommunityOutdegree, FixedOutdegree, FixedTotal
    from neurograph.rules import Edges, FixedIndegree, OneToOne
    from neurograph.run_folder import write_run
    from neurograph.sheet import DistanceOutdegree
    from neurograph.simulation import Simulation
    from neurograph_storage.errors import ArgumentError, DataError, NeuroGraphError

_HOME = {
    "AdEx": "neurograph.models",
    "AllToAll": "neurograph.row_rules",
    "ArgumentError": "neurograph_storage.errors",
    "Bernoulli": "neurograph.row_rules",
    "Circuit": "neurograph.circuit",
    "CommunityOutdegree": "neurograph.row_rules",
    "Constant": "neurograph.distributions",
    "DataError": "neurograph_storage.errors",
    "DistanceOutdegree": "neurograph.sheet",
    "Edges": "neurograph.rules",
    "FixedIndegree": "neurograph.rules",
    "FixedOutdegree": "neurograph.row_rules",
    "FixedTotal": "neurograph.row_rules",
    "Izhikevich": "neurograph.models",
    "LIFAlpha": "neurograph.models",
    "LIFCond": "neurograph.models",
    "LIFDelta": "neurograph.models",
    "LIFExp": "neurograph.models",
    "LIFFrozen": "neurograph.models",
    "LinearInDistance": "neurograph.distributions",
    "LogNormal": "neurograph.normals",
    "Network": "neurograph.network",
    "NeuroGraphError": "neurograph_storage.errors",
    "NoiseCurrent": "neurograph.inputs",
    "Normal": "neurograph.normals",
    "OneToOne": "neurograph.rules",
    "Parrot": "neurograph.models",
    "PoissonInput": "neurograph.inputs",
    "Prefetch": "neurograph.foresight",
    "PoissonSource": "neurograph.models",
    "Receptor": "neurograph.models",
    "Simulation": "neurograph.simulation",
    "SpikeSource": "neurograph.models",
    "StepModel": "neurograph.models",
    "ThresholdUnit": "neurograph.models",
    "TruncatedNormal": "neurograph.normals",
    "Uniform": "neurograph.distributions",
    "build": "neurograph.builder",
    "exp": "neurograph.models.exponential",
    "export_circuit": "neurograph.formats.export",
    "from_neo": "neurograph.formats.neo_objects",
    "from_networkx": "neurograph.formats.graphs",
    "from_scipy": "neurograph.formats.matrices",
    "import_edges": "neurograph.importing",
    "import_sonata": "neurograph.formats.sonata_import",
    "load_spikes": "neurograph.formats.spike_files",
    "order": "neurograph.ordering.order",
    "read_drive": "neurograph.formats.drives",
    "read_spikes": "neurograph.formats.spike_files",
    "to_neo": "neurograph.formats.neo_objects",
    "to_networkx": "neurograph.formats.graphs",
    "to_scipy": "neurograph.formats.matrices",
    "write_run": "neurograph.run_folder",
    "write_spikes": "neurograph.formats.spike_files",
}

__all__ = [
    "AdEx",
    "AllToAll",
    "ArgumentError",
    "Bernoulli",
    "Circuit",
    "CommunityOutdegree",
    "Constant",
    "DataError",
    "DistanceOutdegree",
    "Edges",
    "FixedIndegree",
    "FixedOutdegree",
    "FixedTotal",
    "Izhikevich",
    "LIFAlpha",
    "LIFCond",
    "LIFDelta",
    "LIFExp",
    "LIFFrozen",
    "LinearInDistance",
    "LogNormal",
    "Network",
    "NeuroGraphError",
    "NoiseCurrent",
    "Normal",
    "OneToOne",
    "Parrot",
    "PoissonInput",
    "PoissonSource",
    "Prefetch",
    "Receptor",
    "Simulation",
    "SpikeSource",
    "StepModel",
    "ThresholdUnit",
    "TruncatedNormal",
    "Uniform",
    "build",
    "exp",
    "export_circuit",
    "from_neo",
    "from_networkx",
    "from_scipy",
    "import_edges",
    "import_sonata",
    "load_spikes",
    "open",
    "order",
    "read_drive",
    "read_spikes",
    "recipes",
    "to_neo",
    "to_networkx",
    "to_scipy",
    "write_run",
    "write_spikes",
]


def __getattr__(name: str) -> Any:
    if name == "open":
        value = import_module("neurograph.circuit").Circuit
    elif name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name in __all__:
        value = import_module(f"neurograph.{name}")
    else:
        raise AttributeError(f"module 'neurograph' has no attribute {name!r}")
    globals()[name] = value
    return value
