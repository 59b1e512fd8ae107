"""What does a run do, counted rather than timed, so that it is the same on every machine?

``python -m neurograph.bench.counts`` builds a few tiny circuits, runs them, and prints a JSON object for each: bytes on
the disk, spikes, events, rows asked of the disk and found in memory; and how many specialisations of kernels were
compiled, for what else is compiled costs each user time. A change of any of these is meant, or is a mistake.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from neurograph import recipes
from neurograph.builder import build
from neurograph.circuit import Circuit
from neurograph.cortex import microcircuit
from neurograph.network import Network
from neurograph.simulation import Simulation
from neurograph_storage.jit import Kernel
from neurograph_storage.sizes import GIB, MIB

_DURATION = 40.0  # ms
# Rows of those that stream do not fit in this.
_BUDGET = 4 * MIB


def circuits() -> dict[str, tuple[Network, str]]:
    """Return networks and codecs by name."""
    size: dict[str, Any] = {"neurons": 2000, "synapses_per_neuron": 100}
    modular = recipes.modular(neurons=4000, synapses_per_neuron=250)
    return {
        "random": (recipes.random(**size), "raw"),
        "sheet": (recipes.sheet(**size), "compressed"),
        "microcircuit": (microcircuit(scale=0.01), "raw"),
        "modular": (modular, "raw"),
        "modular compressed": (modular, "compressed"),
    }


def count_all() -> dict[str, dict[str, int]]:
    """Return the counts of all circuits, of those that stream, and of what was compiled."""
    found: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (network, codec) in circuits().items():
            circuit = build(Path(folder) / f"{name}.zarr", network, seed=1, codec=codec)
            found[name] = {"bytes_on_disk": sum(spec.nbytes for spec in circuit.store.specs.values())}
            found[name] |= _count(circuit, GIB)
            if name.startswith("modular"):
                found[f"{name}, streaming"] = _count(circuit, _BUDGET)
    return found | {"compiled": {"specialisations": specialisations()}}


def _count(circuit: Circuit, memory: int) -> dict[str, int]:
    with Simulation(circuit, memory=memory, workers=1, seed=1) as simulation:
        simulation.run(_DURATION)
        figures = simulation.statistics
        counts = {"spikes": figures.spikes, "synaptic_events": figures.synaptic_events}
        return counts | {name: count for name, count in simulation.row_counts().items() if name != "nanoseconds"}


def specialisations() -> int:
    """Return how many forms of kernels of this package have been compiled, or loaded, in this process."""
    modules = [
        module for name, module in sys.modules.items() if name.split(".")[0] in ("neurograph", "neurograph_storage")
    ]
    kernels = {id(k): k for module in modules for k in vars(module).values() if isinstance(k, Kernel)}
    return sum(len(kernel.of_python.nopython_signatures) for kernel in kernels.values())


def main() -> None:
    """Print all counts."""
    sys.stdout.write(json.dumps(count_all(), indent=1) + "\n")


if __name__ == "__main__":
    main()
