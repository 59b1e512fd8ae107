"""How much slower or faster is this machine's processor than that of the plan's constants?

One small circuit is built and run, and its time compared with its plan.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

from neurograph.builder import build
from neurograph.planning import Demand, Machine, plan
from neurograph.recipes import random
from neurograph.simulation import Simulation

NEURONS, SYNAPSES, DURATION = 20_000, 500, 300.0


def calibrated(machine: Machine) -> Machine:
    """Return a machine with the slowness that was measured here, in some seconds."""
    with tempfile.TemporaryDirectory(prefix="neurograph-plan-") as folder:
        circuit = build(Path(folder) / "c.zarr", random(neurons=NEURONS, synapses_per_neuron=SYNAPSES), seed=1)
        with Simulation(circuit, seed=1) as sim:
            sim.run(DURATION / 3)
            before = sim.statistics
            sim.run(DURATION)
            after = sim.statistics
    seconds = (after.wall_s - before.wall_s) / (DURATION / 1000.0)
    rate = (after.spikes - before.spikes) / NEURONS / (DURATION / 1000.0)
    expected = plan(Demand(neurons=NEURONS, synapses_per_neuron=SYNAPSES, rate=rate), replace(machine, slowness=1.0))
    return replace(machine, slowness=seconds / (expected.update_s + expected.delivery_s))
