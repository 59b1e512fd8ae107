"""What must a neuron model say of itself?

1. Its parameters: fields of a frozen dataclass, in user units.
2. Its receptors, the inputs that synapses choose from, each with the unit of its weights; and its currents, inputs for
   drives and events only, which act for the one step in which they are given.
3. Its state variables, all float64, and how a user's value becomes the stored one.
4. ``constants(dt)``: everything the step needs, computed once, as one float64 vector.
5. Two steps that must agree to the last bit: ``reference_step`` in plain NumPy and ``tile``, compiled.

A step advances the state from t - 1, adds the inputs of t, and finds and resets those that spike. Whether an input can
cause a spike in the step in which it arrives is the model's own affair: see `docs/models.md`.
Besides its state every neuron has two integers: ``countdown``, the refractory steps that are left, and ``refractory``,
what the countdown is set to by a spike.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba import carray  # type: ignore[attr-defined, unused-ignore]
from numpy.typing import NDArray

from neurograph_storage.atomics import pointer
from neurograph_storage.errors import ArgumentError
from neurograph_storage.jit import CFunction, kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]

# A tile is this many neurons at most: all that belongs to them fits in the first-level cache.
TILE = 1024

# Positions in the block that describes a tile: how many neurons and constants, how far apart the rows of the states
# lie, and where everything begins.
NEURONS, CONSTANTS, STRIDE, AT_CONSTANTS, AT_STATE, AT_COUNTDOWN, AT_REFRACTORY, AT_INPUTS, AT_SPIKES = range(9)
BLOCK = 9

Tile = tuple[int, Floats, Floats, Integers, Integers, Floats, Integers]


@kernel
def tile_of(block: Any, states: int, rows: int) -> Tile:
    """Return what a block describes, in the order in which a model's step takes it.

    Returns
    -------
    n : int
    constants : (k,) float64
    state : (states, at least n) float64
    countdown, refractory : (n,) int32
    inputs : (rows, TILE) float64
        Sum of all that arrives at this step, in each receptor's unit, then the currents; the step may write over it.
    spikes : (TILE,) int32
        Where the step writes which neurons of the tile spiked, rising.
    """
    b = carray(block, (BLOCK,))
    n = b[NEURONS]
    return (
        n,
        carray(pointer(b[AT_CONSTANTS]), (b[CONSTANTS],), np.float64),
        carray(pointer(b[AT_STATE]), (states, b[STRIDE]), np.float64),
        carray(pointer(b[AT_COUNTDOWN]), (n,), np.int32),
        carray(pointer(b[AT_REFRACTORY]), (n,), np.int32),
        carray(pointer(b[AT_INPUTS]), (rows, TILE), np.float64),
        carray(pointer(b[AT_SPIKES]), (TILE,), np.int32),
    )


@kernel
def at_least(values: Floats, threshold: float, found: Integers) -> int:
    """Write which ``values`` reach the threshold to ``found``, rising, and return how many.

    ``found`` has room for all, and for a multiple of eight. Each value's mark, a byte, lies in its last quarter: place
    k is written when mark k, at the latest, has been read.
    """
    n, count = len(values), 0
    marks = found.view(np.int8)[3 * len(found) :]
    words = marks.view(np.int64)
    for i in range(n):
        marks[i] = np.int8(values[i] >= threshold)
    # Spikes are rare: most words are 0, and the loop above is one that the compiler vectorises. What lies behind the
    # last mark is of another tile, and not looked at.
    for word in range((n + 7) // 8):
        if words[word] != 0:
            for i in range(8 * word, min(8 * word + 8, n)):
                if marks[i]:
                    found[count] = i
                    count += 1
    return count


class Receptor(NamedTuple):
    """An input of a model: its name and the unit of its weights."""

    name: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Model:
    """Base of all neuron models; subclasses add the parameters."""

    receptors: ClassVar[tuple[Receptor, ...]]
    #: Inputs that drives and events reach, but no synapses.
    currents: ClassVar[tuple[Receptor, ...]] = ()
    states: ClassVar[tuple[str, ...]]
    #: Compiled step of a tile of neurons of one population: takes a block (see `tile_of`), returns how many spiked.
    tile: ClassVar[CFunction]

    def constants(self, dt: float) -> Floats:
        """Return what the step needs, (k,) float64; ``dt`` in ms."""
        raise NotImplementedError

    def refractory_steps(self, dt: float) -> int:
        """Return the value that a spike sets the countdown to; ``dt`` in ms."""
        raise NotImplementedError

    def default_state(self) -> dict[str, float]:
        """Return the start value of each state, in user units."""
        raise NotImplementedError

    def to_stored(self, state: str, value: Floats) -> Floats:  # noqa: ARG002 (subclasses use it)
        """Return stored values for values in user units."""
        return value

    def to_user(self, state: str, value: Floats) -> Floats:  # noqa: ARG002
        """Return values in user units for stored values."""
        return value

    @staticmethod
    def reference_step(
        constants: Floats,
        state: Floats,
        countdown: NDArray[np.int32],
        refractory: NDArray[np.int32],
        inputs: Floats,
    ) -> NDArray[np.bool_]:
        """Advance all neurons of one population by one step, in place, and return who spiked.

        Parameters
        ----------
        state : (states, n) float64
        countdown, refractory : (n,) int32
        inputs : (at least receptors + currents, n) float64
            Sum of all that arrives at this step, in each receptor's unit, then the currents.
        """
        raise NotImplementedError

    @classmethod
    def inputs(cls) -> tuple[Receptor, ...]:
        """Return all inputs: the receptors, then the currents."""
        return cls.receptors + cls.currents

    @classmethod
    def receptor_number(cls, name: str) -> int:
        """Return the number of a receptor.

        Raises
        ------
        ArgumentError
            If the model has no receptor of that name.
        """
        return cls._number(name, cls.receptors)

    @classmethod
    def input_number(cls, name: str) -> int:
        """Return the number of an input, which may also be a current: for drives and events from outside.

        Raises
        ------
        ArgumentError
            If the model has no input of that name.
        """
        return cls._number(name, cls.inputs())

    @classmethod
    def _number(cls, name: str, inputs: tuple[Receptor, ...]) -> int:
        names = [receptor.name for receptor in inputs]
        if name in names:
            return names.index(name)
        current = " for synapses, it is a current" if name in [c.name for c in cls.currents] else ""
        raise ArgumentError(f"{cls.__name__} has no receptor {name!r}{current}; choose from {', '.join(names)}")

    @classmethod
    def receptor_of_sign(cls, *, negative: bool) -> int:
        """Return the receptor that a weight of this sign goes to when none is named.

        The second for negative weights and the first for all others, or the only one there is.
        """
        return int(negative and len(cls.receptors) > 1)

    def describe(self) -> dict[str, Any]:
        """Return a JSON object: the model's name and its parameters."""
        return {"model": type(self).__name__, "parameters": asdict(self)}

    def _require_refractory_time(self, t_ref: float) -> None:
        if not (np.isfinite(t_ref) and t_ref >= 0):
            raise ArgumentError(f"{type(self).__name__}.t_ref is {t_ref}, it must be at least 0 ms")

    def _require_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ArgumentError(f"{type(self).__name__}.{name} is {value}, it must be positive")

    def _require_below(self, low: str, high: str) -> None:
        if getattr(self, low) >= getattr(self, high):
            what, most = f"{type(self).__name__}.{low} is {getattr(self, low)}", f"{high} {getattr(self, high)}"
            raise ArgumentError(f"{what}, it must be below {most}")

    def _require_finite(self, *names: str) -> None:
        for name in names:
            if not np.isfinite(getattr(self, name)):
                raise ArgumentError(f"{type(self).__name__}.{name} is {getattr(self, name)}, it must be finite")


#: All models there are, by name: a stored circuit names its models.
MODELS: dict[str, type[Model]] = {}


def register(model: type[Model]) -> None:
    """Make a model known by its name; a later one replaces one of the same name, but not one of ours.

    Raises
    ------
    ArgumentError
        If the name is that of a built-in model.
    """
    known, ours = MODELS.get(model.__name__), f"{__package__}."
    if known is not None and known.__module__.startswith(ours) and known.__module__ != model.__module__:
        raise ArgumentError(f"there is a built-in model {model.__name__!r}; give your own another name")
    MODELS[model.__name__] = model


def whole_steps(ms: float, dt: float) -> int:
    """Return a time as the nearest whole number of steps; both in ms."""
    return round(ms / dt)
