"""What segments are said to have room for is there, and requests reach their readers however many they are."""

import os

import numpy as np

from neurograph.segments import FREE, GONE, KEPT, LARGE, SMALL, Segments, room_large, shrink, take, there_are
from neurograph.tails import REQUESTED, SENT, Tails, send
from neurograph_storage.requests import COUNT_BITS, FIELDS, WAITING, WORDS

SIZE = 100


def filled(count: int, **kinds: int) -> Segments:
    """Return so many segments, of which some are full of what is kept, of large, and of small pieces."""
    segments = Segments.make(0, count * SIZE, SIZE)
    for kind, number in zip((KEPT, LARGE, SMALL), (kinds.get(k, 0) for k in ("kept", "large", "small")), strict=True):
        for _ in range(number):
            take(segments, kind, 1, SIZE, 0)
    return segments


def test_large_pieces_are_not_promised_what_small_ones_hold() -> None:
    segments = filled(16, kept=6, large=5, small=5)
    segments.room[1] = 2
    assert segments.counts[FREE] == 0
    assert room_large(segments, 1, SIZE) == 0


def test_segments_that_are_owed_are_counted_no_more() -> None:
    segments = filled(16, kept=14)
    given = shrink(segments, 6)
    assert len(given) == segments.counts[GONE] == 2
    assert there_are(segments) == 10


def test_requests_for_all_of_a_large_pool_fit_in_the_pipe() -> None:
    """Nobody reads while they are sent: with one worker, who would?"""
    number, words = 2**17, 12_000
    end, pipe = os.pipe()
    os.set_blocking(pipe, False)
    os.set_blocking(end, False)
    requests, state = np.zeros((number, FIELDS), np.int64), np.full(number, WAITING, np.int64)
    requests[:, WORDS] = words
    counters, message = np.zeros_like(Tails.none().counters, shape=24), np.zeros(1, np.int64)
    # Memory that is never touched is none.
    pool = np.empty(number * words, np.uint16)
    tails = Tails.none()._replace(
        slots=number, pipe=pipe, pool=pool, requests=requests, state=state, counters=counters, message=message
    )
    counters[REQUESTED] = number
    send(tails, number)
    batches = np.frombuffer(os.read(end, 2**20), np.int64)
    os.close(end)
    os.close(pipe)
    assert counters[SENT] == number
    assert (batches & 2**COUNT_BITS - 1).sum() == number
