"""``--models FILE.py``: which of a user's own models does a command know?

A stored circuit names its models; the code of those that are not ours is in a user's file. Running that file defines
them (`neurograph.StepModel`), before the command opens the circuit.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import click


def define_models(file: str) -> None:
    """Run a file that defines models; what it keeps for ``__main__`` is not run.

    Raises
    ------
    ArgumentError
        If it cannot be run, or defines no model.
    """
    from neurograph.models import MODELS
    from neurograph_storage.errors import ArgumentError, NeuroGraphError

    path, before = Path(file), dict(MODELS)
    if not path.is_file() or path.suffix != ".py":
        raise ArgumentError(f"--models {file}: there is no such Python file")
    spec = importlib.util.spec_from_file_location(path.stem, path.absolute())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up; one that the command itself needs must not be replaced.
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except NeuroGraphError:
        raise
    except Exception as error:
        raise ArgumentError(f"--models {file} cannot be run: {type(error).__name__}: {error}") from error
    if before == MODELS:
        raise ArgumentError(f"--models {file} defines no neuron model: a class derived from neurograph.StepModel")


def _define(_context: click.Context, _option: click.Parameter, files: tuple[str, ...]) -> Any:
    for file in files:
        define_models(file)


def models_option() -> click.Option:
    """Return the option, for a command that opens circuits."""
    return click.Option(
        ["--models"],
        multiple=True,
        type=click.Path(),
        metavar="FILE.py",
        expose_value=False,
        callback=_define,
        help="Python file that defines the circuit's own neuron models; may be given several times.",
    )
