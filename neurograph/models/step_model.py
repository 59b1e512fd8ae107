"""How does a model come from the step of one neuron, written in plain Python?

A subclass of `StepModel` says what one neuron does in one step, on scalars. From that come

1. the compiled step of a tile: generated source, one loop over the neurons around the compiled step;
2. the plain step: the same function, not compiled, neuron by neuron;
3. the entry in `MODELS`, so that a circuit with such neurons can be opened.

The loop is cached on disk as if it stood in the file in which the step stands: a change to that file or to ours
compiles it again, a change to a function that the step takes from a third file does not. What cannot be cached (steps
typed into a console or notebook, and those that use variables of a function around them) is compiled once a process, in
about half a second.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, dataclass_transform

import numba
import numpy as np
from numpy.typing import NDArray

from neurograph.models.base import TILE, Floats, Integers, Model, at_least, register, tile_of, whole_steps
from neurograph_storage.errors import ArgumentError
from neurograph_storage.jit import CFunction, is_found_again, kernel

# With more states than this, the compiler gives up telling apart the rows of the state; it is then given a copy.
_MOST_ROWS = 3
HELD, DT = "held", "dt"


@dataclass_transform(kw_only_default=True, frozen_default=True)
class StepModel(Model):
    """A neuron model given by the step of one neuron; a subclass is a frozen dataclass without saying so.

    A subclass has

    - annotated fields: its parameters, numbers; one called ``t_ref`` is the refractory time in ms;
    - ``receptors`` and, if it has any, ``currents``: tuples of `Receptor`;
    - ``states``: a tuple of names, and `default_state` if they do not all begin at 0;
    - ``step``, a static method, whose arguments are found by name: states, receptors, currents, parameters, ``dt``
      (ms), ``held`` (whether the neuron is refractory), and what `derived` returns. It returns a tuple: the new states
      in their order and, last, whether the neuron spiked.

    The step is called for every neuron at every step, also while it is refractory: ``held`` is then true for
    ``t_ref / dt`` steps after that of the spike. For speed it should not branch on rare cases, for equality with the
    plain step use `neurograph.exp` for exponentials and ``x * x`` for squares.
    """

    #: What the loop passes to the step besides states and inputs, in this order.
    constant_names: ClassVar[tuple[str, ...]]
    step: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(frozen=True, kw_only=True)(cls)
        cls.constant_names = _constant_names(cls)
        cls.tile = _tile(cls)
        register(cls)

    def __post_init__(self) -> None:
        self._require_finite(*(field.name for field in fields(self)))
        self._require_refractory_time(getattr(self, "t_ref", 0.0))

    def derived(self, dt: float) -> Mapping[str, float]:  # noqa: ARG002 (subclasses use it)
        """Return numbers that the step needs and that are computed once, by name; ``dt`` in ms."""
        return {}

    def constants(self, dt: float) -> Floats:
        """Return what the step takes besides states and inputs, in the order of `constant_names`."""
        known = {field.name: getattr(self, field.name) for field in fields(self)} | {DT: dt} | dict(self.derived(dt))
        missing = [name for name in self.constant_names if name not in known]
        if missing:
            raise ArgumentError(_unknown(type(self), missing[0], known))
        return np.array([known[name] for name in self.constant_names], np.float64)

    def refractory_steps(self, dt: float) -> int:
        """Return ``t_ref`` in steps, 0 for models without."""
        return whole_steps(getattr(self, "t_ref", 0.0), dt)

    def default_state(self) -> dict[str, float]:
        """Return 0 for each state."""
        return dict.fromkeys(self.states, 0.0)

    @classmethod
    def reference_step(
        cls,
        constants: Floats,
        state: Floats,
        countdown: NDArray[np.int32],
        refractory: NDArray[np.int32],
        inputs: Floats,
    ) -> NDArray[np.bool_]:
        """Advance one population, in place, by plain Python; see `Model.reference_step`."""
        wanted, spiking = _arguments(cls), np.zeros(len(countdown), np.bool_)
        of_all = dict(zip(cls.constant_names, constants, strict=True))
        names = [receptor.name for receptor in cls.inputs()]
        for i in range(len(countdown)):
            named = of_all | dict(zip(cls.states, state[:, i], strict=True)) | {HELD: countdown[i] > 0}
            named |= dict(zip(names, inputs[: len(names), i], strict=True))
            with np.errstate(all="ignore"):
                *new, spiked = cls.step(*(named[name] for name in wanted))
            state[:, i], spiking[i] = new, spiked
        countdown[countdown > 0] -= 1
        countdown[spiking] = refractory[spiking]
        return spiking


def _arguments(model: type[StepModel]) -> list[str]:
    return list(inspect.signature(model.step).parameters)


def _constant_names(model: type[StepModel]) -> tuple[str, ...]:
    """Return the arguments of the step that are the same for all neurons.

    Raises
    ------
    ArgumentError
        If the model lacks something, or its step asks for what there is not.
    """
    _check_parts(model)
    by_neuron = {*model.states, *(receptor.name for receptor in model.inputs()), HELD}
    constants = [name for name in _arguments(model) if name not in by_neuron]
    parameters = {DT: 0.0, **{field.name: 0.0 for field in fields(model)}}
    unknown = [name for name in constants if name not in parameters]
    if unknown and model.derived is StepModel.derived:
        raise ArgumentError(_unknown(model, unknown[0], parameters))
    if "t_ref" in parameters and HELD not in _arguments(model):
        raise ArgumentError(f"{model.__name__} has a t_ref, but its step does not ask for held")
    return tuple(constants)


def _check_parts(model: type[StepModel]) -> None:
    """Refuse a model that lacks something, or that calls two things by one name."""
    for name in ("step", "receptors", "states"):
        if not hasattr(model, name):
            raise ArgumentError(f"{model.__name__} has no {name}; a StepModel needs step, receptors and states")
    if not model.receptors:
        raise ArgumentError(f"{model.__name__}.receptors is empty; a neuron needs at least one")
    inputs, parameters = [receptor.name for receptor in model.inputs()], [field.name for field in fields(model)]
    names = [*model.states, *inputs, *parameters, HELD, DT]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ArgumentError(f"{model.__name__} uses the name {twice[0]!r} twice, among states, inputs and parameters")


def _unknown(model: type[StepModel], name: str, known: Mapping[str, float]) -> str:
    inputs = ", ".join(receptor.name for receptor in model.inputs())
    return (
        f"the step of {model.__name__} asks for {name!r}, which is none of its states ({', '.join(model.states)}),"
        f" inputs ({inputs}), parameters and derived numbers ({', '.join(known)}), nor held"
    )


@kernel
def _take_spikes(n: int, fired: Floats, countdown: Integers, refractory: Integers, spikes: Integers) -> int:
    count = at_least(fired[:n], 1.0, spikes)
    for k in range(count):
        countdown[spikes[k]] = refractory[spikes[k]]
    return count


def tile_source(model: type[StepModel], name: str) -> str:
    """Return the source of the step of a tile, a function called ``name``."""
    rows = "rows" if len(model.states) > _MOST_ROWS else "state"
    argument = {state: f"{rows}[{k}, i]" for k, state in enumerate(model.states)}
    argument |= {receptor.name: f"inputs[{k}, i]" for k, receptor in enumerate(model.inputs())}
    argument |= {constant: f"c{k}" for k, constant in enumerate(model.constant_names)} | {HELD: "held"}
    results = [*(f"s{k}" for k in range(len(model.states))), "spiked"]
    lines = [
        "n, c, state, countdown, refractory, inputs, spikes = "
        f"tile_of(block, {len(model.states)}, {len(model.inputs())})",
        *(f"c{k} = c[{k}]" for k in range(len(model.constant_names))),
        *(_copy(len(model.states), "state", rows) if rows != "state" else []),
        "for i in range(n):",
        "    held = countdown[i] > 0",
        f"    ({', '.join(results)},) = step({', '.join(argument[name] for name in _arguments(model))})",
        *(f"    {rows}[{k}, i] = {result}" for k, result in enumerate(results[:-1])),
        "    inputs[0, i] = 1.0 if spiked else 0.0",
        "    countdown[i] -= 1 if held else 0",
        *(_copy(len(model.states), rows, "state")[1:] if rows != "state" else []),
        "return take_spikes(n, inputs[0], countdown, refractory, spikes)",
    ]
    return "\n    ".join([f"def {name}(block):", *lines]) + "\n"


def _copy(rows: int, source: str, target: str) -> list[str]:
    return [
        f"{target} = np.empty(({rows}, TILE))",
        f"for k in range({rows}):",
        "    for i in range(n):",
        f"        {target}[k, i] = {source}[k, i]",
    ]


def _tile(model: type[StepModel]) -> CFunction:
    code = model.step.__code__
    # Numba files what it caches under the file and the name; classes of one name may follow each other in a file.
    name = "_".join(["tile", *re.findall(r"\w+", model.__qualname__), str(code.co_firstlineno)])
    names: dict[str, Any] = {
        "__name__": __name__,
        "TILE": TILE,
        "np": np,
        "step": numba.njit(nogil=True, error_model="numpy", forceinline=True)(model.step),
        "take_spikes": _take_spikes,
        "tile_of": tile_of,
    }
    exec(compile(tile_source(model, name), code.co_filename, "exec"), names)
    in_a_file = Path(code.co_filename).is_file() and is_found_again(model.step)
    return CFunction(names[name], cache=code.co_freevars == () and in_a_file)
