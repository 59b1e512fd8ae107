"""Where do neurons lie on a sheet, and whom do they reach there?

Each population lies on a square lattice of its own, over the whole of a square sheet whose opposite edges meet.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurograph.row_rules import Ends, Indices, check_degree
from neurograph_storage.errors import ArgumentError


@dataclass(frozen=True)
class DistanceOutdegree:
    """Each source draws ``degree`` targets around its own place on a square, periodic sheet.

    Weights and delays may be `neurograph.distributions.LinearInDistance`. Where multapses or autapses are forbidden, a
    target that cannot be is drawn again.

    Parameters
    ----------
    sigma : float
        Standard deviation of the displacement in each direction, in mm.
    extent : float
        Side of the sheet, in mm.
    multapses : bool
        Whether a source may have several synapses to one target.
    autapses : bool
        Whether a neuron may connect to itself.
    """

    degree: int
    sigma: float
    extent: float
    multapses: bool = True
    autapses: bool = True

    def __post_init__(self) -> None:
        check_degree(self, self.degree)
        if not 0 < self.sigma < self.extent < np.inf:
            raise ArgumentError(
                f"DistanceOutdegree.sigma is {self.sigma} mm, it must lie in 0 to extent {self.extent} mm"
            )

    @property
    def reach(self) -> float:
        """Largest distance on the sheet, in mm: half a side in each direction."""
        return self.extent * float(np.sqrt(0.5))


def check_neighbours(rule: DistanceOutdegree, ends: Ends) -> None:
    """Refuse to draw again and again.

    With at most half of the neurons within two sigma taken, even if they are the nearest ones, more than a third of all
    draws still find a free one.

    Raises
    ------
    ArgumentError
    """
    needed = 0 if rule.multapses else rule.degree
    if rule.degree and not rule.autapses and ends.overlap():
        needed = max(needed, 1)
    near = ends.targets * min(1.0, np.pi * (2 * rule.sigma / rule.extent) ** 2)
    if ends.sources and needed > near / 2:
        raise ArgumentError(
            f"DistanceOutdegree.degree is {rule.degree}, and {near:.3g} neurons lie within 2 sigma of a source; "
            f"without {'autapses' if rule.multapses else 'multapses'} there must be at least {2 * needed}"
        )


def lattice_side(size: int) -> int:
    """Return the neurons in one line of a square lattice of ``size``."""
    return max(1, int(np.ceil(np.sqrt(size))))


def lattice(indices: Indices, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the place (x, y) of each neuron of a population that covers the unit square, each (n,) float64."""
    side = lattice_side(size)
    lines = -(-size // side)
    return (indices % side + 0.5) / side, (indices // side + 0.5) / lines
