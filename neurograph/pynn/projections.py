"""Projection and Connection of PyNN: lists of synapses, drawn by PyNN's own connectors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common
from pyNN.space import Space
from pyNN.standardmodels import build_translations, synapses

import neurograph.pynn.simulator as simulator


class StaticSynapse(synapses.StaticSynapse):
    """A synapse of constant weight and delay."""

    translations = build_translations(("weight", "weight"), ("delay", "delay"))

    def _get_minimum_delay(self) -> float:
        given = simulator.state.given_min_delay
        return float(simulator.state.dt if given is None else given)


class Connection(common.Connection):
    """One synapse of a projection."""

    def __init__(self, projection: "Projection", number: int) -> None:
        self._projection, self._number = projection, number

    @property
    def presynaptic_index(self) -> int:
        """Place of the source in the projection's ``pre``."""
        return int(self._projection.values["presynaptic_index"][self._number])

    @property
    def postsynaptic_index(self) -> int:
        """Place of the target in the projection's ``post``."""
        return int(self._projection.values["postsynaptic_index"][self._number])

    def _get(self, name: str) -> float:
        return float(self._projection.values[name][self._number])

    def _set(self, name: str, value: float) -> None:
        simulator.state.changed(f"a {name}")
        self._projection.values[name][self._number] = value

    weight = property(lambda self: self._get("weight"), lambda self, value: self._set("weight", value))
    delay = property(lambda self: self._get("delay"), lambda self, value: self._set("delay", value))

    def as_tuple(self, *names: str) -> tuple[Any, ...]:
        """Return some attributes."""
        return tuple(getattr(self, name) for name in names)


class Projection(common.Projection):
    """All synapses that a connector made between two groups of cells.

    Attributes
    ----------
    values : dict of (synapses,) arrays
        ``presynaptic_index``, ``postsynaptic_index``, ``weight`` and ``delay`` in PyNN's units.
    """

    _simulator = simulator
    _static_synapse_class = StaticSynapse

    def __init__(
        self,
        presynaptic_population: Any,
        postsynaptic_population: Any,
        connector: Any,
        synapse_type: Any = None,
        source: Any = None,
        receptor_type: Any = None,
        space: Any = None,
        label: str | None = None,
    ) -> None:
        super().__init__(
            presynaptic_population,
            postsynaptic_population,
            connector,
            synapse_type,
            source,
            receptor_type,
            space or Space(),
            label,
        )
        if not isinstance(self.synapse_type, StaticSynapse):
            raise NotImplementedError(f"neurograph.pynn has no {type(self.synapse_type).__name__}")
        simulator.state.changed("projections")
        self._pieces: list[dict[str, NDArray[Any]]] = []
        connector.connect(self)
        columns = ("presynaptic_index", "postsynaptic_index", "weight", "delay")
        nothing: dict[str, NDArray[Any]] = {name: np.empty(0, int if "index" in name else float) for name in columns}
        self.values = {name: np.concatenate([nothing[name], *(p[name] for p in self._pieces)]) for name in columns}
        simulator.state.projections.append(self)

    def __len__(self) -> int:
        return len(self.values["weight"])

    def __getitem__(self, i: int) -> Connection:
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        return Connection(self, i % len(self))

    @property
    def connections(self) -> list[Connection]:
        """Every synapse."""
        return [Connection(self, k) for k in range(len(self))]

    def ends(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ids of source and target of each synapse."""
        cells = (np.asarray(group.all_cells, np.int64) for group in (self.pre, self.post))
        source, target = (
            ids[self.values[name]] for ids, name in zip(cells, ("presynaptic_index", "postsynaptic_index"), strict=True)
        )
        return source, target

    def our_receptor(self, class_name: str) -> tuple[str, float]:
        """Return the receptor of our model of this class, and what weights are multiplied with."""
        populations = self.post.populations if isinstance(self.post, common.Assembly) else [self.post]
        for population in populations:
            kind = population.celltype.map
            if self.receptor_type in kind.receptors:
                receptor, sign = kind.receptors[self.receptor_type]
                return receptor, sign * kind.weight
        raise NotImplementedError(f"{class_name} has no receptor for {self.receptor_type!r}")

    def _convergent_connect(
        self, presynaptic_indices: Any, postsynaptic_index: int, location_selector: Any = None, **values: Any
    ) -> None:
        if location_selector is not None:
            raise NotImplementedError("neurograph.pynn has point neurons only")
        count = len(presynaptic_indices)
        piece = {name: np.broadcast_to(np.asarray(values[name], float), count) for name in ("weight", "delay")}
        ends = {"presynaptic_index": np.asarray(presynaptic_indices, int)}
        ends["postsynaptic_index"] = np.full(count, postsynaptic_index)
        steps = np.maximum(np.round(piece["delay"] / simulator.state.dt), 1)
        piece["delay"] = np.round(steps * simulator.state.dt, 9)
        self._pieces.append({**ends, **piece})

    def _set_attributes(self, space: Any) -> None:
        simulator.state.changed("synapses")
        space.evaluate(simplify=False)
        for name, matrix in space.items():
            self.values[name] = matrix[self.values["presynaptic_index"], self.values["postsynaptic_index"]]

    def _set_initial_value_array(self, variable: str, value: Any) -> None:
        raise NotImplementedError(f"static synapses have no {variable} to initialize")
