"""How do rows get from the disk into a pool in memory, while others compute?

Many reads are under way at once (`neurograph_storage.queueing`). Where these are asynchronous, every worker takes a
`turn` whenever it would wait for others: no processor sleeps while there are rows to bring in, and none is taken from a
worker. Elsewhere threads of their own `serve`, and sleep at the pipe. Precedence, for a request r:

    its line in the table is written, then its batch goes through the pipe
    a thread takes a batch, and reads neighbours on the disk at once; compares each row's sum, decodes and cuts it, and
    writes it to the pool; then publishes r as arrived
    who sees r arrived may read the pool; its place is given to another request when nobody needs it any more

Who cannot bring a row in says so in ``failed``, and from then on batches are thrown away; of a guess, in its state.
Reads of guesses are started only while no other is under way.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.atomics import fetch, fetch_add, publish
from neurograph_storage.bits import PADDING, get_gamma
from neurograph_storage.cut import ALL_DELAYS, cut, cut_words, row_sum
from neurograph_storage.decompress import get_row
from neurograph_storage.jit import kernel, part
from neurograph_storage.libc import nanoseconds, read_at, take_number, wait_for
from neurograph_storage.queueing import (
    GUESSED,
    RESULT,
    UNDERWAY,
    Queue,
    collect,
    give_back,
    lock,
    no_queue,
    slot_free,
    start,
    submit,
    unlock,
)

U16 = NDArray[np.uint16]
I64 = NDArray[np.int64]

# Columns of the table of requests: row and step of a spike; first steps of the epochs of the spike and of the request;
# where the words go in the pool, and how many there may be; delays wanted, low < delay <= high; the class of delays
# that is requested next; what kind of segment the words lie in.
ROW, STEP, ORIGIN, START, AT, WORDS, LOW, HIGH, NEXT, KIND = range(10)
FIELDS = 10
WAITING, READY, FAILED = range(3)
# Requests of rows that no spike has asked for, *guesses*, have numbers from here on, and lines behind the others'.
GUESS = 2**40
# So many reads of guesses are under way at most: what spikes need must not wait long behind them.
_MOST_GUESSES = 48
# Positions in a reader's figures, and their number.
BYTES, READS, NANOSECONDS, ASKED = range(4)
FIGURES = 8
# Of a read under way: requests ``first <= r < stop``; the first byte, and the end of those that are needed, of all
# files together; when it began.
_FIRST, _STOP, _BYTE, _NEEDED, _STARTED = range(5)
_SPAN = 5
# A batch in the pipe: its first request x 2^16 + how many; none at all says that it is over.
COUNT_BITS = 16
# What became of taking a batch.
STOPPED, _NOTHING, _TAKEN = range(3)
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
    max_delay : int
        Of the circuit, in steps.
    unit, gap : int
        Bytes of which reads are multiples; bytes between two rows that are rather read than left out.
    read, pipe, guesses : int
        Address of ``pread``; descriptors of the pipe, and of that of guesses.
    slots : int
        Lines of the tables for what spikes ask for; the rest is for guesses.
    pool : (words,) uint16
    requests : (lines, FIELDS) int64
    state : (lines,) int64
        Of each request.
    failed : (2,) int64
        How many failures there were; the request of the first.
    turn : int
        Address of the kernel `turn`; 0 as long as no kernel takes turns.
    """

    starts: NDArray[np.uint64]
    sums: NDArray[np.uint64]
    files: I64
    file_bytes: int
    compressed: int
    block_neurons: int
    max_delay: int
    unit: int
    gap: int
    read: int
    pipe: int
    guesses: int
    slots: int
    pool: U16
    requests: I64
    state: I64
    failed: I64
    turn: int


class Reader(NamedTuple):
    """What one thread reads with; those that share a queue share spans, batch and message.

    Attributes
    ----------
    queue : Queue
    spans : (slots, 5) int64
        What is read to each slot.
    batch, message : (4,) int64, (1,) int64
        Requests of the batch that have not been started, and of that of guesses; scratch. For who has the queue's lock.
    plain : (words,) uint16
        Scratch for a row made plain.
    figures : (8,) int64
    """

    queue: Queue
    spans: I64
    batch: I64
    message: I64
    plain: U16
    figures: I64

    @staticmethod
    def of(queue: Queue, plain_words: int) -> "Reader":
        """Return a reader with nothing to do."""
        batch, message = np.zeros(4, np.int64), np.zeros(1, np.int64)
        plain, figures = np.empty(plain_words, np.uint16), np.zeros(FIGURES, np.int64)
        return Reader(queue, np.zeros((len(queue.busy), _SPAN), np.int64), batch, message, plain, figures)

    def of_thread(self) -> "Reader":
        """Return another reader for the same queue."""
        plain, figures = np.empty_like(self.plain), np.zeros_like(self.figures)
        return self._replace(queue=self.queue.of_thread(), plain=plain, figures=figures)


def no_reader() -> Reader:
    """Return a reader that takes no turns."""
    return Reader.of(no_queue(), 0)


def no_fetching() -> Fetching:
    """Return what a circuit in memory has."""
    empty, table, words = np.empty(0, np.int64), np.empty((0, FIELDS), np.int64), np.empty(0, np.uint16)
    starts = np.empty(0, np.uint64)
    return Fetching(starts, starts, empty, 1, 0, 1, 0, 1, 0, 0, -1, -1, 1, words, table, empty, empty, 0)


@kernel
def line_of(number: int, slots: int, lines: int) -> int:
    """Return the line of a request in tables of so many slots for what spikes ask for, and so many lines in all."""
    return number % slots if number < GUESS else slots + (number - GUESS) % (lines - slots)


@part
def _line(f: Fetching, number: int) -> int:
    return line_of(number, f.slots, len(f.state))


@kernel
def _read(f: Fetching, scratch: U16, first: int, needed: int, figures: I64) -> bool:
    """Read bytes from ``first`` on of all files together; return whether those below ``needed`` came."""
    at, failures, end = first, 0, (needed + f.unit - 1) // f.unit * f.unit
    while at < needed and failures < _TRIES:
        file, inside = at // f.file_bytes, at % f.file_bytes
        # A file may end within a unit, but only whole ones can be asked for.
        length = min(end - at, (f.file_bytes + f.unit - 1) // f.unit * f.unit - inside)
        count = read_at(f.read, f.files[file], scratch, at - first, length, inside)
        figures[READS] += 1
        # Whole units must follow whole units; a signal may interrupt a read.
        if count < length and at + count < needed:
            failures += 1
        else:
            figures[BYTES] += count
            at += length
    return at >= needed


@kernel
def _finish(f: Fetching, scratch: U16, plain: U16, slot: int, first_word: int) -> bool:
    """Check the row of a request, whose words lie in ``scratch``, and write its tail to the pool."""
    row = f.requests[slot, ROW]
    start, end = np.int64(f.starts[row]) - first_word, np.int64(f.starts[row + 1]) - first_word
    if row_sum(scratch, start, end) != f.sums[row]:
        return False
    wanted = f.requests[slot]
    at, low, high = wanted[AT], wanted[LOW], wanted[HIGH]
    if high == f.max_delay:
        # Nothing lies behind, so no group need be looked at to find the end.
        high = ALL_DELAYS
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
    end = 2 * np.int64(f.starts[f.requests[_line(f, number), ROW] + 1])
    following = number + 1
    while following < last:
        row = f.requests[_line(f, following), ROW]
        start, stop = 2 * np.int64(f.starts[row]), 2 * np.int64(f.starts[row + 1])
        near = first_byte <= start <= end + f.gap
        if not near or stop - first_byte + f.unit > room or f.state[_line(f, following)] == READY:
            break
        end = max(end, stop)
        following += 1
    return following


@kernel
def _start(f: Fetching, r: Reader, slot: int, number: int, last: int) -> int:
    """Start to read ``number`` and the following requests that lie beside it; return the first that does not."""
    first = 2 * np.int64(f.starts[f.requests[_line(f, number), ROW]]) // f.unit * f.unit
    stop = _extent_end(f, number, last, first, 2 * (r.queue.memory.shape[1] - PADDING))
    needed, span = 0, r.spans[slot]
    for k in range(number, stop):
        row = f.requests[_line(f, k), ROW]
        needed = max(needed, 2 * np.int64(f.starts[row + 1]))
        r.figures[ASKED] += 2 * np.int64(f.starts[row + 1] - f.starts[row])
    span[_FIRST], span[_STOP], span[_BYTE], span[_NEEDED], span[_STARTED] = number, stop, first, needed, nanoseconds()
    size = (needed - first + f.unit - 1) // f.unit * f.unit
    start(r.queue, slot, f.read, f.files[first // f.file_bytes], size, first % f.file_bytes)
    r.figures[READS] += 1
    return stop


@kernel
def _complete(f: Fetching, r: Reader, slot: int, count: int) -> int:
    """Bring in what has been read to a slot; return the request that failed, or -1."""
    scratch, span = r.queue.memory[slot], r.spans[slot]
    # Of all reads together, many at once.
    r.figures[NANOSECONDS] += nanoseconds() - span[_STARTED]
    if span[_BYTE] + count < span[_NEEDED]:
        # Over the end of a file, interrupted, or refused: once more, one after the other.
        if not _read(f, scratch, span[_BYTE], span[_NEEDED], r.figures):
            return span[_FIRST]
    else:
        r.figures[BYTES] += count
    for k in range(span[_FIRST], span[_STOP]):
        if not _finish(f, scratch, r.plain, _line(f, k), span[_BYTE] // 2):
            return k
    return -1


@kernel
def _fail(f: Fetching, span: I64, number: int) -> None:
    """Tell that a request could not be brought in, nor what was to be read with it."""
    if number >= GUESS:
        for k in range(number, span[_STOP]):
            publish(f.state, _line(f, k), FAILED)
    elif fetch_add(f.failed, 0, 1) == 0:
        publish(f.failed, 1, number)


@kernel
def _take_batch(f: Fetching, r: Reader, pipe: int, batch: I64) -> int:
    """Take a batch from a pipe; return `_TAKEN`, `_NOTHING` if none is there, or `STOPPED`."""
    if take_number(pipe, r.message) != 8:
        return _NOTHING
    rows = r.message[0] & ((1 << COUNT_BITS) - 1)
    batch[0] = r.message[0] >> COUNT_BITS
    batch[1] = batch[0] if fetch(f.failed, 0) else batch[0] + rows
    return STOPPED if rows == 0 else _TAKEN


@kernel
def _start_all(f: Fetching, r: Reader) -> int:
    """Start the reads that there is room for; return what `_take_batch` did last."""
    status, batch = _TAKEN, r.batch[:2]
    while status == _TAKEN:
        while batch[0] < batch[1] and f.state[_line(f, batch[0])] == READY:
            batch[0] += 1
        if batch[0] == batch[1]:
            status = _take_batch(f, r, f.pipe, batch)
            continue
        slot = slot_free(r.queue)
        if slot < 0:
            break
        batch[0] = _start(f, r, slot, batch[0], batch[1])
    if f.guesses >= 0 and status == _NOTHING:
        _start_guesses(f, r)
    return status


@kernel
def _start_guesses(f: Fetching, r: Reader) -> None:
    """Start reads that no spike has asked for, as long as there are no others."""
    counts, batch = r.queue.counts, r.batch[2:]
    while fetch(counts, UNDERWAY) == fetch(counts, GUESSED) and fetch(counts, GUESSED) < _MOST_GUESSES:
        if batch[0] == batch[1] and _take_batch(f, r, f.guesses, batch) != _TAKEN:
            break
        slot = slot_free(r.queue)
        if slot < 0 or batch[0] == batch[1]:
            break
        fetch_add(counts, GUESSED, 1)
        batch[0] = _start(f, r, slot, batch[0], batch[1])


@kernel
def _bring_in(f: Fetching, r: Reader, ended: int) -> None:
    """Bring in the reads that have ended."""
    for k in range(ended):
        slot = r.queue.events[k, 0]
        number = _complete(f, r, slot, r.queue.events[k, RESULT])
        if number >= 0:
            _fail(f, r.spans[slot], number)
        if f.guesses >= 0 and r.spans[slot, _FIRST] >= GUESS:
            fetch_add(r.queue.counts, GUESSED, -1)
        give_back(r.queue, slot)


@kernel
def turn(f: Fetching, r: Reader, least: int) -> int:
    """Start the reads that there is room for, and bring in what has been read; return what `_take_batch` did last.

    Traffic: a row is read into a slot of the queue, its sum taken from there, and its tail copied to the pool.

    Parameters
    ----------
    least : int
        Wait for so many reads to end, 0 or 1.
    """
    status = _TAKEN
    if lock(r.queue):
        status = _start_all(f, r)
        ended = submit(r.queue)
        unlock(r.queue)
        _bring_in(f, r, ended)
    _bring_in(f, r, collect(r.queue, least))
    return status


@kernel
def serve(f: Fetching, r: Reader) -> None:
    """Take turns until it is over, and sleep while there is nothing to do."""
    status = _TAKEN
    while status != STOPPED:
        status = turn(f, r, 1)
        if status == _NOTHING and fetch(r.queue.counts, UNDERWAY) == 0:
            wait_for(f.pipe)
