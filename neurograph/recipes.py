"""Which synthetic circuits can be built by name?

`random`, `modular` and `sheet` are 80 % excitatory and 20 % inhibitory `LIFExp` neurons under Poisson drive, dominated
by inhibition and driven by fluctuations: low irregular rates without synchrony. Weights scale with 1 / sqrt(synapses
per neuron), as balance asks for (van Vreeswijk and Sompolinsky 1996, Science 274:1724). Strengths and drive were found
by simulation; between 100 and 8,000 synapses per neuron they give mean rates of 3 to 9 Hz
(docs/decisions/0005-alive-recipes.md).

| recipe | who connects to whom | delays |
|---|---|---|
| `random` | anyone | normal, 1.5 +- 0.75 ms |
| `modular` | 90 % within a module | 1.5 +- 0.5 ms inside, 8 +- 2 ms between |
| `sheet` | neighbours on a periodic sheet | grow with distance |

`microcircuit` and `multiarea` are published models: see `neurograph.cortex`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neurograph.cortex import microcircuit, multiarea
from neurograph.distributions import LinearInDistance
from neurograph.inputs import PoissonInput
from neurograph.models import LIFExp
from neurograph.network import Network, Population
from neurograph.normals import Normal
from neurograph.row_rules import CommunityOutdegree, FixedOutdegree, community_of
from neurograph.sheet import DistanceOutdegree, lattice
from neurograph_storage.errors import ArgumentError

EXCITATORY_SHARE = 0.8
_REFERENCE_DEGREE = 1000
_WEIGHT = 175.6  # pA: a PSP of 0.3 mV, at the reference degree
_INHIBITION = -8.0  # inhibitory weight over excitatory
_RELATIVE_STD = 0.1
_MIN_DELAY = 0.5  # ms; workers meet once in this time
# Few strong events of a neuron's own (PSP 0.9 mV) rather than many weak ones: that keeps firing irregular.
_DRIVE_WEIGHT = 526.8  # pA
_DRIVE_MEAN = 16.0  # mV of mean depolarisation, at the reference degree
_DRIVE_EXPONENT = 0.25
_DRIVE_MIN_DEGREE = 100


def random(*, neurons: int = 10_000, synapses_per_neuron: int = 1_000, dt: float = 0.1) -> Network:
    """Return a network in which every neuron draws its targets from all neurons."""
    network, excitatory, inhibitory = _balanced(neurons, synapses_per_neuron, dt)
    for source, target, degree in _projections(excitatory, inhibitory, synapses_per_neuron):
        network.connect(
            source,
            target,
            FixedOutdegree(degree),
            weight=_weight(source, synapses_per_neuron),
            delay=_delay(1.5, 0.75),
        )
    network.recipe = {"name": "random", "neurons": neurons, "synapses_per_neuron": synapses_per_neuron}
    return network


def modular(
    *,
    neurons: int = 10_000,
    synapses_per_neuron: int = 1_000,
    modules: int | None = None,
    inside: float = 0.9,
    stimulus: float = 0.0,
    dwell: float = 100.0,
    standing: float = 1.0,
    delay: float | None = None,
    delay_std: float = 0.0,
    dt: float = 0.1,
) -> Network:
    """Return a network of planted modules: short delays inside, long between.

    Parameters
    ----------
    modules : int, optional
        By default one for each 5,000 neurons, at least 4.
    inside : float
        Share of a neuron's synapses that stay in its module.
    stimulus : float
        Extra drive of the module whose turn it is, as a share of the standing drive; 0 for none.
    dwell : float
        How long each module's turn lasts, in ms; after the last it is the first one's again.
    standing : float
        Part of the usual drive that all neurons get all the time; below 1 modules are quiet but in their turn.
    delay, delay_std : float, optional
        Mean and spread of all delays, in ms, in place of those above.
    """
    count = max(4, neurons // 5000) if modules is None else modules
    if not 2 <= count <= max(2, neurons // 10):
        raise ArgumentError(f"modules is {count}, allowed are 2 to {max(2, neurons // 10)} for {neurons} neurons")
    if not 0 <= inside <= 1:
        raise ArgumentError(f"inside is {inside}, it is a share from 0 to 1")
    network, excitatory, inhibitory = _balanced(neurons, synapses_per_neuron, dt, standing)
    for source, target, degree in _projections(excitatory, inhibitory, synapses_per_neuron):
        own = round(degree * inside)
        weight = _weight(source, synapses_per_neuron)
        network.connect(
            source,
            target,
            CommunityOutdegree(own, count, True),
            weight=weight,
            delay=_delay(1.5, 0.5) if delay is None else _given(delay, delay_std, dt),
        )
        network.connect(
            source,
            target,
            CommunityOutdegree(degree - own, count, False),
            weight=weight,
            delay=_delay(8.0, 2.0) if delay is None else _given(delay, delay_std, dt),
        )
    if stimulus:
        _wake_in_turn(network, excitatory, count, stimulus, dwell, synapses_per_neuron)
    module = np.concatenate([community_of(np.arange(p.size), p.size, count) for p in (excitatory, inhibitory)])
    network.storage_order = np.argsort(module, kind="stable")
    network.recipe = {
        "name": "modular", "neurons": neurons, "synapses_per_neuron": synapses_per_neuron, "modules": count,
        "inside": inside, "stimulus": stimulus, "dwell": dwell,
        **({"standing": standing} if standing != 1.0 else {}),
        **({"delay": delay, "delay_std": delay_std} if delay is not None else {}),
    }  # fmt: skip
    return network


def sheet(
    *,
    neurons: int = 10_000,
    synapses_per_neuron: int = 1_000,
    extent: float = 4.0,
    sigma: float = 0.3,
    speed: float = 0.3,
    stripes: int = 20,
    stimulus: float = 0.0,
    dwell: float = 100.0,
    standing: float = 1.0,
    delay: float | None = None,
    delay_std: float = 0.0,
    dt: float = 0.1,
) -> Network:
    """Return a network on a periodic sheet, connected to neighbours with delays that grow with distance.

    Parameters
    ----------
    extent, sigma : float
        Side of the sheet and spread of connections, in mm.
    speed : float
        Conduction speed along the sheet, in mm/ms (0.3 is that of unmyelinated horizontal fibres).
    stripes : int
        Into how many stripes the sheet is cut for a stimulus that travels over it.
    stimulus, dwell, standing, delay, delay_std : float
        As for `modular`, stripes in place of modules.
    """
    if stimulus and not 1 <= stripes <= max(1, neurons // 10):
        raise ArgumentError(f"stripes is {stripes}, allowed are 1 to {max(1, neurons // 10)} for {neurons} neurons")
    if not speed > 0:
        raise ArgumentError(f"speed is {speed} mm/ms, it must be positive")
    network, excitatory, inhibitory = _balanced(neurons, synapses_per_neuron, dt, standing)
    if stimulus:
        _wake_in_turn(network, excitatory, stripes, stimulus, dwell, synapses_per_neuron)
    grows = LinearInDistance(base=_MIN_DELAY, slope=1 / speed)
    for source, target, degree in _projections(excitatory, inhibitory, synapses_per_neuron):
        network.connect(
            source, target, DistanceOutdegree(degree, sigma, extent), weight=_weight(source, synapses_per_neuron),
            delay=grows if delay is None else _given(delay, delay_std, dt),
        )  # fmt: skip
    places = [lattice(np.arange(p.size), p.size) for p in (excitatory, inhibitory)]
    x, y = (np.concatenate(axis) for axis in zip(*places, strict=True))
    network.storage_order = np.argsort(_morton(x, y), kind="stable")
    network.recipe = {
        "name": "sheet", "neurons": neurons, "synapses_per_neuron": synapses_per_neuron,
        "extent": extent, "sigma": sigma, "speed": speed,
        **({"stripes": stripes, "stimulus": stimulus, "dwell": dwell} if stimulus else {}),
        **({"standing": standing} if standing != 1.0 else {}),
        **({"delay": delay, "delay_std": delay_std} if delay is not None else {}),
    }  # fmt: skip
    return network


RECIPES: dict[str, Callable[..., Network]] = {
    "random": random,
    "modular": modular,
    "sheet": sheet,
    "microcircuit": microcircuit,
    "multiarea": multiarea,
}


def _balanced(neurons: int, degree: int, dt: float, standing: float = 1.0) -> tuple[Network, Population, Population]:
    if not (np.isfinite(standing) and standing >= 0):
        raise ArgumentError(f"standing is {standing}, it is a part of the drive, from 0 on")
    if neurons < 10 or degree < 1:
        raise ArgumentError(f"neurons is {neurons} and synapses_per_neuron {degree}; at least 10 and 1 are needed")
    network = Network(dt=dt)
    size = round(EXCITATORY_SHARE * neurons)
    start = {"v": Normal(-60.0, 4.0, high=-51.0)}
    excitatory = network.population("E", size, LIFExp(), initial=start)
    inhibitory = network.population("I", neurons - size, LIFExp(), initial=start)
    for population in (excitatory, inhibitory):
        network.drive(population, PoissonInput(rate=standing * _drive_rate(degree), weight=_DRIVE_WEIGHT))
    return network, excitatory, inhibitory


def _strength(degree: int) -> float:
    return _WEIGHT * float(np.sqrt(_REFERENCE_DEGREE / degree))


def _drive_rate(degree: int) -> float:
    relative = max(degree, _DRIVE_MIN_DEGREE) / _REFERENCE_DEGREE
    model = LIFExp()
    millivolts_per_hz = _DRIVE_WEIGHT * model.tau_syn_ex * (model.tau_m / model.C_m) / 1000.0
    return _DRIVE_MEAN * float(relative**_DRIVE_EXPONENT) / millivolts_per_hz


def _projections(e: Population, i: Population, degree: int) -> list[tuple[Population, Population, int]]:
    to_e = round(EXCITATORY_SHARE * degree)
    return [(source, target, share) for source in (e, i) for target, share in ((e, to_e), (i, degree - to_e))]


def _weight(source: Population, degree: int) -> Normal:
    if source.name == "E":
        return Normal(_strength(degree), _RELATIVE_STD * _strength(degree), low=0.0)
    mean = _INHIBITION * _strength(degree)
    return Normal(mean, _RELATIVE_STD * -mean, high=0.0)


def _delay(mean: float, std: float) -> Normal:
    return Normal(mean, std, low=_MIN_DELAY)


def _given(mean: float, std: float, dt: float) -> float | Normal:
    return Normal(mean, std, low=dt) if std else mean


def _wake_in_turn(network: Network, e: Population, modules: int, stimulus: float, dwell: float, degree: int) -> None:
    module = community_of(np.arange(e.size), e.size, modules)
    edges = np.searchsorted(module, np.arange(modules + 1)).tolist()
    for k in range(modules):
        window = PoissonInput(
            rate=stimulus * _drive_rate(degree), weight=_DRIVE_WEIGHT,
            start=k * dwell, stop=(k + 1) * dwell, period=modules * dwell,
        )  # fmt: skip
        network.drive(e[edges[k] : edges[k + 1]], window)


def _morton(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return positions along a Z-shaped curve, so that neighbours on the sheet lie close in storage."""
    cells = 2**10
    code = np.zeros(len(x), np.int64)
    column, line = (x * cells).astype(np.int64), (y * cells).astype(np.int64)
    for bit in range(10):
        code |= (column >> bit & 1) << 2 * bit | (line >> bit & 1) << 2 * bit + 1
    return code
