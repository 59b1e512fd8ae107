"""The cortical microcircuit of Potjans and Diesmann 2014, and many of them coupled as areas.

Source: Cereb. Cortex 24:785, Tables 4 and 5; optimised start potentials from INM-6/microcircuit-PD14-model. Synapses of
a projection are fixed in number, sources and targets drawn with replacement. Scaled down by f, in-degrees shrink by f
too; weights grow by 1 / sqrt(f) and a direct current keeps the mean input (van Albada et al. 2015, PLoS Comput.
Biol. 11:e1004490).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph.inputs import PoissonInput
from neurograph.models import LIFExp
from neurograph.network import Network, Population
from neurograph.normals import Normal, TruncatedNormal
from neurograph.row_rules import FixedTotal
from neurograph_storage.errors import ArgumentError

NAMES = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
EXTERNAL_DEGREES = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
# Connection probabilities, target by source.
PROBABILITIES = np.array(
    [
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0],
        [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
    ]
)
# Optimised start potentials, mean and standard deviation in mV.
START = ((-68.28, 5.36), (-63.16, 4.57), (-63.33, 4.74), (-63.45, 4.94), (-63.11, 4.94), (-61.66, 4.55),
         (-66.72, 5.46), (-61.43, 4.48))  # fmt: skip
# Full-scale mean rates in Hz (NEST 3), which the compensation of down-scaling assumes.
RATES = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])

WEIGHT = 87.8085  # pA: a PSP of 0.15 mV
INHIBITION = -4.0
RELATIVE_STD = 0.1
EXTERNAL_RATE = 8.0  # Hz
DELAYS = (1.5, 0.75)  # ms, from excitatory and from inhibitory sources
DELAY_STD = 0.5  # relative

# Between areas: which layers project, with which share.
PROJECTING = {"L23E": 0.60, "L5E": 0.17, "L6E": 0.23}
# Mean rate of the projecting populations, weighted by their shares, at three scales (simulated, one area), in Hz.
PROJECTING_RATES = ((0.1, 0.2, 1.0), (1.672, 1.904, 2.083))
SPACING, LENGTH, SPEED = 8.0, 10.0, 3.5  # mm between areas, mm decay of coupling, mm/ms


def synapse_counts() -> NDArray[np.int64]:
    """Return the synapses of each projection at full scale, (8 targets, 8 sources) int64; 298,880,969 in all."""
    pairs = np.outer(SIZES, SIZES).astype(np.float64)
    exact = np.log1p(-PROBABILITIES) / np.log1p(-1.0 / pairs)
    # Rounded by largest remainder, so that the total is the rounded total: single rounding ends one off.
    counts: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    order = np.argsort((counts - exact).ravel(), kind="stable")
    counts.ravel()[order[: round(exact.sum()) - counts.sum()]] += 1
    return counts


def mean_weights() -> NDArray[np.float64]:
    """Return the mean weight of each projection at full scale, (8 targets, 8 sources) float64, in pA."""
    weights = np.where(np.arange(8) % 2, INHIBITION * WEIGHT, WEIGHT) * np.ones((8, 1))
    weights[NAMES.index("L23E"), NAMES.index("L4E")] *= 2
    return weights


@dataclass(frozen=True)
class _Scaled:
    """What scaling and drive make of the parameters.

    Attributes
    ----------
    scale : float
        Of neurons and of in-degrees.
    poisson_share : float
        Part of the external Poisson rate that remains, the rest being what other areas bring.
    poisson : bool
        False replaces the Poisson drive by its mean, a direct current.
    """

    scale: float
    poisson_share: float
    poisson: bool
    dt: float

    @property
    def gain(self) -> float:
        return 1 / float(np.sqrt(self.scale))

    def current(self, target: int) -> float:
        """Return the direct current of a population, in pA."""
        model = LIFExp()
        indegrees = synapse_counts()[target] / SIZES[target]
        external = EXTERNAL_RATE * EXTERNAL_DEGREES[target] * WEIGHT
        mean = float((indegrees * mean_weights()[target] * RATES).sum() + external)
        lost = (1 - float(np.sqrt(self.scale))) * mean
        driven = 0.0 if self.poisson else float(np.sqrt(self.scale)) * self.poisson_share * external
        return model.tau_syn_ex * (lost + driven) / 1000.0


def microcircuit(*, scale: float = 1.0, drive: str = "poisson", dt: float = 0.1) -> Network:
    """Return the microcircuit: 77,169 neurons and 298,880,969 synapses at full scale.

    Parameters
    ----------
    scale : float
        Above 0, up to 1; of neurons and of in-degrees.
    drive : {"poisson", "dc"}
        The external input, or its mean.
    """
    network = Network(dt=dt)
    _add_area(network, "", _scaled(scale, 1.0, drive, dt))
    network.recipe = {"name": "microcircuit", "scale": scale, "drive": drive}
    return network


def multiarea(
    *, areas: int = 32, scale: float = 1.0, share: float = 0.5, drive: str = "poisson", dt: float = 0.1, seed: int = 0
) -> Network:
    """Return microcircuits side by side, coupled by excitatory synapses with delays of distance over conduction speed.

    Parameters
    ----------
    areas : int
        On a grid of 8 mm; 32 of them at full scale are 2,469,408 neurons and 12.1e9 synapses.
    share : float
        Synapses from other areas as a share of the external in-degree, at most 1; the Poisson drive shrinks so that
        mean and variance of the input stay. One area has none.
    seed : int
        Decides how many synapses come from which area.
    """
    if areas < 1:
        raise ArgumentError(f"areas is {areas}, it must be at least 1")
    if not 0 <= share <= 1:
        raise ArgumentError(f"share is {share}, allowed are 0 to 1; more drives the areas into saturation")
    coupled = share if areas > 1 else 0.0
    # What a synapse from another area brings, against one of the drive's: the sources fire more slowly.
    brought = float(np.interp(scale, *PROJECTING_RATES)) / EXTERNAL_RATE
    scaled = _scaled(scale, 1.0 - coupled * brought, drive, dt)
    network = Network(dt=dt)
    added = [_add_area(network, f"A{a:02d}/" if areas > 1 else "", scaled) for a in range(areas)]
    if coupled:
        _couple(network, added, coupled, scaled, np.random.default_rng(seed))
    network.recipe = {"name": "multiarea", "areas": areas, "scale": scale, "share": share, "drive": drive}
    return network


def area_distances(areas: int) -> NDArray[np.float64]:
    """Return the distance between the centres of any two areas, (areas, areas) float64, in mm."""
    columns = int(np.ceil(np.sqrt(2 * areas)))
    line, column = np.divmod(np.arange(areas), columns)
    distances: NDArray[np.float64] = SPACING * np.hypot(line[:, None] - line, column[:, None] - column)
    return distances


def _scaled(scale: float, poisson_share: float, drive: str, dt: float) -> _Scaled:
    if not 0 < scale <= 1:
        raise ArgumentError(f"scale is {scale}, allowed are values above 0 up to 1")
    if drive not in ("poisson", "dc"):
        raise ArgumentError(f"drive is {drive!r}; choose from poisson, dc")
    return _Scaled(scale, poisson_share, drive == "poisson", dt)


def _add_area(network: Network, prefix: str, scaled: _Scaled) -> list[Population]:
    area = []
    for k, name in enumerate(NAMES):
        model = LIFExp(I_e=scaled.current(k))
        start = {"v": Normal(*START[k])}
        area.append(network.population(prefix + name, round(SIZES[k] * scaled.scale), model, initial=start))
    counts, weights = np.rint(synapse_counts() * scaled.scale**2).astype(int), mean_weights() * scaled.gain
    for t, s in np.argwhere(counts).tolist():
        delay = DELAYS[s % 2]
        network.connect(
            area[s], area[t], FixedTotal(int(counts[t, s])),
            weight=_weight(float(weights[t, s])), delay=Normal(delay, DELAY_STD * delay, low=network.dt),
        )  # fmt: skip
    if scaled.poisson:
        for k, population in enumerate(area):
            rate = scaled.scale * scaled.poisson_share * EXTERNAL_RATE * int(EXTERNAL_DEGREES[k])
            network.drive(population, PoissonInput(rate=rate, weight=WEIGHT * scaled.gain))
    return area


def _weight(mean: float) -> Normal:
    bound = {"low": 0.0} if mean > 0 else {"high": 0.0}
    return Normal(mean, RELATIVE_STD * abs(mean), **bound)


def _couple(
    network: Network, areas: list[list[Population]], share: float, scaled: _Scaled, rng: np.random.Generator
) -> None:
    """Connect all areas: each synapse draws its source area with probability falling off with distance."""
    distances = area_distances(len(areas))
    attraction = np.exp(-distances / LENGTH) * (1 - np.eye(len(areas)))
    attraction /= attraction.sum(axis=1, keepdims=True)
    for a, area in enumerate(areas):
        for t, target in enumerate(area):
            for name, part in PROJECTING.items():
                total = round(scaled.scale**2 * SIZES[t] * share * EXTERNAL_DEGREES[t] * part)
                for b, count in enumerate(rng.multinomial(total, attraction[a]).tolist()):
                    if count:
                        source = areas[b][NAMES.index(name)]
                        _connect_pair(network, source, target, count, float(distances[a, b]), scaled)


def _connect_pair(
    network: Network, source: Population, target: Population, count: int, distance: float, scaled: _Scaled
) -> None:
    mean = distance / SPEED
    # Redrawn outside (dt, 2 x mean): the cut is symmetric, so the mean stays.
    delay = TruncatedNormal(mean, DELAY_STD * mean, low=network.dt, high=2 * mean)
    network.connect(source, target, FixedTotal(count), weight=_weight(WEIGHT * scaled.gain), delay=delay)
