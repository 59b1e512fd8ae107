"""Which circuit is the same wherever one looks, however large it is?

Modules of 500 neurons, each neuron with 1,000 synapses inside its own: every row has the same length, the same target
blocks and the same delay groups in a circuit of a million synapses and in one of ten thousand million. Nothing fires
unless it is made to, so activity can be held fixed, or grow with the circuit.
"""

from pathlib import Path

from neurograph.builder import build
from neurograph.circuit import Circuit
from neurograph.distributions import Uniform
from neurograph.executor import state_bytes
from neurograph.models.lif_exp import LIFExp
from neurograph.network import Network
from neurograph.pool import fixed_bytes
from neurograph.row_rules import CommunityOutdegree

MODULE, DEGREE = 500, 1000
# Delays in ms: long, so that no head fits in a small pool, and all sizes have the same, none.
SHORTEST, LONGEST, DT = 1.5, 2.0, 0.1
WEIGHT = 1e-3  # pA: nobody fires because of it


def columns(synapses: int) -> Network:
    """Return the network of about so many synapses, two modules at least."""
    modules = max(2, round(synapses / (MODULE * DEGREE)))
    network = Network(dt=DT)
    neurons = network.population("all", modules * MODULE, LIFExp())
    rule = CommunityOutdegree(DEGREE, communities=modules, inside=True)
    network.connect(neurons, neurons, rule, weight=WEIGHT, delay=Uniform(SHORTEST, LONGEST))
    return network


def columns_in(folder: Path, synapses: int) -> Circuit:
    """Return the circuit in ``folder``; build it if it is not there."""
    path = folder / f"columns-{synapses:.0e}.zarr"
    if not path.exists():
        build(path, columns(synapses), seed=1)
    return Circuit(path)


def budget_for(circuit: Circuit, room: int) -> int:
    """Return a budget that leaves, beside what there is of each neuron and row, ``room`` bytes for rows."""
    return state_bytes(circuit) + fixed_bytes(circuit) + room
