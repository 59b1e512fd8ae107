"""What is kept of a run, and where?

Spikes in memory, in a file, or only their number; rates of populations; traces of states; the series of counters; and
the spikes in flight, for a checkpoint.
"""

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.inflight import InFlight
from neurograph.rates import PopulationRates
from neurograph.record import SpikePart, SpikeRecorder, Spikes
from neurograph.recording import NoSpikes, Position, SpikeFile
from neurograph.residency import Residency
from neurograph.series import Series
from neurograph.snapshot import Arrays, Read
from neurograph.traces import Trace
from neurograph_storage.errors import ArgumentError

Where = str | os.PathLike[str] | bool


class Sink(Protocol):
    """What spikes are given to."""

    def take(self, parts: list[SpikePart]) -> None:
        """Take all spikes of some steps."""


class Recorders:
    """All recorders of a run.

    Parameters
    ----------
    spikes : path or bool
        A Parquet file; True for memory, False for nowhere.
    position : Position, optional
        Where the recording of spikes in a file goes on.
    """

    def __init__(self, circuit: Circuit, spikes: Where, position: Position | None = None) -> None:
        self._circuit = circuit
        self.sink: Sink
        if isinstance(spikes, bool):
            self.sink = SpikeRecorder(circuit) if spikes else NoSpikes()
        else:
            self.sink = SpikeFile(spikes, circuit, position)
        self.rates, self.series, self.residency = PopulationRates(circuit), Series(), Residency()
        self.flight = InFlight(circuit.store.max_delay)
        self.traces: list[Trace] = []
        self.watchers: list[Sink] = []
        self.count = 0

    @classmethod
    def going_on(cls, circuit: Circuit, position: Position | None, spikes: Where | None) -> "Recorders":
        """Return recorders of a run that is taken up: its file goes on unless ``spikes`` says another place."""
        if spikes is None:
            spikes = True if position is None else position.path
        same = position is not None and not isinstance(spikes, bool) and Path(spikes).absolute() == Path(position.path)
        return cls(circuit, spikes, position if same else None)

    @property
    def file(self) -> SpikeFile | None:
        """The file that spikes go to, if any."""
        return self.sink if isinstance(self.sink, SpikeFile) else None

    @property
    def spikes(self) -> Spikes:
        """All spikes so far, if they are in memory."""
        if isinstance(self.sink, SpikeRecorder):
            return self.sink.spikes
        where = f"they go to {self.file.path}: read_spikes reads them" if self.file else "spikes=False was given"
        raise ArgumentError(f"spikes of this run are not in memory; {where}")

    def take(self, parts: list[SpikePart], silenced: NDArray[np.uint8], now: int) -> None:
        """Take all spikes of some steps, up to step ``now``; see `InFlight.take`."""
        self.count += sum(len(part.storage) for part in parts)
        self.flight.take(parts, silenced, now)
        self.rates.take(parts, now)
        for sink in (self.sink, *self.watchers):
            sink.take(parts)

    def save(self) -> tuple[dict[str, Any], Arrays]:
        """Return what a checkpoint keeps of rates, series and traces: a JSON object, and arrays."""
        traces = [[t.name, t.every, t.following] for t in self.traces]
        return {"rates": self.rates.steps, "traces": traces, "residency": True}, self._arrays()

    def _arrays(self) -> Arrays:
        yield "rates/counts", self.rates.counts
        yield "series/notes", self.series.notes
        yield "residency/notes", self.residency.notes
        for number, trace in enumerate(self.traces):
            yield f"trace/{number}/neurons", trace.neurons
            yield f"trace/{number}/steps", trace.steps
            yield f"trace/{number}/values", trace.values

    def load(self, said: dict[str, Any], read: Read) -> None:
        """Take over what `save` returned."""
        self.rates = PopulationRates(self._circuit, said["rates"], read("rates/counts"))
        self.series = Series(read("series/notes"))
        # Checkpoints from before this was noted are read as well.
        self.residency = Residency(read("residency/notes") if said.get("residency") else None)
        for number, (name, every, following) in enumerate(said["traces"]):
            neurons, steps, values = (read(f"trace/{number}/{part}") for part in ("neurons", "steps", "values"))
            self.traces.append(Trace.restored(name, neurons, every, following, self._circuit.dt, steps, values))

    def close(self, *, failed: bool, hurry: bool) -> None:
        """Put the spike file where it belongs.

        Parameters
        ----------
        failed : bool
            Whether another error is on its way, which must not be covered by one of writing.
        hurry : bool
            Whether somebody waits: a file that takes long to put together stays in parts.
        """
        if self.file is None or self.file.closed_for_good:
            return
        in_vain = self.file.is_full or (failed and not self.file.count)
        if in_vain or (hurry and not self.file.is_soon_finished):
            self.file.leave()
            return
        try:
            self.file.finish()
        except Exception:
            self.file.leave()
            if not failed:
                raise
