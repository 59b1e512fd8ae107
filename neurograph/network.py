"""How does a user describe a circuit?

A `Network` collects populations, projections between them and drives onto them. It holds no synapses (except those
of `Edges`, which the user holds anyway) and draws nothing; `neurograph.builder` turns it into a stored circuit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.distributions import Distribution, LinearInDistance, as_distribution
from neurograph.edges import ListedValues
from neurograph.inputs import Input, PoissonInput
from neurograph.models import Model, PoissonSource
from neurograph.row_rules import AllToAll, Bernoulli, Ends
from neurograph.rules import EdgeRule, RowRule, Rule, check_rule
from neurograph.sheet import DistanceOutdegree
from neurograph_storage.errors import ArgumentError
from neurograph_storage.layout import MAX_NEURONS

Values = float | Distribution | NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Population:
    """Consecutive neurons of one population; a slice of one is again such a range.

    Attributes
    ----------
    name : str
    first, size : int
        Index of the first neuron in the neuron table, and how many there are.
    model : Model
    """

    name: str
    first: int
    size: int
    model: Model

    def __getitem__(self, part: slice) -> "Population":
        start, stop, step = part.indices(self.size)
        if step != 1:
            raise ArgumentError(f"population {self.name!r} can be sliced in steps of 1 only, got {step}")
        return Population(self.name, self.first + start, max(0, stop - start), self.model)


@dataclass(frozen=True)
class Span(Population):
    """Neurons of several populations, one behind the other; the model is that of the first."""

    members: tuple[Population, ...] = ()

    def check_class(self) -> None:
        """Refuse models of several classes, which would have different receptors.

        Raises
        ------
        ArgumentError
        """
        classes = {type(member.model).__name__ for member in self.members}
        if len(classes) > 1:
            raise ArgumentError(f"{self.name} holds models of several classes: {', '.join(sorted(classes))}")


@dataclass(frozen=True)
class Projection:
    """Synapses from one population to another, made by one rule."""

    source: Population
    target: Population
    rule: Rule
    weight: Distribution | LinearInDistance | ListedValues
    delay: Distribution | LinearInDistance | ListedValues
    receptor: str | None

    @property
    def ends(self) -> Ends:
        """Sizes of both sides, and how their places in the neuron table are shifted."""
        return Ends(self.source.size, self.target.size, self.source.first - self.target.first)

    def bounds(self, value: Distribution | LinearInDistance) -> tuple[float, float]:
        """Return the smallest and largest value that a weight or delay of this projection can have."""
        if not isinstance(value, LinearInDistance):
            return value.bounds()
        assert isinstance(self.rule, DistanceOutdegree)
        return value.bounds(self.rule.reach)


@dataclass(frozen=True, eq=False)
class PopulationSetup:
    """A population with its start values and, if the user has any, original ids."""

    population: Population
    initial: Mapping[str, Values]
    ids: NDArray[np.int64] | None


@dataclass
class Network:
    """Populations, projections and drives, to be built.

    Parameters
    ----------
    dt : float
        Step, in ms.

    Attributes
    ----------
    storage_order : (neurons,) int64 or None
        Index of the neuron at each storage id; by default storage order is table order.
    recipe : dict
        Name and parameters of the recipe that made the network, for provenance.
    drive_defaults : dict
        Receptor, weight and refractory time of neurons driven from outside, see `neurograph.presets`.
    """

    dt: float = 0.1
    setups: list[PopulationSetup] = field(default_factory=list, init=False)
    projections: list[Projection] = field(default_factory=list, init=False)
    drives: list[tuple[Population, Input]] = field(default_factory=list, init=False)
    storage_order: NDArray[np.int64] | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict)
    drive_defaults: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.dt) and self.dt > 0):
            raise ArgumentError(f"Network.dt is {self.dt} ms, it must be positive")

    @property
    def size(self) -> int:
        """Number of neurons."""
        return sum(setup.population.size for setup in self.setups)

    def population(
        self,
        name: str,
        size: int,
        model: Model,
        *,
        initial: Mapping[str, Values] | None = None,
        ids: NDArray[np.integer[Any]] | None = None,
    ) -> Population:
        """Add ``size`` neurons of one model.

        Parameters
        ----------
        initial : mapping, optional
            Start value of a state in user units: a number, a distribution, or one value for each neuron.
        ids : (size,) integer, optional
            Original ids; by default 0, 1, 2, ... over all populations, which is also what all must use if one does.
        """
        self._check_population(name, size, model, initial or {}, ids)
        population = Population(name, self.size, size, model)
        original = None if ids is None else np.asarray(ids).astype(np.int64)
        plain = {s: float(v) if isinstance(v, int | float | np.number) else v for s, v in (initial or {}).items()}
        rate = model.event_rate(self.dt) if isinstance(model, PoissonSource) else 0.0
        self.setups.append(PopulationSetup(population, plain, original))
        if rate > 0:
            self.drive(population, PoissonInput(rate=rate, weight=1.0, receptor="fire"))
        return population

    def connect(
        self,
        source: Population,
        target: Population,
        rule: Rule,
        *,
        weight: Values | LinearInDistance | ListedValues,
        delay: Values | LinearInDistance | ListedValues,
        receptor: str | None = None,
    ) -> None:
        """Add a projection.

        Parameters
        ----------
        weight : number, distribution, (synapses,) float or LinearInDistance
            In the receptor's unit; an array goes with a rule that lists its synapses, such as `Edges`, and
            `LinearInDistance` with `DistanceOutdegree`.
        delay : number, distribution, (synapses,) float or LinearInDistance
            In ms; rounded to whole steps, of which there must be at least one.
        receptor : str, optional
            Receptor of the target's model; by default the one for each weight's sign.
        """
        self._own(source, target)
        if isinstance(target, Span):
            target.check_class()
        if receptor is not None:
            target.model.receptor_number(receptor)
        empty = isinstance(rule, RowRule) and target.size == 0 and source.size > 0
        if empty and not isinstance(rule, (AllToAll, Bernoulli)):
            raise ArgumentError(f"population {target.name!r} is empty, so {type(rule).__name__} finds no targets in it")
        weights, delays = self._of_synapses(weight, "weight", rule), self._of_synapses(delay, "delay", rule)
        projection = Projection(source, target, rule, weights, delays, receptor)
        check_rule(rule, projection.ends)
        self.projections.append(projection)

    def drive(self, population: Population, source: Input) -> None:
        """Add input from outside the circuit onto every neuron of a population or of a slice of one."""
        if source.period is not None and round(source.period / self.dt) < 1:
            name = type(source).__name__
            raise ArgumentError(f"{name}.period is {source.period} ms, shorter than one step of {self.dt} ms")
        self._own(population)
        if isinstance(population, Span):
            population.check_class()
        source.input_of(population.model)
        self.drives.append((population, source))

    def span(self, first: Population, last: Population) -> Population:
        """Return all neurons from one population to another, in the order in which they were added.

        Both sides of `connect` take it; as a target its populations must have models of one class.
        """
        stop = last.first + last.size
        inside = [s.population for s in self.setups if s.population.size and first.first <= s.population.first < stop]
        if first.first > last.first:
            raise ArgumentError(f"population {last.name!r} stands before {first.name!r}")
        name = f"{first.name} to {last.name}"
        return first if first == last else Span(name, first.first, stop - first.first, first.model, tuple(inside))

    def _own(self, *populations: Population) -> None:
        """Refuse populations of another network."""
        own = {setup.population.name: setup.population for setup in self.setups}
        for part in populations:
            if isinstance(part, Span):
                self._own(*part.members)
                continue
            whole = own.get(part.name)
            inside = (
                whole is not None and whole.first <= part.first <= part.first + part.size <= whole.first + whole.size
            )
            if not inside or part.model is not own[part.name].model:
                raise ArgumentError(f"population {part.name!r} is not one of this network")

    def _check_population(
        self,
        name: str,
        size: int,
        model: Model,
        initial: Mapping[str, Values],
        ids: NDArray[np.integer[Any]] | None,
    ) -> None:
        if name in [setup.population.name for setup in self.setups]:
            raise ArgumentError(f"there already is a population {name!r}")
        if not 0 <= size <= MAX_NEURONS - self.size:
            raise ArgumentError(f"population {name!r} has size {size}, allowed are 0 to {MAX_NEURONS - self.size}")
        unknown = initial.keys() - set(model.states)
        if unknown:
            raise ArgumentError(f"{type(model).__name__} has no state {unknown}; choose from {', '.join(model.states)}")
        for state, value in initial.items():
            if isinstance(value, np.ndarray):
                _check_finite(value, f"{state} value")
            elif isinstance(value, LinearInDistance):
                raise ArgumentError(f"{state} value is LinearInDistance, which only weights and delays can be")
            else:
                as_distribution(value)
        if ids is not None and (len(ids) != size or not np.issubdtype(np.asarray(ids).dtype, np.integer)):
            raise ArgumentError(f"ids of population {name!r} must be {size} integers")

    @classmethod
    def _of_synapses(
        cls, value: Values | LinearInDistance | ListedValues, what: str, rule: Rule
    ) -> Distribution | LinearInDistance | ListedValues:
        if not isinstance(value, LinearInDistance):
            return cls._values(value, what, listed=isinstance(rule, EdgeRule))
        if not isinstance(rule, DistanceOutdegree):
            raise ArgumentError(
                f"{what} is LinearInDistance, but {type(rule).__name__} knows no distance; use DistanceOutdegree"
            )
        return value

    @staticmethod
    def _values(value: Values | ListedValues, what: str, *, listed: bool) -> Distribution | ListedValues:
        if isinstance(value, ListedValues):
            return value
        if not isinstance(value, np.ndarray):
            return as_distribution(value)
        if not listed:
            raise ArgumentError(f"an array of {what}s needs a rule that lists its synapses, such as Edges")
        _check_finite(value, what)
        return ListedValues.of_array(value)


def _check_finite(values: NDArray[np.floating[Any]], what: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ArgumentError(f"{what}s contain a value that is not finite, at position {wrong[0]}")
