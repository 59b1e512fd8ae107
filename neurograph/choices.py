"""Which of these is meant by a name?"""

from collections.abc import Mapping
from typing import TypeVar

from neurograph_storage.errors import ArgumentError

T = TypeVar("T")


def find(what: str, name: str, choices: Mapping[str, T]) -> T:
    """Return the choice of that name.

    Raises
    ------
    ArgumentError
        If there is none; it says ``what`` was looked for and lists the names there are.
    """
    if name not in choices:
        raise ArgumentError(f"no {what} {name!r}; choose from {', '.join(choices)}")
    return choices[name]
