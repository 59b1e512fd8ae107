"""How do rows get from the disk into a pool in memory, while others compute?

By threads that run one compiled loop each (`serve`) and wait at a pipe. Precedence, for a request r:

    its line in the table is written, then its batch goes through the pipe
    a reader takes a batch, and reads neighbours on the disk at once; compares each row's sum, decodes and cuts it, and
    writes it to the pool; then publishes r as arrived
    who sees r arrived may read the pool; its place is given to another request when nobody needs it any more

Whatever a reader cannot do it leaves to Python, which finds out what is wrong. From then on batches are thrown away.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.atomics import fetch, fetch_add, publish
from neurograph_storage.bits import PADDING, get_gamma
from neurograph_storage.cut import cut, cut_words, row_sum
from neurograph_storage.decompress import get_row
from neurograph_storage.jit import kernel
from neurograph_storage.libc import nanoseconds, read_at, take_number

U16 = NDArray[np.uint16]
I64 = NDArray[np.int64]

# Columns of the table of requests: row and step of a spike; first steps of the epochs of the spike and of the request;
# where the words go in the ring, counted on, and how many there may be; delays wanted, low < delay <= high; the class
# of delays that is requested next; which ring.
ROW, STEP, ORIGIN, START, AT, WORDS, LOW, HIGH, NEXT, RING = range(10)
FIELDS = 10
WAITING, READY = range(2)
# Positions in a reader's figures, and their number.
BYTES, READS, NANOSECONDS, ASKED = range(4)
FIGURES = 8
# A batch in the pipe: its first request x 2^16 + how many; none at all says that it is over.
COUNT_BITS = 16
STOPPED = -1
PAGE = 4096
_PAGE_WORDS = PAGE // 2
_TRIES = 3


class Fetching(NamedTuple):
    """What readers read from, and where they write.

    Attributes
    ----------
    starts : (rows + 1,) uint64
        First word on the disk.
    sums : (rows,) uint64
        See `row_sum`.
    files : (chunks,) int64
        Descriptors.
    file_bytes, compressed, block_neurons : int
    read, pipe : int
        Address of ``pread``; descriptor of the pipe.
    pool : (words,) uint16
    ring : (rings, 2) int64
        First word of each ring in the pool, and its length.
    requests : (slots, FIELDS) int64
    state : (slots,) int64
        Of each request; slots are a power of two.
    failed : (1,) int64
    """

    starts: NDArray[np.uint64]
    sums: NDArray[np.uint64]
    files: I64
    file_bytes: int
    compressed: int
    block_neurons: int
    read: int
    pipe: int
    pool: U16
    ring: I64
    requests: I64
    state: I64
    failed: I64


@kernel
def _read(f: Fetching, scratch: U16, first: int, needed: int, end: int, figures: I64) -> bool:
    """Read bytes ``first <= b < end`` of all files together; return whether at least those below ``needed`` came."""
    at, failures, started = first, 0, nanoseconds()
    while at < needed and failures < _TRIES:
        file, inside = at // f.file_bytes, at % f.file_bytes
        # A file may end within a page, but only whole ones can be asked for.
        length = min(end - at, (f.file_bytes + PAGE - 1) // PAGE * PAGE - inside)
        count = read_at(f.read, f.files[file], scratch, at - first, length, inside)
        figures[READS] += 1
        # Whole pages must follow whole pages; a signal may interrupt a read.
        if count < length and at + count < needed:
            failures += 1
        else:
            figures[BYTES] += count
            at += length
    figures[NANOSECONDS] += nanoseconds() - started
    return at >= needed


@kernel
def _finish(f: Fetching, scratch: U16, plain: U16, slot: int, first_word: int) -> bool:
    """Check the row of a request, whose words lie in ``scratch``, and write its tail to the pool."""
    row = f.requests[slot, ROW]
    start, end = np.int64(f.starts[row]) - first_word, np.int64(f.starts[row + 1]) - first_word
    if row_sum(scratch, start, end) != f.sums[row]:
        return False
    wanted = f.requests[slot]
    first, length = f.ring[wanted[RING]]
    at, low, high = first + wanted[AT] % length, wanted[LOW], wanted[HIGH]
    if f.compressed:
        # The sum was right, so these are the bits that could be decoded when the circuit was opened.
        words = get_gamma(scratch, start * 16)[0]
        if words > len(plain) or not get_row(plain, 0, words, scratch, start * 16, end * 16, f.block_neurons):
            return False
        if cut_words(plain, 0, low, high) > wanted[WORDS]:
            return False
        cut(f.pool, at, plain, 0, low, high)
    else:
        if cut_words(scratch, start, low, high) > wanted[WORDS]:
            return False
        cut(f.pool, at, scratch, start, low, high)
    publish(f.state, slot, READY)
    return True


@kernel
def _extent_end(f: Fetching, number: int, last: int, first_byte: int, room: int) -> int:
    """Return the first request that cannot be read together with ``number``: elsewhere on the disk, or too far."""
    slots = len(f.state)
    end = 2 * np.int64(f.starts[f.requests[number % slots, ROW] + 1])
    following = number + 1
    while following < last:
        row = f.requests[following % slots, ROW]
        start, stop = 2 * np.int64(f.starts[row]), 2 * np.int64(f.starts[row + 1])
        near = first_byte <= start <= (end + PAGE - 1) // PAGE * PAGE
        if not near or stop - first_byte + PAGE > room or f.state[following % slots] == READY:
            break
        end = max(end, stop)
        following += 1
    return following


@kernel
def _serve_batch(f: Fetching, scratch: U16, plain: U16, figures: I64, number: int, last: int) -> int:
    """Bring in requests ``number <= r < last``, but for those that are there; return the first that failed, or -1."""
    slots = len(f.state)
    while number < last:
        if f.state[number % slots] == READY:
            number += 1
            continue
        first = 2 * np.int64(f.starts[f.requests[number % slots, ROW]]) // PAGE * PAGE
        stop = _extent_end(f, number, last, first, 2 * (len(scratch) - PADDING))
        needed = 0
        for k in range(number, stop):
            row = f.requests[k % slots, ROW]
            needed = max(needed, 2 * np.int64(f.starts[row + 1]))
            figures[ASKED] += 2 * np.int64(f.starts[row + 1] - f.starts[row])
        if not _read(f, scratch, first, needed, (needed + PAGE - 1) // PAGE * PAGE, figures):
            return number
        for k in range(number, stop):
            if not _finish(f, scratch, plain, k % slots, first // 2):
                return k
        number = stop
    return -1


@kernel
def serve(f: Fetching, scratch: U16, plain: U16, figures: I64) -> int:
    """Take batches from the pipe until it is over; return `STOPPED`, or a request that cannot be brought in.

    Traffic: a row is read into ``scratch``, its sum taken from there, and its tail copied to the pool.
    """
    batch = np.zeros(1, np.int64)
    while True:
        count = take_number(f.pipe, batch)
        if count == 0:
            return STOPPED
        if count != 8:
            continue
        first, rows = batch[0] >> COUNT_BITS, batch[0] & ((1 << COUNT_BITS) - 1)
        if rows == 0:
            return STOPPED
        if fetch(f.failed, 0) == 0:
            number = _serve_batch(f, scratch, plain, figures, first, first + rows)
            if number >= 0:
                fetch_add(f.failed, 0, 1)
                return number
