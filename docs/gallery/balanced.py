"""A balanced random network: 10,000 neurons that fire irregularly and without a common beat.

Excitation and inhibition cancel, and each neuron waits for a chance excess. Run it: ``python balanced.py``.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import neurograph as ng

BLUE, RED = "#0072B2", "#D55E00"
SHOWN = 60  # neurons in the raster
SKIPPED = 100.0  # ms at the beginning, until the network has settled


def variations(spikes, fewest: int = 5) -> np.ndarray:
    """Return the coefficient of variation of the intervals of each neuron with some spikes."""
    order = np.lexsort((spikes.times, spikes.neurons))
    neurons, times = spikes.neurons[order], spikes.times[order]
    trains = np.split(times, np.flatnonzero(np.diff(neurons)) + 1)
    intervals = [np.diff(train) for train in trains if len(train) >= fewest]
    return np.array([each.std() / each.mean() for each in intervals])


def draw(spikes, neurons: int, duration: float, out: str) -> None:
    """Draw some spike trains, the rate of all, and how irregular each is."""
    figure = plt.figure(figsize=(8, 4.5), layout="constrained")
    parts = figure.subplot_mosaic([["trains", "cv"], ["rate", "cv"]], width_ratios=(3, 1), height_ratios=(3, 1))
    late = spikes.times >= SKIPPED
    trains, rate, cv = parts["trains"], parts["rate"], parts["cv"]
    for colour, first in ((BLUE, 0), (RED, int(0.8 * neurons))):
        chosen = late & (spikes.neurons >= first) & (spikes.neurons < first + SHOWN // 2)
        place = spikes.neurons[chosen] - first + (SHOWN // 2 if first else 0)
        trains.plot(spikes.times[chosen], place, "|", color=colour, markersize=3)
    trains.set(xlim=(SKIPPED, duration), ylim=(-1, SHOWN), yticks=[], xticklabels=[])
    trains.set_ylabel("30 neurons each of E (blue), I (orange)")
    edges = np.arange(SKIPPED, duration + 1, 5.0)
    counts = np.histogram(spikes.times, edges)[0]
    rate.plot(edges[:-1] + 2.5, counts / neurons / 0.005, color="black", linewidth=1)
    rate.set(xlim=(SKIPPED, duration), ylim=(0, None), xlabel="time (ms)", ylabel="rate (Hz)")
    cv.hist(variations(spikes), np.arange(0, 2.1, 0.1), color=BLUE)
    cv.axvline(1.0, color="black", linestyle=":")
    cv.set(xlabel="CV of intervals between\nspikes (Poisson: 1)", ylabel="neurons")
    figure.savefig(out, dpi=100)


def main() -> None:
    """Build, run, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=10_000)
    parser.add_argument("--duration", type=float, default=1100.0, help="ms")
    parser.add_argument("--out", default="balanced.png")
    asked = parser.parse_args()
    network = ng.recipes.random(neurons=asked.neurons, synapses_per_neuron=asked.neurons // 10)
    with tempfile.TemporaryDirectory() as folder:
        circuit = ng.build(Path(folder) / "balanced.zarr", network, seed=1)
        with ng.Simulation(circuit, seed=1) as sim:
            sim.run(asked.duration)
        draw(sim.spikes, circuit.neurons, asked.duration, asked.out)
    rate = len(sim.spikes) / circuit.neurons / asked.duration * 1000
    print(f"{circuit.synapses:,} synapses, {rate:.1f} Hz, CV {np.median(variations(sim.spikes)):.2f}")


if __name__ == "__main__":
    main()
