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

import numpy as np

from neurograph_storage.atomics import fetch, fetch_add, publish
from neurograph_storage.bits import PADDING, get_gamma
from neurograph_storage.cut import ALL_DELAYS, cut, cut_words, row_sum
from neurograph_storage.decompress import get_row
from neurograph_storage.jit import kernel, lend, part
from neurograph_storage.libc import nanoseconds, read_at, take_number, wait_for
from neurograph_storage.queueing import (
    GUESSED,
    RESULT,
    UNDERWAY,
    collect,
    give_back,
    lock,
    slot_free,
    start,
    submit,
    unlock,
)
from neurograph_storage.requests import (
    ASKED,
    AT,
    BYTE,
    BYTES,
    COUNT_BITS,
    FAILED,
    FIRST,
    GUESS,
    HIGH,
    I64,
    LOW,
    NANOSECONDS,
    NEEDED,
    READS,
    READY,
    ROW,
    STARTED,
    STOP,
    U16,
    WAITING,
    WORDS,
    Fetching,
    Reader,
    line_of,
)

# So many reads of guesses are under way at most: what spikes need must not wait long behind them.
_MOST_GUESSES = 48
# What became of taking a batch.
STOPPED, _NOTHING, _TAKEN = range(3)
_TRIES = 3


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
        if not near or stop - first_byte + f.unit > room or f.state[_line(f, following)] != WAITING:
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
    span[FIRST], span[STOP], span[BYTE], span[NEEDED], span[STARTED] = number, stop, first, needed, nanoseconds()
    size = (needed - first + f.unit - 1) // f.unit * f.unit
    start(r.queue, slot, f.read, f.files[first // f.file_bytes], size, first % f.file_bytes)
    r.figures[READS] += 1
    return stop


@kernel
def _complete(f: Fetching, r: Reader, slot: int, count: int) -> int:
    """Bring in what has been read to a slot; return the request that failed, or -1."""
    scratch, span = r.queue.memory[slot], r.spans[slot]
    # Of all reads together, many at once.
    r.figures[NANOSECONDS] += nanoseconds() - span[STARTED]
    if span[BYTE] + count < span[NEEDED]:
        # Over the end of a file, interrupted, or refused: once more, one after the other.
        if not _read(f, scratch, span[BYTE], span[NEEDED], r.figures):
            return span[FIRST]
    else:
        r.figures[BYTES] += count
    for k in range(span[FIRST], span[STOP]):
        if not _finish(f, scratch, r.plain, _line(f, k), span[BYTE] // 2):
            return k
    return -1


@kernel
def _fail(f: Fetching, span: I64, number: int) -> None:
    """Tell that a request could not be brought in, nor what was to be read with it."""
    if number >= GUESS:
        for k in range(number, span[STOP]):
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
        while batch[0] < batch[1] and f.state[_line(f, batch[0])] != WAITING:
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
        if f.guesses >= 0 and r.spans[slot, FIRST] >= GUESS:
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
    f, r = lend((f, r))
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
