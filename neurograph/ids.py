"""Where does each wanted id stand in a list of ids?"""

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def find_ids(wanted: Ids, ids: Ids, order: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Return the position of each wanted id, and which were not found (their position means nothing).

    Parameters
    ----------
    wanted : (n,) int64
    ids : (m,) int64
        Unique, in any order.
    order : (m,) int64
        ``np.argsort(ids)``.
    """
    if len(ids) == 0:
        return np.zeros(len(wanted), np.int64), np.ones(len(wanted), np.bool_)
    place = np.searchsorted(ids, wanted, sorter=order)
    position: Ids = order[np.minimum(place, len(ids) - 1)]
    return position, ids[position] != wanted
