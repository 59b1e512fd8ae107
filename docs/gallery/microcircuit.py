"""The cortical microcircuit of Potjans and Diesmann (2014): a square millimetre of cortex in four layers.

Run it: ``python microcircuit.py``; ``--scale 1`` is the whole of it, 77,169 neurons and 0.3 billion synapses.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import neurograph as ng
from neurograph.cortex import RATES

COLOURS = ("#0072B2", "#D55E00")  # excitatory, inhibitory
SKIPPED = 100.0  # ms at the beginning, until the network has settled
SHOWN = 0.1  # of all neurons in the raster


def draw(circuit: ng.Circuit, spikes, duration: float, out: str) -> np.ndarray:
    """Draw a raster by population, and each one's mean rate beside the published one; return the rates."""
    figure, (raster, bars) = plt.subplots(1, 2, figsize=(8, 5), width_ratios=(3, 1), layout="constrained")
    late = spikes.times >= SKIPPED
    rates, ticks, top = [], [], 0
    for number, population in enumerate(circuit.populations.values()):
        times, neurons = (values[late & (spikes.populations == number)] for values in (spikes.times, spikes.neurons))
        shown = max(1, round(SHOWN * population.size))
        drawn = neurons < population.first + shown
        top += shown
        height = top - 1 - (neurons[drawn] - population.first)
        raster.plot(times[drawn], height, ".", color=COLOURS[number % 2], markersize=1.2, markeredgewidth=0)
        rates.append(len(times) / population.size / (duration - SKIPPED) * 1000)
        ticks.append(top - shown / 2)
    names = list(circuit.populations)
    raster.set(xlim=(SKIPPED, duration), ylim=(top, 0), xlabel="time (ms)", yticks=ticks, yticklabels=names)
    place = np.arange(len(names))
    bars.barh(place, rates, color=[COLOURS[k % 2] for k in place], label="here")
    bars.plot(RATES, place, "k|", markersize=14, markeredgewidth=2, label="full scale, by NEST")
    bars.set(xlabel="mean rate (Hz)", yticks=place, yticklabels=names)
    bars.invert_yaxis()
    figure.legend(handles=bars.get_lines(), loc="outside upper right", frameon=False)
    figure.savefig(out, dpi=90)
    return np.array(rates)


def main() -> None:
    """Build, run, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.2, help="of neurons and synapses onto each, up to 1")
    parser.add_argument("--duration", type=float, default=600.0, help="ms")
    parser.add_argument("--out", default="microcircuit.png")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        network = ng.recipes.microcircuit(scale=asked.scale)
        circuit = ng.build(Path(folder) / "column.zarr", network, seed=1)
        with ng.Simulation(circuit, seed=1) as sim:
            sim.run(asked.duration)
        rates = draw(circuit, sim.spikes, asked.duration, asked.out)
    print(f"{circuit.neurons:,} neurons, {circuit.synapses:,} synapses; Hz:", *np.round(rates, 1))


if __name__ == "__main__":
    main()
