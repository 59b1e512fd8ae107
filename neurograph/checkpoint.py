"""What does a checkpoint hold, and how is a run taken up from it?

One file (see `neurograph_storage.bundle`): the step, the seed, the circuit's identity, counters, how far the file of
spikes has come; and as arrays what `neurograph.snapshot` and `neurograph.recorders` give. Nothing in it depends on
workers, memory or storage order.
"""

import os
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.circuit import Circuit
from neurograph.events import OutsideEvents
from neurograph.executor import Executor
from neurograph.identity import check_identity, identity
from neurograph.record import SpikePart
from neurograph.recorders import Recorders
from neurograph.recording import Position, describe, position_of
from neurograph.snapshot import load_events, load_flight, load_neurons, save_events, save_flight, save_neurons
from neurograph.statistics import Counters
from neurograph_storage.bundle import Bundle, write_bundle
from neurograph_storage.errors import ArgumentError, MemoryBudgetError

_KIND, _VERSION = b"NGCHECK\n", 1


@dataclass(frozen=True)
class Moment:
    """What a run has besides executor and recorders."""

    seed: int
    counters: Counters
    driven: OutsideEvents
    injected: OutsideEvents


def write_checkpoint(path: str | os.PathLike[str], executor: Executor, recorders: Recorders, moment: Moment) -> None:
    """Write all that decides how a run goes on; spikes so far are on the disk first.

    Raises
    ------
    DiskSpaceError, ArgumentError
    """
    circuit, now = executor.circuit, executor.step
    recording = recorders.file.close_part() if recorders.file else None
    recorded, arrays = recorders.save()
    said = {
        "step": now,
        "seed": moment.seed,
        "circuit": {"path": str(circuit.path), **identity(circuit)},
        "counters": asdict(moment.counters),
        "recording": None if recording is None else describe(recording),
        **recorded,
    }
    everything = chain(
        save_neurons(executor),
        save_flight(circuit, recorders.flight, now),
        save_events("driven", moment.driven, now),
        save_events("injected", moment.injected, now),
        arrays,
    )
    write_bundle(Path(path), _KIND, _VERSION, said, everything)


def check_checkpoint_path(path: str | os.PathLike[str]) -> None:
    """Refuse a path that no checkpoint can be written to.

    Raises
    ------
    ArgumentError
    """
    final = Path(path)
    if final.is_dir() or not final.absolute().parent.is_dir():
        raise ArgumentError(
            f"cannot write a checkpoint to {final}: {'it is a folder' if final.is_dir() else 'there is no such folder'}"
        )


class Checkpoint:
    """A checkpoint on the disk.

    Raises
    ------
    ArgumentError, CorruptionError, VersionError
        See `Bundle`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._bundle = Bundle(Path(path), _KIND, _VERSION, "checkpoint")
        said = self._bundle.said
        self.path, self.step, self.seed = Path(path), int(said["step"]), int(said["seed"])
        self.counters = Counters(**said["counters"])

    @property
    def circuit_path(self) -> Path:
        """Where the circuit was."""
        return Path(self._bundle.said["circuit"]["path"])

    @property
    def position(self) -> Position | None:
        """How far the recording in a file had come, if there was one."""
        return position_of(self._bundle.said["recording"])

    def check(self, circuit: Circuit, seed: int | None, drive: OutsideEvents | None) -> None:
        """Refuse a run that would not be the same one.

        Raises
        ------
        DataError
            If the circuit is another, or was changed.
        ArgumentError
            If the seed is another, or the events that are still to come.
        """
        check_identity(circuit, self._bundle.said["circuit"], f"checkpoint {self.path}")
        if seed is not None and seed != self.seed:
            raise ArgumentError(f"seed is {seed}, but the run of checkpoint {self.path} has {self.seed}; leave it out")
        if drive is not None and not _same(drive, self.driven, self.step):
            raise ArgumentError(f"the drive is not that of the run of checkpoint {self.path}; leave it out")

    @property
    def driven(self) -> OutsideEvents:
        """Events of the drive that are still to come."""
        return load_events("driven", self._bundle.__getitem__)

    @property
    def injected(self) -> OutsideEvents:
        """Events that were injected and are still to come."""
        return load_events("injected", self._bundle.__getitem__)

    def load(self, executor: Executor, recorders: Recorders) -> None:
        """Bring executor and recorders to where they were."""
        read = self._bundle.__getitem__
        past = load_flight(executor.circuit, self.step, read)
        try:
            executor.replay(past)
        except MemoryBudgetError:
            # It was written with more memory, or when the run had little of its rows there.
            if not executor.can_start_over:
                raise
            executor.start_over(past, cautious=True)
        # After the replay: who is silenced now may have had spikes in flight.
        load_neurons(executor, read)
        in_flight = SpikePart(past.first_step, np.diff(past.starts).astype(np.int32), past.storage)
        recorders.flight.take([in_flight], np.zeros_like(executor.common.silenced), self.step)
        recorders.load(self._bundle.said, read)


def _same(drive: OutsideEvents, saved: OutsideEvents, now: int) -> bool:
    following: dict[str, Any] = {name: values[drive.step >= now] for name, values in vars(drive).items()}
    return all(np.array_equal(values, getattr(saved, name)) for name, values in following.items())
