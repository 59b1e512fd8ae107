"""What input from outside can a user describe?

Each is a frozen description of what every neuron of a population receives by itself, while a window is open.
`neurograph.noise` draws it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neurograph.models import Model
from neurograph_storage.errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class Window:
    """When an input is on: from ``start`` up to, not including, ``stop``, in ms, and again every ``period`` ms."""

    kind: ClassVar[str]
    receptor: str | None = None
    start: float = 0.0
    stop: float | None = None
    period: float | None = None

    def __post_init__(self) -> None:
        name = type(self).__name__
        window = [self.start, *(edge for edge in (self.stop, self.period) if edge is not None)]
        if not np.isfinite(window).all() or self.start < 0:
            raise ArgumentError(f"{name} has start, stop and period {window} ms; they must be finite, from 0 on")
        if self.period is not None and (self.stop is None or not 0 < self.stop - self.start <= self.period):
            raise ArgumentError(f"{name}.period needs a window, start to stop, that is no longer than it")

    @property
    def nothing(self) -> bool:
        """Whether it never changes anything."""
        raise NotImplementedError

    def input_of(self, model: Model) -> int:
        """Return the number of the model's input that it goes to."""
        return self.default_input(model) if self.receptor is None else model.input_number(self.receptor)

    def default_input(self, model: Model) -> int:
        """Return the number of the input when none is named."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """Return a JSON object that `restore` makes it from."""
        return {"kind": self.kind, **vars(self)}


@dataclass(frozen=True, kw_only=True)
class PoissonInput(Window):
    """Each neuron receives its own Poisson train of events.

    Parameters
    ----------
    rate : float
        Hz, at least 0.
    weight : float
        In the receptor's unit.
    receptor : str or None
        By default the one for the weight's sign.
    start, stop : float
        On from ``start`` up to, not including, ``stop``, in ms; for ever by default.
    period : float or None
        Repeat the window every ``period`` ms.
    """

    kind: ClassVar[str] = "poisson"
    rate: float
    weight: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.rate) and self.rate >= 0):
            raise ArgumentError(f"PoissonInput.rate is {self.rate} Hz, it must be at least 0")
        if not np.isfinite(self.weight):
            raise ArgumentError(f"PoissonInput.weight is {self.weight}, it must be finite")
        super().__post_init__()

    @property
    def nothing(self) -> bool:
        """Whether there are no events."""
        return self.rate == 0

    def default_input(self, model: Model) -> int:
        """Return the receptor for the weight's sign."""
        return model.receptor_of_sign(negative=self.weight < 0)


@dataclass(frozen=True, kw_only=True)
class NoiseCurrent(Window):
    """Each neuron receives its own white noise: in each step a normally distributed value, held for that step.

    What it does to a membrane depends on the step: for the same effect with another dt, ``std`` goes as 1/sqrt(dt)
    (NEST's ``noise_generator`` has it so).

    Parameters
    ----------
    mean, std : float
        In the receptor's unit; ``std`` is at least 0.
    receptor : str or None
        By default the model's current, or the receptor for positive weights of a model that has none.
    start, stop : float
        On from ``start`` up to, not including, ``stop``, in ms; for ever by default.
    period : float or None
        Repeat the window every ``period`` ms.
    """

    kind: ClassVar[str] = "noise"
    mean: float
    std: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and np.isfinite(self.std) and self.std >= 0):
            raise ArgumentError(
                f"NoiseCurrent has mean {self.mean} and std {self.std}; they must be finite, and std at least 0"
            )
        super().__post_init__()

    @property
    def nothing(self) -> bool:
        """Whether it is 0 all the time."""
        return self.mean == 0 and self.std == 0

    def default_input(self, model: Model) -> int:
        """Return the first current, or the receptor for positive weights."""
        return len(model.receptors) if model.currents else model.receptor_of_sign(negative=False)


Input = PoissonInput | NoiseCurrent
_KINDS: dict[str, type[PoissonInput] | type[NoiseCurrent]] = {each.kind: each for each in (PoissonInput, NoiseCurrent)}


def restore(described: dict[str, Any]) -> Input:
    """Return what `Window.describe` wrote; what has no kind was written before there were several, and is Poisson."""
    arguments = dict(described)
    return _KINDS[arguments.pop("kind", PoissonInput.kind)](**arguments)
