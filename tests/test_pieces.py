"""Tails are read in as few pieces as there is room for, whether spikes come steadily or in bursts."""

import numpy as np
import pytest

from neurograph.pieces import ASKED, FEWER, Pieces, set_number

Cuts = tuple[list[int], list[int], int]

# Of a tail, half lies within 10 steps, 45 % within 20, the rest within 100; requested 4 steps before.
WORDS, STEPS = 1_000_000, 104


def pieces_after(asked: list[int], segments: int = 100, cuts: Cuts = ([0, 10, 20, 100], [50, 45, 5], 4)) -> list[int]:
    """Return how many pieces a tail is read in after each of some steps, each of which asks for so many words."""
    bounds, words, lookahead = cuts
    pieces, found = Pieces.make(np.array(bounds), np.array(words), lookahead), []
    for step, of_step in enumerate(asked):
        pieces.numbers[ASKED] += of_step
        set_number(pieces, step + 1, WORDS, WORDS // segments)
        found.append(int(pieces.numbers[FEWER]) + 1)
    return found


@pytest.mark.parametrize(("share", "expected"), [(0.5, 1), (2.0, 2), (4.0, 3)])
def test_steady_spikes_are_read_in_as_many_pieces_as_they_need(share: float, expected: int) -> None:
    """``share`` of the pool is what whole tails would take; a third of the largest delay is enough to see it."""
    found = pieces_after([round(share * WORDS / STEPS)] * 300)
    assert set(found[STEPS // 3 :]) == {expected}


@pytest.mark.parametrize("every", [STEPS, 2 * STEPS])
def test_a_burst_that_fits_is_read_whole(every: int) -> None:
    """It asks for more in one step than would fit if it went on."""
    found = pieces_after(([WORDS // 2] + [0] * (every - 1)) * 4)
    assert set(found) == {1}


def test_what_was_believed_is_forgotten_slowly() -> None:
    found = pieces_after([2 * WORDS // STEPS] * 300 + [0] * 1000)
    assert found[300 + STEPS // 2] == 2
    assert found[-1] == 1


def test_windows_that_do_not_divide_the_largest_delay_count_no_more_than_that() -> None:
    """Delays of 8 steps and one before: decided every second step, so eight times would be 16."""
    found = pieces_after([round(0.6 * WORDS / 9)] * 100, cuts=([0, 4, 8], [50, 50], 1))
    assert set(found) == {1}


def test_a_piece_that_leaves_more_unfilled_than_it_saves_is_not_cut() -> None:
    """Of six segments, whole tails would take ten; two pieces need 2.6 and two more, three 1.7 and three more."""
    found = pieces_after([round(10 / 6 * WORDS / STEPS)] * 300, segments=6)
    assert found[-1] == 2
