"""PyNN's connectors, as they are but for one thing.

From a single neuron a column of a map is an array of one, not a number: NumPy no longer finds what is not zero in a
number, and PyNN's own classes ask it to.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from pyNN import connectors


def _columns(made: Iterable[Any]) -> Iterator[Any]:
    return (np.atleast_1d(column) if isinstance(column, np.ndarray | np.bool_) else column for column in made)


class _Map:
    """Goes before a class of PyNN's."""

    def _standard_connect(self, projection: Any, generator: Callable[..., Any], distance_map: Any = None) -> None:
        super()._standard_connect(  # type: ignore[misc]
            projection, lambda *mask: _columns(generator(*mask)), distance_map
        )


def connector_classes() -> dict[str, type]:
    """Return PyNN's connectors, by name."""
    found: dict[str, type] = {}
    for name, kind in vars(connectors).items():
        if isinstance(kind, type) and issubclass(kind, connectors.Connector):
            found[name] = type(name, (_Map, kind), {}) if issubclass(kind, connectors.MapConnector) else kind
    return found
