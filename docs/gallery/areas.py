"""Thirty-two cortical areas on a laptop: each is a microcircuit of four layers, and all are coupled.

Spikes between areas take their time: 8 mm from one to the next, at 3.5 mm/ms. Run it: ``python areas.py``. By default
each area has a twentieth of its neurons; ``--scale 1`` is 2.5 million neurons and 12 billion synapses, for which give
it a disk with room for some 60 GB (TMPDIR says where) and ``--memory 8GiB`` or what you have.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import neurograph as ng

SKIPPED, BIN = 100.0, 2.0  # ms at the beginning, ms of a column of the picture
LAYERS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")


def draw(circuit: ng.Circuit, rates, areas: int, out: str) -> None:
    """Draw the rate of each area over time, and the mean rate of each population in each area."""
    sizes = np.array([population.size for population in circuit.populations.values()]).reshape(areas, len(LAYERS))
    late = rates.times >= SKIPPED
    counts = rates.counts[late].reshape(late.sum(), areas, len(LAYERS))
    wide = round(BIN / rates.interval)
    binned = counts[: len(counts) // wide * wide].sum(axis=2).reshape(-1, wide, areas).sum(axis=1)
    figure, (course, means) = plt.subplots(1, 2, figsize=(10, 4.5), width_ratios=(3, 1), layout="constrained")
    end = SKIPPED + len(binned) * BIN
    shown = course.imshow(
        binned.T / sizes.sum(axis=1, keepdims=True) / BIN * 1000, aspect="auto", cmap="magma", interpolation="nearest",
        extent=(SKIPPED, end, areas - 0.5, -0.5), vmin=0,
    )  # fmt: skip
    course.set(xlabel="time (ms)", ylabel="area")
    figure.colorbar(shown, ax=course, label="rate (Hz)")
    rate = counts.sum(axis=0) / sizes / (late.sum() * rates.interval) * 1000
    means.plot(rate.T, np.arange(len(LAYERS)), ".", color="#0072B2", alpha=0.4)
    means.set(xlabel="mean rate of an area (Hz)", yticks=np.arange(len(LAYERS)), yticklabels=LAYERS, xlim=(0, None))
    means.invert_yaxis()
    figure.savefig(out, dpi=90)


def main() -> None:
    """Build, run, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--areas", type=int, default=32)
    parser.add_argument("--scale", type=float, default=0.05, help="of neurons and synapses onto each, up to 1")
    parser.add_argument("--duration", type=float, default=600.0, help="ms")
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--out", default="areas.png")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        network = ng.recipes.multiarea(areas=asked.areas, scale=asked.scale)
        circuit = ng.build(Path(folder) / "areas.zarr", network, seed=1)
        with ng.Simulation(circuit, seed=1, memory=asked.memory, spikes=False) as sim:
            sim.run(asked.duration)
        draw(circuit, sim.rates, asked.areas, asked.out)
    figures = sim.statistics
    print(f"{circuit.neurons:,} neurons, {circuit.synapses:,} synapses, {figures.spikes:,} spikes")


if __name__ == "__main__":
    main()
