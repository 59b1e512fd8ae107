"""What do exact weights cost: bytes a synapse on the disk, and time an event?

    python scripts/measure_exact_weights.py [FOLDER]

One random circuit of 20 million synapses, its weights rounded, as float32 and as float64; interleaved, median of five.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

import neurograph as ng

NEURONS, DEGREE, ROUNDS, DURATION = 20_000, 1_000, 5, 200.0


def build(folder: Path, name: str, codec: str) -> ng.Circuit:
    """Build the circuit with its weights rounded, or as one of the floats."""
    rng, network = np.random.default_rng(1), ng.Network()
    cells = network.population("cells", NEURONS, ng.LIFExp())
    source, target = np.repeat(np.arange(NEURONS), DEGREE), rng.integers(0, NEURONS, NEURONS * DEGREE)
    weight = rng.normal(0.05, 0.01, NEURONS * DEGREE)
    weight = np.where(weight > 0.005, weight, 0.05).astype(np.float32 if name == "float32" else np.float64)
    delay = rng.integers(1, 30, NEURONS * DEGREE) * 0.1
    network.connect(cells, cells, ng.Edges(source, target), weight=weight, delay=delay)
    network.drive(cells, ng.PoissonInput(rate=4000.0, weight=200.0))
    weights = "rounded" if name == "rounded" else "exact"
    return ng.build(folder / f"{name}-{codec}.zarr", network, seed=1, weights=weights, codec=codec)


def nanoseconds(circuit: ng.Circuit) -> float:
    """Return the wall time of a run for each of its synaptic events."""
    with ng.Simulation(circuit, workers=1, seed=1) as sim:
        sim.run(DURATION)
    return sim.statistics.wall_s / sim.statistics.synaptic_events * 1e9


def main(folder: Path) -> None:
    """Measure, and print a line for each."""
    names = ("rounded", "float32", "float64")
    circuits = {name: build(folder, name, "raw") for name in names}
    for circuit in circuits.values():
        nanoseconds(circuit)
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name, circuit in circuits.items():
            times[name].append(nanoseconds(circuit))
    for name, circuit in circuits.items():
        packed = build(folder, name, "compressed").store.counts.words
        nbytes = [2 * words / circuit.synapses for words in (circuit.store.counts.words, packed)]
        print(f"{name}: {circuit.store.digits} codes, {nbytes[0]:.2f} bytes a synapse raw, {nbytes[1]:.2f} compressed,"
              f" {median(times[name]):.2f} ns an event (whole run)")  # fmt: skip


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
