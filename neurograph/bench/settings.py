"""What may a user choose of a suite?"""

import importlib.util
import os
from dataclasses import dataclass
from typing import Any

from neurograph_storage.errors import ArgumentError

# Another Python may run Brian2, whose releases do not follow NumPy's at once.
PEER_PYTHON = "NEUROGRAPH_PEER_PYTHON"
# Peers, and the module that each needs.
PEERS = {"brian2": "brian2", "memmap": "scipy", "nest": "nest", "scipy": "scipy"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes, repetitions and peers; each suite takes from it what it needs.

    Attributes
    ----------
    up_to : int
        Synapses of the largest circuit.
    scale : float
        Of the microcircuit.
    areas : int
        Of the largest multi-area circuit.
    duration : float
        Simulated time of each run, in ms.
    rounds : int
        How often each comparison is made.
    memory : int
        Bytes of a run that is limited.
    circuit : str or None
        A circuit that is there, for suites that take one.
    soak_s : float
        Wall time of the suite ``soak``, in seconds.
    peers : tuple of str
    """

    up_to: int = 10**9
    scale: float = 1.0
    areas: int = 32
    duration: float = 1000.0
    rounds: int = 5
    memory: int = 4 * 2**30
    circuit: str | None = None
    soak_s: float = 3600.0
    peers: tuple[str, ...] = ()

    @staticmethod
    def of(*, peers: str | None = None, **given: Any) -> "Settings":
        """Return settings; peers with commas, or those that are installed.

        Raises
        ------
        ArgumentError
            If a peer is unknown or not installed.
        """
        there = {name for name, module in PEERS.items() if _is_there(name, module)}
        names = sorted(there) if peers is None else [name for name in peers.split(",") if name]
        for name in names:
            if name not in there:
                raise ArgumentError(f"peer {name!r} is not installed; there are {', '.join(sorted(there))}")
        return Settings(peers=tuple(names), **given)


def _is_there(name: str, module: str) -> bool:
    if name == "brian2" and PEER_PYTHON in os.environ:
        return True
    return importlib.util.find_spec(module) is not None
