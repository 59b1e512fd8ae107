"""What is a suite made of, and in which order are its parts measured when time is short?

A suite is a list of *parts*. A part is measured as a whole, within one call, since what is compared must be run in
turns; its figures are on the disk before the next part begins. A part that is there already, measured under the same
settings, is not measured again. A part that will not be done in time is left out.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from neurograph.bench.figures import Figure
from neurograph.bench.record import Record
from neurograph.bench.settings import Settings
from neurograph_storage.errors import NeuroGraphError


@dataclass(frozen=True, kw_only=True)
class Part:
    """A comparison, or several that belong together.

    Attributes
    ----------
    name : str
        Names everything that tells this part from others of its suite.
    measure : callable
        Gives the figures.
    uses : tuple of str
        The settings that the figures depend on, besides what the name says.
    kind : str
        How long parts of one kind take is a straight line of their ``size``.
    size : float
    """

    name: str
    measure: Callable[[], Iterator[Figure]]
    uses: tuple[str, ...] = ("rounds", "duration")
    kind: str = ""
    size: float = 1.0

    def settings(self, settings: Settings) -> dict[str, Any]:
        """Return the settings that this part depends on, as they are written."""
        given = asdict(settings)
        return {name: list(given[name]) if isinstance(given[name], tuple) else given[name] for name in self.uses}


class Clock:
    """Says whether there is time for a part, from how long others of its kind took.

    Parameters
    ----------
    seconds : float or None
        There are; None for as many as it takes.
    now : callable
        The time, in seconds.
    """

    def __init__(self, seconds: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._end = now, None if seconds is None else now() + seconds
        self._known: dict[str, list[tuple[float, float]]] = {}

    def took(self, part: Part, seconds: float) -> None:
        """Learn how long a part took."""
        self._known.setdefault(part.kind or part.name, []).append((part.size, seconds))

    def expected(self, part: Part) -> float:
        """Return how long a part should take: along the line through the last two of its kind; 0 if none is known."""
        known = self._known.get(part.kind or part.name, [])
        if len(known) < 2:
            return known[0][1] if known else 0.0
        (size, seconds), (larger, longer) = known[-2:]
        slope = (longer - seconds) / (larger - size) if larger != size else 0.0
        return longer + max(0.0, slope) * (part.size - larger)

    def has_time(self, part: Part) -> bool:
        """Return whether a part would be done in time; one of which nothing is known may begin while there is any."""
        return self._end is None or self._now() + self.expected(part) < self._end


def go_through(
    parts: list[Part],
    record: Record,
    settings: Settings,
    clock: Clock,
    tell: Callable[[Figure], object],
    say: Callable[[str], object],
) -> None:
    """Measure all parts that are not recorded yet and fit in the time, and say what was left out.

    Parameters
    ----------
    tell : callable
        Gets each figure as it comes.
    say : callable
        Gets what was not measured, and why.
    """
    for part in parts:
        given = part.settings(settings)
        if record.holds(part.name, given):
            say(f"{part.name}: there already; --fresh measures it again")
            clock.took(part, record.seconds(part.name))
        elif not clock.has_time(part):
            say(f"{part.name}: left out, it would not be done in time")
        else:
            _measure(part, record, given, clock, tell, say)


def _measure(
    part: Part,
    record: Record,
    given: dict[str, Any],
    clock: Clock,
    tell: Callable[[Figure], object],
    say: Callable[[str], object],
) -> None:
    began = time.monotonic()
    record.begin(part.name, given)
    try:
        for figure in part.measure():
            record.add(part.name, figure)
            tell(figure)
    except NeuroGraphError as error:
        # One part that cannot be measured here must not cost the others.
        record.fail(part.name, str(error))
        say(f"{part.name}: failed: {error}")
        return
    seconds = time.monotonic() - began
    record.finish(part.name, seconds)
    clock.took(part, seconds)
