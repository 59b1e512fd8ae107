"""When does a PyNN network become a circuit, and how does it run?

At the first `run`, and again after a `reset` if it was changed: all populations and projections are built into a
circuit in a temporary folder. A run stops for what PyNN may ask of any step: currents, spikes of arrays, recorded
variables; in between it goes as far as it can at once. Step k ends at (k + 1) dt, and that is the time PyNN gives its
spikes.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common

from neurograph.builder import build
from neurograph.circuit import Circuit
from neurograph.pynn.network import ARRAY, describe
from neurograph.record import Spikes
from neurograph.simulation import Simulation

name = "NeuroGraph"


class ID(int, common.IDMixin):  # type: ignore[misc]
    """A neuron: a number, and the population it belongs to."""

    def __init__(self, n: int) -> None:
        del n
        int.__init__(self)
        common.IDMixin.__init__(self)


class State(common.control.BaseState):  # type: ignore[misc]
    """Everything between one `setup` and the next.

    Attributes
    ----------
    populations, projections, electrodes : lists
        In the order in which they were made.
    seed, workers, memory
        As `Simulation` takes them; the extra parameters of `setup`.
    """

    mpi_rank, num_processes = 0, 1

    def __init__(self) -> None:
        super().__init__()
        self.dt, self.max_delay = 0.1, 1e12
        self.given_min_delay: float | None = None
        self.seed, self.workers, self.memory = 0, None, None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._sim: Simulation | None = None
        self.clear()

    def clear(self) -> None:
        """Forget the network."""
        self.close()
        self.recorders: set[Any] = set()
        self.populations: list[Any] = []
        self.projections: list[Any] = []
        self.electrodes: list[Any] = []
        self.write_on_end: list[Any] = []
        self.id_counter, self.segment_counter = 0, -1
        self._step = 0
        self.circuit: Circuit | None = None
        self.reset()

    def close(self) -> None:
        """Give back threads and the folder; what was recorded stays."""
        if self._sim is not None:
            self._sim.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._sim, self._folder, self.circuit = None, None, None

    def reset(self) -> None:
        """Go back to time 0."""
        if self._sim is not None:
            self._sim.close()
        self._sim, self._step, self.running, self.t_start = None, 0, False, 0
        self.segment_counter += 1

    def changed(self, what: str) -> None:
        """Build the circuit anew at the next run.

        Raises
        ------
        NotImplementedError
            If the network has run: then it can be changed only after a reset.
        """
        if self.running:
            raise NotImplementedError(
                f"neurograph.pynn cannot change {what} while the network runs; call reset() first"
            )
        self.circuit = None

    @property
    def t(self) -> float:
        """Time in ms."""
        return float(round(self._step * self.dt, 9))

    @property
    def min_delay(self) -> float:
        """Shortest delay, in ms: as given, or that of the synapses there are."""
        if self.given_min_delay is not None:
            return self.given_min_delay
        return min((float(p.values["delay"].min()) for p in self.projections if len(p)), default=self.dt)

    @property
    def spikes(self) -> Spikes | None:
        """All spikes since time 0; None before the first run."""
        return None if self._sim is None else self._sim.spikes

    def run(self, simtime: float) -> None:
        """Advance by a time, in ms."""
        self.run_until(self.t + simtime)

    def run_until(self, tstop: float) -> None:
        """Advance to a time, in ms."""
        sim = self._begin()
        last = round(tstop / self.dt)
        while self._step < last:
            steps = self._steps_at_once(last)
            self._inject(sim)
            sim.step(steps)
            self._step += steps
            for recorder in self.recorders:
                recorder.sample(sim, self._step)

    def _begin(self) -> Simulation:
        if self.circuit is None:
            self.close()
            self._folder = tempfile.TemporaryDirectory(prefix="neurograph-pynn-")
            network = describe(self.populations, self.projections, self.dt)
            self.circuit = build(Path(self._folder.name) / "network.zarr", network, seed=self.seed)
        if self._sim is None:
            self._sim = Simulation(self.circuit, seed=self.seed, workers=self.workers, memory=self.memory)
            for recorder in self.recorders:
                recorder.begin(self._sim)
        self.running = True
        return self._sim

    def _steps_at_once(self, last: int) -> int:
        """Return how many steps nothing has to be done before the next one."""
        if any(electrode.cells for electrode in self.electrodes):
            return 1
        until = [last]
        for population in self.populations:
            if population.celltype.map is ARRAY:
                steps = population.spike_steps
                place = int(np.searchsorted(steps, self._step, side="right"))
                until += [int(steps[place])] if place < len(steps) else []
        until += [recorder.next_sample(self._step) for recorder in self.recorders]
        return max(1, min(until) - self._step)

    def _inject(self, sim: Simulation) -> None:
        """Give what arrives in the next step from outside."""
        for population in self.populations:
            if population.celltype.map is ARRAY:
                due = population.spikes_at(self._step)
                if len(due):
                    sim.inject(due, 1.0, receptor="fire")
        for electrode in self.electrodes:
            current = electrode.current_at(self._step * self.dt) if electrode.cells else 0.0
            if electrode.trace is not None:
                electrode.trace.append(current)
            if current:
                sim.inject(np.array(electrode.cells), 1000.0 * current, receptor="current")

    def spikes_of(self, first_id: int, last_id: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return ids and times (ms) of the spikes of consecutive neurons."""
        spikes = self.spikes
        if spikes is None:
            return np.empty(0, np.int64), np.empty(0)
        inside = (spikes.neurons >= first_id) & (spikes.neurons <= last_id)
        return spikes.neurons[inside], np.round((spikes.steps[inside] + 1) * self.dt, 9)


state = State()
