"""Which suites are there?"""

from collections.abc import Callable, Iterator

from neurograph.bench.figures import Figure
from neurograph.bench.storing import measure_building

SUITES: dict[str, Callable[..., Iterator[Figure]]] = {"build": measure_building}
