"""What was recorded: spikes come from the simulation, other variables are read at each sampling time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import recording

import neurograph.pynn.simulator as simulator
from neurograph.simulation import Simulation


class Recorder(recording.Recorder):
    """Records some variables of some cells of one population."""

    _simulator = simulator

    def __init__(self, population: Any, file: Any = None) -> None:
        super().__init__(population, file)
        self._rows: dict[str, list[NDArray[np.float64]]] = {}
        self._since = 0.0
        self._spikes: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    def _signals(self) -> list[Any]:
        return [variable for variable in self.recorded if variable.name != "spikes"]

    def _record(self, variable: Any, new_ids: Any, sampling_interval: float | None = None) -> None:
        if variable.name == "spikes":
            return
        if new_ids and variable.name in self._rows:
            raise NotImplementedError(
                "neurograph.pynn cannot record more neurons while the network runs; reset() first"
            )
        self.sampling_interval = sampling_interval or self._simulator.state.dt

    def _stride(self) -> int:
        return max(1, round(self.sampling_interval / self._simulator.state.dt))

    def next_sample(self, step: int) -> int:
        """Return the step after which the state must be read next."""
        return (step // self._stride() + 1) * self._stride() if self._signals() else 2**62

    def begin(self, sim: Simulation) -> None:
        """Read the state before the first step."""
        self._rows, self._since = {}, 0.0
        self._read(sim)

    def sample(self, sim: Simulation, step: int) -> None:
        """Read the state after a step, if it is time."""
        if self._signals() and step % self._stride() == 0:
            self._read(sim)

    def _read(self, sim: Simulation) -> None:
        for variable in self._signals():
            state, factor = self.population.celltype.map.variables[variable.name]
            ids = np.array(sorted(int(cell) for cell in self.recorded[variable]))
            self._rows.setdefault(variable.name, []).append(sim.state(state, ids) / factor)

    def _get_all_signals(self, variable: Any, ids: Any, clear: bool = False) -> tuple[NDArray[np.float64], None]:
        del clear
        known = sorted(int(cell) for cell in self.recorded[variable])
        columns = np.searchsorted(known, [int(cell) for cell in ids])
        return np.array(self._rows.get(variable.name, np.empty((0, len(known)))))[:, columns], None

    def _times(self, ids: Any) -> dict[int, NDArray[np.float64]]:
        cells, times = self._simulator.state.spikes_of(int(self.population.first_id), int(self.population.last_id))
        fresh = times > self._since
        cells, times = cells[fresh], times[fresh]
        order = np.argsort(cells, kind="stable")
        wanted = np.array([int(cell) for cell in ids], np.int64)
        low, high = (np.searchsorted(cells, wanted, side, order) for side in ("left", "right"))
        return {int(n): times[order[a:b]] for n, a, b in zip(wanted, low, high, strict=True)}

    def _get_spiketimes(self, id: Any, clear: bool = False) -> Any:  # noqa: A002 (PyNN's name)
        del clear
        return self._times(id) if hasattr(id, "__len__") else self._times([id])[int(id)]

    def _local_count(self, variable: Any, filter_ids: Any = None) -> dict[int, int]:
        ids = list(self.filter_recorded(variable, filter_ids))
        return {cell: len(times) for cell, times in self._times(ids).items()}

    def _clear_simulator(self) -> None:
        self._since = self._simulator.state.t
        self._rows = {name: rows[-1:] for name, rows in self._rows.items()}

    def _reset(self) -> None:
        self._rows = {}
