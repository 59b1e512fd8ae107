"""How is a current injected? Step by step: what it is in a step is an event of that step on the input ``current``."""

from typing import Any

import numpy as np
from pyNN.parameters import ParameterSpace, Sequence
from pyNN.random import NumpyRNG
from pyNN.standardmodels import build_translations, electrodes

import neurograph.pynn.simulator as simulator


class _Electrode:
    """What all sources of current share; `current_at` says what it is at a time."""

    default_parameters: dict[str, Any]

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)
        self._values: dict[str, Any] = {}
        self.cells: list[int] = []
        self.trace: list[float] | None = None
        space = ParameterSpace(self.default_parameters, self.get_schema(), shape=(1,))  # type: ignore[attr-defined]
        space.update(**parameters)
        self.set_native_parameters(self.translate(space))  # type: ignore[attr-defined]
        simulator.state.electrodes.append(self)

    def set_native_parameters(self, parameters: Any) -> None:
        """Take new values; they hold from the next step on."""
        parameters.evaluate(simplify=True)
        for name, value in parameters.items():
            self._values[name] = value.value if isinstance(value, Sequence) else value

    def get_native_parameters(self) -> Any:
        """Return the values."""
        return ParameterSpace(self._values)

    def record(self) -> None:
        """Keep the current of every step from now on."""
        self.trace = []

    def _get_data(self) -> tuple[Any, Any]:
        """Return times (ms), one for the beginning of each step and one for the end, and the current in nA."""
        trace = self.trace or [0.0]
        values = np.array([*trace, trace[-1]])
        return np.arange(len(values)) * simulator.state.dt, values

    def inject_into(self, cells: Any) -> None:
        """Inject into all of some cells."""
        for cell in cells:
            if not cell.celltype.injectable:
                raise TypeError("Can't inject current into a spike source.")
            self.cells.append(int(cell))

    def current_at(self, time: float) -> float:
        """Return the current in the step that begins at a time (ms), in nA."""
        raise NotImplementedError

    def _inside(self, time: float) -> bool:
        """Return whether a time is between start and stop, but for what floats add."""
        return bool(self._values["start"] <= time + 1e-9 and time + 1e-9 < self._values["stop"])


def _same(source: Any) -> Any:
    return build_translations(*((name, name) for name in source.default_parameters))


class DCSource(_Electrode, electrodes.DCSource):
    """A constant current between two times."""

    translations = _same(electrodes.DCSource)

    def current_at(self, time: float) -> float:
        """See `_Electrode`."""
        return float(self._values["amplitude"]) if self._inside(time) else 0.0


class StepCurrentSource(_Electrode, electrodes.StepCurrentSource):
    """A current that changes at given times."""

    translations = _same(electrodes.StepCurrentSource)

    def set_native_parameters(self, parameters: Any) -> None:
        """Take new values; times are rounded to steps, and of several in one step the last one counts."""
        super().set_native_parameters(parameters)
        times, amplitudes = (np.asarray(self._values[name], float) for name in ("times", "amplitudes"))
        if len(times) and (times.min() < 0 or (np.diff(times) < 0).any()):
            raise ValueError("times of a StepCurrentSource must rise, from 0 on")
        steps = np.round(times / simulator.state.dt)
        last = np.append(np.diff(steps) > 0, True)[: len(steps)]
        self._values["times"] = np.round(steps[last] * simulator.state.dt, 9)
        self._values["amplitudes"] = amplitudes[last]

    def current_at(self, time: float) -> float:
        """See `_Electrode`."""
        place = int(np.searchsorted(np.asarray(self._values["times"]), time + 1e-9, side="right")) - 1
        return float(self._values["amplitudes"][place]) if place >= 0 else 0.0


class ACSource(_Electrode, electrodes.ACSource):
    """A sine between two times."""

    translations = _same(electrodes.ACSource)

    def current_at(self, time: float) -> float:
        """See `_Electrode`."""
        if not self._inside(time):
            return 0.0
        values = self._values
        angle = 2 * np.pi * values["frequency"] * (time - values["start"]) / 1000.0 + np.deg2rad(values["phase"])
        return float(values["offset"] + values["amplitude"] * np.sin(angle))


class NoisyCurrentSource(_Electrode, electrodes.NoisyCurrentSource):
    """White noise between two times, a new value every ``dt``; all its cells get the same."""

    translations = _same(electrodes.NoisyCurrentSource)

    def __init__(self, **parameters: Any) -> None:
        rng = parameters.pop("rng", None)
        super().__init__(**parameters)
        self._rng = rng or NumpyRNG(seed=1)
        self._slot, self._value = -1, 0.0

    def current_at(self, time: float) -> float:
        """See `_Electrode`."""
        if not self._inside(time):
            return 0.0
        slot = int((time - self._values["start"] + 1e-9) / max(self._values["dt"], simulator.state.dt))
        if slot != self._slot:
            draw = self._rng.next(1, "normal", {"mu": self._values["mean"], "sigma": self._values["stdev"]})
            self._slot, self._value = slot, float(np.ravel(draw)[0])
        return self._value
