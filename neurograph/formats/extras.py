"""What if a package that few need is not there? One line that says how to get it."""

from importlib import import_module
from typing import Any

from neurograph_storage.errors import ArgumentError


def extra(module: str, name: str) -> Any:
    """Return a module of an optional extra.

    Raises
    ------
    ArgumentError
        If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ArgumentError(f"{module} is not installed: pip install 'neurograph[{name}]' ({error})") from error
