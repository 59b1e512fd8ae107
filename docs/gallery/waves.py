"""A wave that travels over a sheet of cortex: a stimulus moves on, and activity follows it.

Neurons lie on a square sheet of 4 mm whose edges meet, and connect to neighbours; spikes take time with distance. Each
stripe of the sheet is driven for 20 ms, then the next one. Run it: ``python waves.py``.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import neurograph as ng
from neurograph.sheet import lattice

EXTENT, STRIPES, DWELL = 4.0, 20, 20.0  # mm, -, ms
SNAPSHOTS, WINDOW = 6, 20.0  # pictures, and ms that each shows
CELLS = 40  # in a side of a picture


def draw(spikes, excitatory: int, duration: float, out: str) -> None:
    """Draw the rate at each place of the sheet, at some times."""
    x, y = lattice(np.arange(excitatory), excitatory)
    edges = np.linspace(0, EXTENT, CELLS + 1)
    there = np.histogram2d(y * EXTENT, x * EXTENT, (edges, edges))[0]
    figure, pictures = plt.subplots(1, SNAPSHOTS, figsize=(10, 2.4), sharey=True, layout="constrained")
    of_excitatory = spikes.neurons < excitatory
    for axes, start in zip(pictures, np.linspace(duration / 8, duration - 2 * WINDOW, SNAPSHOTS), strict=True):
        now = of_excitatory & (spikes.times >= start) & (spikes.times < start + WINDOW)
        fired = spikes.neurons[now]
        counts = np.histogram2d(y[fired] * EXTENT, x[fired] * EXTENT, (edges, edges))[0]
        rate = counts / np.maximum(there, 1) / WINDOW * 1000
        shown = axes.imshow(rate, origin="lower", extent=(0, EXTENT, 0, EXTENT), vmin=0, vmax=60, cmap="magma")
        axes.set_title(f"{start:.0f} ms", fontsize="medium")
        axes.set_xlabel("x (mm)")
    pictures[0].set_ylabel("y (mm)")
    figure.colorbar(shown, ax=pictures, label="rate (Hz)", extend="max")
    figure.savefig(out, dpi=90)


def main() -> None:
    """Build, run, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=40_000)
    parser.add_argument("--duration", type=float, default=400.0, help="ms")
    parser.add_argument("--out", default="waves.png")
    asked = parser.parse_args()
    network = ng.recipes.sheet(
        neurons=asked.neurons, synapses_per_neuron=300, extent=EXTENT, stripes=STRIPES, stimulus=0.8, dwell=DWELL,
        sigma=0.2, standing=0.7,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        circuit = ng.build(Path(folder) / "sheet.zarr", network, seed=1)
        with ng.Simulation(circuit, seed=1) as sim:
            sim.run(asked.duration)
        draw(sim.spikes, circuit.populations["E"].size, asked.duration, asked.out)
    speed = EXTENT / STRIPES / DWELL
    print(f"{circuit.synapses:,} synapses, {len(sim.spikes):,} spikes; the stimulus moves at {speed:.2f} mm/ms")


if __name__ == "__main__":
    main()
