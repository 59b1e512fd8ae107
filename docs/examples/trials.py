"""Trials of one circuit in several processes: its rows are mapped, so they are in memory once, whoever runs it."""

import tempfile
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

import neurograph as ng


def trial(path: Path, seed: int, stimulus: float) -> tuple[int, int]:
    """Run one trial; return the spikes before and after a stimulus, in pA, to a tenth of the cells."""
    with ng.Simulation(path, seed=seed, workers=1, memory="256MiB") as sim:
        sim.run(50.0)
        before = len(sim.spikes)
        sim.inject(sim.circuit.neuron_ids("E")[:160], stimulus)
        sim.run(10.0)
        return before, len(sim.spikes) - before


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    circuit = ng.build(folder / "trials.zarr", ng.recipes.random(neurons=2000, synapses_per_neuron=100), seed=1)
    settings = [(seed, stimulus) for stimulus in (0.0, 1000.0, 2000.0) for seed in range(4)]
    # Each process opens the circuit by its path; circuits and simulations are not sent between processes.
    counts = Parallel(n_jobs=2)(delayed(trial)(circuit.path, seed, stimulus) for seed, stimulus in settings)
    for stimulus, found in zip((0.0, 1000.0, 2000.0), np.array(counts).reshape(3, 4, 2), strict=True):
        print(f"{stimulus:6.0f} pA: {found[:, 0].tolist()} spikes before, {found[:, 1].tolist()} after")
