"""Which suites are there?"""

from collections.abc import Callable
from pathlib import Path

from neurograph.bench.balanced import balanced_parts
from neurograph.bench.kernels import kernel_parts
from neurograph.bench.microcircuit import microcircuit_parts, small_parts
from neurograph.bench.multiarea import multiarea_parts
from neurograph.bench.ordering import ordering_parts
from neurograph.bench.outofcore import out_of_core_parts
from neurograph.bench.parts import Part
from neurograph.bench.prefetching import prefetch_parts
from neurograph.bench.scaling import scaling_parts
from neurograph.bench.settings import Settings
from neurograph.bench.soak import soak_parts
from neurograph.bench.storing import building_parts

# In the order in which `all` measures them: the soak, which takes as long as it is told to, last.
SUITES: dict[str, Callable[[Path, Settings], list[Part]]] = {
    "build": building_parts,
    "kernels": kernel_parts,
    "balanced": balanced_parts,
    "microcircuit": microcircuit_parts,
    "microcircuit-0.2": small_parts,
    "order": ordering_parts,
    "outofcore": out_of_core_parts,
    "prefetch": prefetch_parts,
    "multiarea": multiarea_parts,
    "scaling": scaling_parts,
    "soak": soak_parts,
}

__all__ = ["SUITES", "Settings"]
