"""What must a neuron model say of itself?

1. Its parameters: fields of a frozen dataclass, in user units.
2. Its receptors, the inputs that synapses choose from, each with the unit of its weights.
3. Its state variables, all float64, and how a user's value becomes the stored one.
4. ``constants(dt)``: everything the step needs, computed once, as one float64 vector.
5. Two steps that must agree to the last bit: ``reference_step`` in plain NumPy and ``advance``, a compiled kernel.

The order within a step is fixed for all models: advance from t - 1, threshold, add inputs, reset those that spiked.
Besides its state every neuron has two integers: ``countdown``, the refractory steps that are left, and ``refractory``,
what the countdown is set to by a spike.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurograph_storage.errors import ArgumentError

Floats = NDArray[np.float64]


class Receptor(NamedTuple):
    """An input of a model: its name and the unit of its weights."""

    name: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Model:
    """Base of all neuron models; subclasses add the parameters."""

    receptors: ClassVar[tuple[Receptor, ...]]
    states: ClassVar[tuple[str, ...]]
    #: Compiled step over runs of neurons; see `neurograph.models.lif_exp` for the arguments.
    advance: ClassVar[Callable[..., int]]

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
        inputs : (receptors, n) float64
            Sum of all that arrives at this step, in each receptor's unit.
        """
        raise NotImplementedError

    @classmethod
    def receptor_number(cls, name: str) -> int:
        """Return the number of a receptor.

        Raises
        ------
        ArgumentError
            If the model has no receptor of that name.
        """
        names = [receptor.name for receptor in cls.receptors]
        if name not in names:
            raise ArgumentError(f"{cls.__name__} has no receptor {name!r}; choose from {', '.join(names)}")
        return names.index(name)

    @classmethod
    def receptor_of_sign(cls, *, negative: bool) -> int:
        """Return the receptor that a weight of this sign goes to when none is named."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Return a JSON object: the model's name and its parameters."""
        return {"model": type(self).__name__, "parameters": asdict(self)}

    def _require_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ArgumentError(f"{type(self).__name__}.{name} is {value}, it must be positive")

    def _require_finite(self, *names: str) -> None:
        for name in names:
            if not np.isfinite(getattr(self, name)):
                raise ArgumentError(f"{type(self).__name__}.{name} is {getattr(self, name)}, it must be finite")


def whole_steps(ms: float, dt: float) -> int:
    """Return a time as the nearest whole number of steps; both in ms."""
    return round(ms / dt)
