"""Which suites are there?"""

from collections.abc import Callable, Iterator
from pathlib import Path

from neurograph.bench.balanced import measure_balanced
from neurograph.bench.figures import Figure
from neurograph.bench.kernels import measure_kernels
from neurograph.bench.microcircuit import measure_microcircuit
from neurograph.bench.multiarea import measure_multiarea
from neurograph.bench.ordering import measure_ordering
from neurograph.bench.outofcore import measure_out_of_core
from neurograph.bench.settings import Settings
from neurograph.bench.storing import measure_building

SUITES: dict[str, Callable[[Path, Settings], Iterator[Figure]]] = {
    "balanced": measure_balanced,
    "build": measure_building,
    "kernels": measure_kernels,
    "microcircuit": measure_microcircuit,
    "multiarea": measure_multiarea,
    "order": measure_ordering,
    "outofcore": measure_out_of_core,
}

__all__ = ["SUITES", "Settings"]
