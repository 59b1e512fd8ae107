"""What is asked of those who bring rows in, and with what do they do it?

A table of requests, of which each says what row, and where its words go; `Fetching` holds that and what all readers
share, `Reader` what each has for itself. `neurograph_storage.fetching` says in what order things happen.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.jit import kernel
from neurograph_storage.queueing import Queue, no_queue

U16 = NDArray[np.uint16]
I64 = NDArray[np.int64]

# Columns of the table of requests: row and step of a spike; first steps of the epochs of the spike and of the request;
# where the words go in the pool, and how many there may be; delays wanted, low < delay <= high; the class of delays
# that is requested next; what kind of segment the words lie in.
ROW, STEP, ORIGIN, START, AT, WORDS, LOW, HIGH, NEXT, KIND = range(10)
FIELDS = 10
# States of a request: its words are being brought in; they are there, once those of all requests before are; they
# cannot be brought in; they were there before it was made.
WAITING, READY, FAILED, THERE = range(4)
# Requests of rows that no spike has asked for, *guesses*, have numbers from here on, and lines behind the others'.
GUESS = 2**40
# Positions in a reader's figures, and their number.
BYTES, READS, NANOSECONDS, ASKED = range(4)
FIGURES = 8
# Of a read under way: requests ``first <= r < stop``; the first byte, and the end of those that are needed, of all
# files together; when it began.
FIRST, STOP, BYTE, NEEDED, STARTED = range(5)
SPAN = 5
# A batch in the pipe: its first request x 2^16 + how many; none at all says that it is over.
COUNT_BITS = 16


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
        return Reader(queue, np.zeros((len(queue.busy), SPAN), np.int64), batch, message, plain, figures)

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
