"""How are the spikes of a run of any length written in bounded memory, so that a kill loses little?

Spikes go to ``OUT.partial/``, in *parts*: Parquet files of consecutive steps, each sorted by (time, neuron), so
that they are the whole, one behind the other. A part is *closed*, that is complete and on the disk for certain, at each
checkpoint, and when it is large or old. At the end they are copied into one file, which is then renamed to ``OUT``. The
part that is being written is a hidden file, so whoever reads the folder sees closed parts only.

A run that is taken up again goes on behind the parts that its checkpoint knows; later ones are removed, since their
steps come again. If the recording had been finished, its spikes up to the checkpoint are taken from it.
"""

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neurograph.circuit import Circuit
from neurograph.record import SpikePart, Spikes, check_spike_path, concatenated, spike_table, spikes_of_parts
from neurograph_storage.errors import DataError, DiskSpaceError
from neurograph_storage.publish import flush_path, locked_folder

# Spikes of a row group; row groups that are copied at a time; spikes of a part, and its age in seconds, at most.
_GROUP, _GROUPS_COPIED, _PART, _PART_SECONDS = 2**16, 2, 2**22, 30.0
# So many spikes can be copied while a user waits for an interrupted run to end.
COPIED_AT_ONCE = 2**21
_RUN = b"run"


@dataclass(frozen=True)
class Position:
    """How far a recording has come: what a checkpoint keeps of it."""

    path: str
    run: str
    parts: int
    spikes: int


class SpikeFile:
    """Writes spikes to a Parquet file.

    Parameters
    ----------
    path : path
        Must end in ``.parquet``. What is there stays until the end of the run.
    circuit : Circuit
    position : Position, optional
        Go on from there.

    Raises
    ------
    ArgumentError
        If the file cannot be written there, or another process is writing it.
    DataError
        If what ``position`` tells of is not there.
    """

    def __init__(self, path: str | os.PathLike[str], circuit: Circuit, position: Position | None = None) -> None:
        check_spike_path(path)
        self.path, self._circuit = Path(path).absolute(), circuit
        self.folder = self.path.with_name(self.path.name + ".partial")
        if self.folder.is_file():
            self.folder.unlink()
        self._stack, self.closed_for_good, self._finished = ExitStack(), False, False
        self._writer: pq.ParquetWriter | None = None
        self._since, self.is_full = 0.0, False
        self._stack.enter_context(locked_folder(self.folder))
        self.run = position.run if position else secrets.token_hex(8)
        self.count, self.closed, self._parts = 0, 0, 0
        self._waiting: list[Spikes] = []
        try:
            self._go_on(position) if position else self._begin()
        except BaseException:
            self._stack.close()
            raise

    def take(self, parts: list[SpikePart]) -> None:
        """Write the spikes of some steps, none earlier than those before.

        Raises
        ------
        DiskSpaceError
            If the disk is full; parts that are closed stay.
        """
        new = spikes_of_parts(self._circuit, parts)
        if len(new):
            self._since = time.monotonic() if self.count == self.closed else self._since
            self._waiting.append(new)
            self.count += len(new)
        if sum(map(len, self._waiting)) >= _GROUP:
            self._write()
        is_old = self.count > self.closed and time.monotonic() - self._since > _PART_SECONDS
        if is_old or self.count - self.closed >= _PART:
            self.close_part()

    def close_part(self) -> Position:
        """Make sure that all spikes so far are on the disk; return how far that is."""
        self._write()
        if self._writer:
            with self._full_disk():
                self._writer.close()
                flush_path(self._open_part)
                self._open_part.replace(self._part(self._parts))
                flush_path(self.folder)
            self._writer, self._parts, self.closed = None, self._parts + 1, self.count
            _give_back()
        return Position(str(self.path), self.run, self._parts, self.closed)

    def finish(self) -> None:
        """Close the last part and put the whole where it belongs."""
        self.close_part()
        whole = self.folder / ".whole.parquet"
        with self._full_disk(whole):
            parts = [self._part(k) for k in range(self._parts)]
            if len(parts) != 1:
                self._copy(parts, whole)
                flush_path(whole)
                parts = [whole]
            parts[0].replace(self.path)
        flush_path(self.path.parent)
        shutil.rmtree(self.folder)
        self._finished = True
        self._end()

    def leave(self) -> None:
        """Close the last part and leave all of them where they are; without any, leave nothing."""
        with suppress(DiskSpaceError):
            self.close_part()
        if self._parts == 0:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._end()

    @property
    def is_soon_finished(self) -> bool:
        """Whether `finish` takes well under a second."""
        return self.count <= COPIED_AT_ONCE

    @property
    def place(self) -> Path:
        """Where the spikes are: the file, once it is complete, or the folder of parts."""
        return self.path if self._finished else self.folder

    def _end(self) -> None:
        self._stack.close()
        self.closed_for_good = True

    def _begin(self) -> None:
        """Empty the folder; closed parts of an earlier run, which nobody has asked for, are put aside."""
        if list(self.folder.glob("part-*")):
            aside = _free_name(self.path.with_name(self.path.name + ".unfinished"))
            aside.mkdir()
            for part in self.folder.glob("part-*"):
                part.rename(aside / part.name)
        self._clear()

    def _go_on(self, position: Position) -> None:
        self.count = self.closed = position.spikes
        self._parts = position.parts
        parts = [self._part(k) for k in range(position.parts)]
        if not all(part.is_file() and self._is_ours(part) for part in parts):
            parts = self._adopt(position)
        self._clear(parts)

    def _adopt(self, position: Position) -> list[Path]:
        """Make a part of the spikes that a finished recording has up to the checkpoint; return it."""
        if not (self.path.is_file() and self._is_ours(self.path)):
            raise DataError(
                f"the spikes up to the checkpoint are neither in {self.folder} nor in {self.path}; "
                "record what follows in another file with --spikes"
            )
        self._clear()
        with self._full_disk():
            self._copy([self.path], self._open_part, position.spikes)
            flush_path(self._open_part)
            self._open_part.replace(self._part(0))
        self._parts = 1
        return [self._part(0)]

    def _write(self) -> None:
        """Write what waits, as one row group."""
        if not self._waiting:
            return
        table = spike_table(concatenated(self._waiting), self._circuit).replace_schema_metadata(self._schema().metadata)
        self._waiting = []
        with self._full_disk():
            if self._writer is None:
                self._writer = pq.ParquetWriter(self._open_part, self._schema())
            self._writer.write_table(table, _GROUP)

    def _copy(self, sources: list[Path], into: Path, most: int | None = None) -> None:
        """Copy spikes, the first ``most`` of them, in groups of some size."""
        with pq.ParquetWriter(into, self._schema()) as writer:
            left = self.count if most is None else most
            for table in _grouped(sources):
                if left:
                    writer.write_table(table[:left].cast(self._schema()))
                left -= min(left, len(table))
                del table
                _give_back()

    def _schema(self) -> pa.Schema:
        empty = spike_table(spikes_of_parts(self._circuit, []), self._circuit).schema
        return empty.with_metadata({**(empty.metadata or {}), _RUN: self.run.encode()})

    def _is_ours(self, file: Path) -> bool:
        try:
            return bool((pq.read_schema(file).metadata or {}).get(_RUN) == self.run.encode())
        except (OSError, pa.ArrowInvalid):
            return False

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:06}.parquet"

    @property
    def _open_part(self) -> Path:
        return self.folder / ".open.parquet"

    def _clear(self, kept: list[Path] | None = None) -> None:
        for file in self.folder.iterdir():
            if file not in (kept or []):
                file.unlink()

    @contextmanager
    def _full_disk(self, left: Path | None = None) -> Iterator[None]:
        """Turn the error of a full disk into one that says what there is; remove what was half written."""
        try:
            yield
        except OSError as error:
            self._writer = None
            for file in (self._open_part, left):
                if file:
                    file.unlink(missing_ok=True)
            if error.errno != errno.ENOSPC:
                raise
            self.is_full = True
            kept = f"{self.closed:,} spikes are safe in {self.folder}" if self.closed else "no spikes were kept"
            raise DiskSpaceError(f"the disk is full: {self.path} could not be written; {kept}") from error


class NoSpikes:
    """Keeps no spikes."""

    def take(self, parts: list[SpikePart]) -> None:
        """See `SpikeFile`."""


def position_of(said: dict[str, Any] | None) -> Position | None:
    """Return what `asdict` made of a position."""
    return None if said is None else Position(**said)


def describe(position: Position) -> dict[str, Any]:
    """Return a JSON object."""
    return asdict(position)


def _grouped(files: list[Path]) -> Iterator[pa.Table]:
    """Yield tables of a few row groups' spikes, from one thread: many would each keep memory of their own."""
    waiting: list[pa.RecordBatch] = []
    for file in files:
        with pq.ParquetFile(file, pre_buffer=False) as opened:
            for batch in opened.iter_batches(_GROUP, use_threads=False):
                waiting.append(batch)
                if sum(len(each) for each in waiting) >= _GROUPS_COPIED * _GROUP:
                    yield pa.Table.from_batches(waiting).unify_dictionaries().combine_chunks()
                    waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting).unify_dictionaries().combine_chunks()


def _give_back() -> None:
    """Let the system have what Arrow holds ready: a run that fills its budget has no room for that."""
    pa.default_memory_pool().release_unused()


def _free_name(path: Path) -> Path:
    number = 1
    while (found := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return found
