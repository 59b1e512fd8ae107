"""How are many reads under way at once, with few calls?

A *queue* has slots, each with a piece of memory to read into. Where the system has asynchronous reads (Linux:
io_submit, io_getevents), all slots are given to it in one call, and one call brings what has ended: half the processor
time of as many threads that wait for one read each, and the disk sees more of them. Elsewhere a queue has one slot, and
to start a read is to make it.
"""

import ctypes
import mmap
import platform
import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.atomics import fetch, fetch_add, publish
from neurograph_storage.jit import kernel
from neurograph_storage.libc import call_system, read_at

U16 = NDArray[np.uint16]
I64 = NDArray[np.int64]

PAGE = 4096
# Numbers of the system's calls: io_setup, io_destroy, io_getevents, io_submit.
_CALLS = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
_SETUP, _DESTROY, _COLLECT, _SUBMIT = range(4)
# Words of a control block, and those that are set: slot, file (above the code of a read, 0), memory, bytes, place.
_BLOCK, _SLOT, _FILE, _MEMORY, _BYTES, _PLACE = 8, 0, 2, 3, 4, 5
# Words of an event: slot, block, result.
_EVENT, RESULT = 4, 2
# Positions in `counts`, a cache line apart.
STARTED, UNDERWAY, _LOCK, GUESSED = 0, 8, 16, 24
# One call brings so many reads that have ended: others may be waiting for some to bring in as well.
_MOST_EVENTS = 4


class Queue(NamedTuple):
    """Slots, which any thread may use: who has the lock starts reads, and whoever asks first gets what has ended.

    Attributes
    ----------
    context : int
        The system's, or 0.
    collect, submit : int
        Numbers of calls.
    memory : (slots, words) uint16
        Each slot's begins on a page.
    blocks : (slots, 8) int64
        See io_submit(2).
    addresses : (slots,) int64
        Of the blocks that have been started but not submitted.
    busy : (slots,) int64
        Whether a slot is in use.
    counts : (32,) int64
        Slots started, not submitted; slots in use; who holds or wants the lock; slots in use for guesses.
    events : (slots, 4) int64
        Each thread has its own.
    """

    context: int
    collect: int
    submit: int
    memory: U16
    blocks: I64
    addresses: I64
    busy: I64
    counts: I64
    events: I64

    def of_thread(self) -> "Queue":
        """Return the same queue for another thread."""
        return self._replace(events=np.zeros_like(self.events))


def no_queue() -> Queue:
    """Return a queue that is never used."""
    empty, table = np.empty(0, np.int64), np.empty((0, 0), np.int64)
    return Queue(0, 0, 0, np.empty((0, 0), np.uint16), table, empty, empty, empty, table)


def can_queue() -> bool:
    """Return whether the system has asynchronous reads."""
    context = _set_up(1)
    if context:
        _tear_down(context)
    return context != 0


def open_queue(slots: int, words: int) -> Queue:
    """Return a queue with room for ``words`` words in each slot; with one slot where reads are not asynchronous."""
    context = _set_up(slots) if slots > 1 else 0
    slots, words = slots if context else 1, -(-words * 2 // PAGE) * PAGE // 2
    memory = np.frombuffer(mmap.mmap(-1, max(PAGE, 2 * slots * words)), np.uint16)[: slots * words]
    calls = _CALLS.get(platform.machine(), (0, 0, 0, 0))
    return Queue(
        context, calls[_COLLECT], calls[_SUBMIT], memory.reshape(slots, words),
        np.zeros((slots, _BLOCK), np.int64), np.zeros(slots, np.int64), np.zeros(slots, np.int64),
        np.zeros(GUESSED + 8, np.int64), np.zeros((slots, _EVENT), np.int64),
    )  # fmt: skip


def close_queue(queue: Queue) -> None:
    """Give back what the system holds; no read may be under way."""
    if queue.context:
        _tear_down(queue.context)


@kernel
def lock(q: Queue) -> bool:
    """Return whether this thread may start reads now; if so it must `unlock`."""
    if fetch_add(q.counts, _LOCK, 1) == 0:
        return True
    fetch_add(q.counts, _LOCK, -1)
    return False


@kernel
def unlock(q: Queue) -> None:
    """Let others start reads."""
    fetch_add(q.counts, _LOCK, -1)


@kernel
def slot_free(q: Queue) -> int:
    """Return a slot that is free, or -1; for who has the lock."""
    slots = len(q.busy)
    if fetch(q.counts, UNDERWAY) < slots:
        for slot in range(slots):
            if fetch(q.busy, slot) == 0:
                return slot
    return -1


@kernel
def start(q: Queue, slot: int, read: int, file: int, size: int, offset: int) -> None:
    """Start a read into a free slot; for who has the lock.

    Parameters
    ----------
    read : int
        Address of ``pread``, for a queue without a context.
    """
    q.busy[slot] = 1
    fetch_add(q.counts, UNDERWAY, 1)
    if q.context == 0:
        q.events[0, 0] = slot
        q.events[0, RESULT] = read_at(read, file, q.memory, 0, size, offset)
    else:
        block = q.blocks[slot]
        block[_SLOT], block[_FILE], block[_MEMORY] = slot, file << 32, q.memory[slot].ctypes.data
        block[_BYTES], block[_PLACE] = size, offset
        q.addresses[q.counts[STARTED]] = q.blocks[slot].ctypes.data
    q.counts[STARTED] += 1


@kernel
def submit(q: Queue) -> int:
    """Give what has been started to the system; for who has the lock.

    Returns
    -------
    int
        How many have ended already; see `collect`. What the system does not take has ended with nothing.
    """
    taken, started = 0, q.counts[STARTED]
    q.counts[STARTED] = 0
    if q.context == 0:
        return started
    while taken < started:
        count = call_system(q.submit, q.context, started - taken, q.addresses[taken:].ctypes.data, 0, 0)
        if count <= 0:
            break
        taken += count
    for k in range(started - taken):
        q.events[k, 0] = (q.addresses[taken + k] - q.blocks.ctypes.data) // (8 * _BLOCK)
        q.events[k, RESULT] = -1
    return started - taken


@kernel
def collect(q: Queue, least: int) -> int:
    """Return how many reads have ended; slot and result, in bytes, are the columns 0 and `RESULT` of ``events``.

    Parameters
    ----------
    least : int
        Wait for so many, 0 or 1.
    """
    if q.context == 0 or fetch(q.counts, UNDERWAY) == 0:
        return 0
    most = min(len(q.events), _MOST_EVENTS)
    return max(0, call_system(q.collect, q.context, least, most, q.events.ctypes.data, 0))


@kernel
def give_back(q: Queue, slot: int) -> None:
    """Free a slot whose read has ended."""
    publish(q.busy, slot, 0)
    fetch_add(q.counts, UNDERWAY, -1)


def _call(number: int, *arguments: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *arguments))


def _set_up(slots: int) -> int:
    """Return a context for so many reads, or 0."""
    calls, context = _CALLS.get(platform.machine()), ctypes.c_ulong(0)
    if sys.platform != "linux" or calls is None:
        return 0
    return 0 if _call(calls[_SETUP], slots, ctypes.byref(context)) else int(context.value)


def _tear_down(context: int) -> None:
    _call(_CALLS[platform.machine()][_DESTROY], ctypes.c_ulong(context))
