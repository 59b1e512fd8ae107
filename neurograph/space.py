"""Is there room on the disk for a circuit, and what is said when it fills up all the same?

The size is known before the first byte is written: a few rows here and there are made, and tell the bytes a synapse.
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.codec import encode
from neurograph_storage.errors import DiskSpaceError
from neurograph_storage.rows import RowSource
from neurograph_storage.sizes import format_size

_SAMPLES, _SAMPLE_SYNAPSES = 5, 20_000
# Neuron table, first words of rows, checksums and metadata.
_BYTES_PER_NEURON, _FIXED_BYTES = 32, 2**16
# Of a synapse in a row of any kind.
_LEAST_BYTES = 2


def estimate_bytes(lengths: NDArray[np.int64], source: RowSource, codec: str, done: int = 0) -> int:
    """Return the bytes that rows from ``done`` on will take on the disk.

    Parameters
    ----------
    lengths : (neurons,) int64
        Synapses in each row.
    """
    ends = np.cumsum(lengths[done:])
    if len(ends) == 0 or ends[-1] == 0:
        return _FIXED_BYTES + 2 * _BYTES_PER_NEURON * len(lengths)
    words = synapses = 0
    for k in range(_SAMPLES):
        start = int(np.searchsorted(ends, ends[-1] * k // _SAMPLES, side="right"))
        stop = int(np.searchsorted(ends, ends[start] + _SAMPLE_SYNAPSES)) + 1
        words += len(encode(source.rows(done + start, min(done + stop, len(lengths))), codec).words)
        synapses += int(lengths[done + start : done + stop].sum())
    return int(2 * words / max(synapses, 1) * ends[-1]) + _BYTES_PER_NEURON * len(ends) + _FIXED_BYTES


def check_space(out: Path, lengths: NDArray[np.int64], source: RowSource, codec: str, done: int = 0) -> None:
    """Refuse to start what cannot end.

    Raises
    ------
    DiskSpaceError
        If there is less room around ``out`` than rows from ``done`` on will take.
    """
    _check_room(out, estimate_bytes(lengths, source, codec, done))


def check_runs(out: Path, runs: int, synapses: int) -> None:
    """Refuse to start to sort what cannot be stored.

    Parameters
    ----------
    runs : int
        Bytes of sorted runs to be written.
    synapses : int
        Listed synapses that then become rows.

    Raises
    ------
    DiskSpaceError
    """
    if runs:
        _check_room(out, runs + _LEAST_BYTES * synapses)


def _check_room(out: Path, needed: int) -> None:
    free = shutil.disk_usage(out.parent).free
    if needed > free:
        raise DiskSpaceError(
            f"{out} needs about {format_size(needed)}, and {format_size(free)} are free there; "
            "make room, or choose a path on another disk"
        )


@contextmanager
def named_disk_full(out: Path) -> Iterator[None]:
    """Turn the system's word that the disk is full into one that says what to do.

    Raises
    ------
    DiskSpaceError
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskSpaceError(
            f"the disk is full while writing {out}; make room and start the same build again, it goes on where it was"
        ) from error
