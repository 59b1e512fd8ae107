"""The fly tastes sugar: sensory neurons are driven at 150 Hz, and activity spreads through half of a brain.

The wiring is FlyWire's (Dorkenwald et al. 2024, Schlegel et al. 2024; CC BY-NC 4.0), the model that of Shiu et al.
(2024, Nature 634:210). Get the table of connections and the list of neurons that they published with their model, or
a part of it such as one hemisphere; NeuroGraph has no copy. The drive is a table of events, ``step`` and ``index``.
Run it: ``python fly.py --edges connectivity.parquet --neurons neurons.csv --drive sugar_150Hz_drive.csv``.
"""

import argparse
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import neurograph as ng

BLUE, RED = "#0072B2", "#D55E00"


def draw(spikes, driven: np.ndarray, duration: float, out: str) -> int:
    """Draw the spikes of all neurons that fired, in the order in which they began; return how many there are."""
    neurons, first = np.unique(spikes.neurons, return_index=True)
    place = np.empty(len(neurons), np.int64)
    place[np.argsort(spikes.times[first], kind="stable")] = np.arange(len(neurons))
    height = place[np.searchsorted(neurons, spikes.neurons)]
    of_driven = np.isin(spikes.neurons, driven)
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for colour, chosen, label in ((BLUE, ~of_driven, "others"), (RED, of_driven, "sugar-sensing, driven at 150 Hz")):
        axes.plot(spikes.times[chosen], height[chosen], ".", color=colour, markersize=2, markeredgewidth=0, label=label)
    axes.set(xlim=(0, duration), xlabel="time (ms)", ylabel="neurons, in the order of their first spike")
    figure.legend(loc="outside upper center", ncols=2, markerscale=5, frameon=False)
    figure.savefig(out, dpi=90)
    return len(neurons)


def main() -> None:
    """Import, run, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edges", required=True)
    parser.add_argument("--neurons", help="a table of all neurons")
    parser.add_argument("--drive", required=True)
    parser.add_argument("--duration", type=float, default=1000.0, help="ms")
    parser.add_argument("--out", default="fly.png")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        circuit = ng.import_edges(asked.edges, Path(folder) / "fly.zarr", preset="shiu2024", neurons=asked.neurons)
        drive = ng.read_drive(asked.drive, circuit)
        with ng.Simulation(circuit, drive=drive) as sim:
            sim.run(asked.duration)
        fired = draw(sim.spikes, circuit.ids[np.unique(drive.index)], asked.duration, asked.out)
    print(f"{len(sim.spikes):,} spikes of {fired} of {circuit.neurons:,} neurons")


if __name__ == "__main__":
    main()
