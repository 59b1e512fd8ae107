"""How does a state variable of some neurons go, over time?

A trace is asked for with `Simulation.record`; the run stops for a moment at each of its times and notes the values.
"""

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray


class Trace:
    """Values of a state variable.

    Attributes
    ----------
    name : str
    neurons : (n,) int64
        Original ids.
    every : int
        Steps from one time to the next; the first is the step at which it was asked for.
    """

    def __init__(self, name: str, neurons: NDArray[np.int64], every: int, first: int, dt: float) -> None:
        self.name, self.neurons, self.every, self._dt = name, neurons, every, dt
        self.following = first
        self._steps: list[int] = []
        self._values: list[NDArray[np.float64]] = []

    def note(self, step: int, values: NDArray[np.float64]) -> None:
        """Note the values before a step, (n,) float64."""
        self._steps.append(step)
        self._values.append(values)
        self.following = step + self.every

    @property
    def times(self) -> NDArray[np.float64]:
        """Times in ms, (times,) float64: those of the steps before which the values were taken."""
        return np.array(self._steps, np.float64) * self._dt

    @property
    def values(self) -> NDArray[np.float64]:
        """Values in user units, (times, n) float64."""
        return np.array(self._values, np.float64).reshape(-1, len(self.neurons))

    def table(self) -> pa.Table:
        """Return ``time_ms``, ``neuron`` and the variable, sorted by (time, place in `neurons`)."""
        times, values = self.times, self.values
        return pa.table(
            {
                "time_ms": np.repeat(times, len(self.neurons)),
                "neuron": np.tile(self.neurons, len(times)),
                self.name: values.reshape(-1),
            }
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write `table` to a Parquet file."""
        pq.write_table(self.table(), path)

    @property
    def steps(self) -> NDArray[np.int64]:
        """The step before which each value was taken, (times,) int64."""
        return np.array(self._steps, np.int64)

    @classmethod
    def restored(
        cls,
        name: str,
        neurons: NDArray[np.int64],
        every: int,
        following: int,
        dt: float,
        steps: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> "Trace":
        """Return a trace as it was."""
        trace = cls(name, neurons, every, following, dt)
        trace._steps, trace._values = steps.tolist(), list(values)
        return trace
