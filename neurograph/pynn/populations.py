"""Population, PopulationView and Assembly of PyNN: parameters as PyNN names them, until the circuit is built."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common, errors
from pyNN.parameters import ParameterSpace, Sequence, simplify

import neurograph.pynn.simulator as simulator
from neurograph.pynn.network import ARRAY
from neurograph.pynn.recording import Recorder


class Assembly(common.Assembly):
    """Several populations or views."""

    _simulator = simulator


class _Cells:
    """What populations and views share: the population that holds the values, and where its own cells are in it."""

    def _holder(self) -> tuple["Population", Any]:
        raise NotImplementedError

    def _get_parameters(self, *names: str) -> Any:
        holder, where = self._holder()
        values = {name: simplify(holder.parameters[name][where]) for name in names}
        return ParameterSpace(values, shape=(self.size,))  # type: ignore[attr-defined]

    _get_native_parameters = _get_parameters

    def _set_parameters(self, space: Any) -> None:
        holder, where = self._holder()
        if holder.celltype.map is not ARRAY:
            simulator.state.changed("parameters of neurons")
        space.evaluate(simplify=False)
        for name, values in space.items():
            holder.parameters[name][where] = values
        holder.forget_spikes()
        holder._check_times()

    def _set_initial_value_array(self, variable: str, values: Any) -> None:
        holder, where = self._holder()
        simulator.state.changed("start values")
        held = holder.start.setdefault(variable, np.zeros(holder.size))
        held[where] = values.evaluate(simplify=False)

    def _get_view(self, selector: Any, label: str | None = None) -> "PopulationView":
        return PopulationView(self, selector, label)


class PopulationView(_Cells, common.PopulationView):
    """Some cells of a population."""

    _assembly_class = Assembly
    _simulator = simulator

    def _holder(self) -> tuple["Population", Any]:
        return self.grandparent, self.index_in_grandparent(np.arange(self.size))


class Population(_Cells, common.Population):
    """Cells of one type.

    Attributes
    ----------
    parameters : dict of (size,) arrays
        In PyNN's units; ``spike_times`` holds a `Sequence` a cell.
    start : dict of (size,) float
        Start values, in PyNN's names and units.
    """

    _simulator = simulator
    _recorder_class = Recorder
    _assembly_class = Assembly

    def _holder(self) -> tuple["Population", Any]:
        return self, slice(None)

    def _create_cells(self) -> None:
        simulator.state.changed("populations")
        first = simulator.state.id_counter
        simulator.state.id_counter += self.size
        self.all_cells = np.array([simulator.ID(n) for n in range(first, first + self.size)], dtype=simulator.ID)
        for cell in self.all_cells:
            cell.parent = self
        self._mask_local = np.ones(self.size, bool)
        space = self.celltype.native_parameters
        space.shape = (self.size,)
        space.evaluate(simplify=False)
        self.parameters = {name: _filled(values, self.size) for name, values in space.as_dict().items()}
        self._check_times()
        self.start: dict[str, NDArray[np.float64]] = {}
        self.forget_spikes()
        simulator.state.populations.append(self)

    def forget_spikes(self) -> None:
        """Sort the times of spikes anew when they are next asked for."""
        self._sorted: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def _check_times(self) -> None:
        for times in self.parameters.get("spike_times", ()):
            if (np.diff(np.asarray(_times(times), float)) < 0).any():
                raise errors.InvalidParameterValueError(
                    "Spike times given to SpikeSourceArray must be in increasing order"
                )

    @property
    def spike_steps(self) -> NDArray[np.int64]:
        """The step of each spike that was given, rising, (spikes,) int64."""
        return self._spikes()[0]

    def spikes_at(self, step: int) -> NDArray[np.int64]:
        """Return the ids of the cells that are told to spike in a step."""
        steps, cells = self._spikes()
        low, high = np.searchsorted(steps, [step, step + 1])
        return np.unique(cells[low:high])

    def _spikes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self._sorted is None:
            lists = [np.asarray(_times(times), float) for times in self.parameters["spike_times"]]
            times = np.concatenate([np.empty(0), *lists])
            ids = np.repeat(np.asarray(self.all_cells, np.int64), [len(part) for part in lists])
            # A spike at t is that of the step that ends at t.
            steps = np.maximum(np.round(times / simulator.state.dt).astype(np.int64) - 1, 0)
            order = np.argsort(steps, kind="stable")
            self._sorted = steps[order], ids[order]
        return self._sorted


def _filled(values: Any, size: int) -> NDArray[Any]:
    """Return a value for each cell."""
    if isinstance(values, Sequence):
        values = np.array([values], object)
    return np.broadcast_to(np.asarray(values), size).copy()


def _times(value: Any) -> Any:
    return value.value if isinstance(value, Sequence) else value
