"""Make the golden circuit of the fly model: ``python scripts/make_golden.py tests/golden/fly``.

A random network of our own in the format of the published table, a drive, and the spikes. The spikes come from the
equations written out below for each neuron in mV, not from anything in the package.
"""

import csv
import math
import sys
from pathlib import Path

import numpy as np

from neurograph.importing import import_edges

NEURONS, EDGES, STEPS, DRIVEN = 300, 6000, 3000, 12
FIRST_ID = 720575940600000001  # beyond what a float can hold
COLUMNS = ("Presynaptic_ID", "Postsynaptic_ID", "Presynaptic_Index", "Postsynaptic_Index", "Excitatory x Connectivity")

V_REST, THRESHOLD, TAU_M, TAU_G, DT = -52.0, -45.0, 20.0, 5.0, 0.1
UNIT, DRIVE, DELAY, REFRACTORY = 0.275, 68.75, 18, 22

GOLDEN_CIRCUITS = {"raw": "circuit.zarr", "compressed": "compressed.zarr"}

Edge = tuple[int, int, int]


def draw(rng: np.random.Generator) -> tuple[list[Edge], list[tuple[int, int]]]:
    """Return edges (source, target, signed count) and drive events (step, index)."""
    pairs = sorted({(int(s), int(t)) for s, t in rng.integers(0, NEURONS, (EDGES, 2))})
    sign = np.where(rng.random(NEURONS) < 0.7, 1, -1)
    counts = 5 + rng.poisson(18.0, len(pairs))
    edges = [(s, t, int(sign[s] * c)) for (s, t), c in zip(pairs, counts, strict=True)]
    driven = rng.choice(NEURONS, DRIVEN, replace=False)
    events = [(step, int(i)) for step in range(STEPS) for i in sorted(driven) if rng.random() < 150 * DT / 1000]
    return edges, events


def simulate(edges: list[Edge], events: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spikes (step, index) of the model of Shiu et al. 2024, neuron by neuron."""
    e_v, e_g = math.exp(-DT / TAU_M), math.exp(-DT / TAU_G)
    coupling = TAU_G / (TAU_M - TAU_G) * (e_v - e_g)
    targets: list[list[tuple[int, int]]] = [[] for _ in range(NEURONS)]
    for source, target, count in edges:
        targets[source].append((target, count))
    driven = {index for _, index in events}
    v, g, free_at = [V_REST] * NEURONS, [0.0] * NEURONS, [0] * NEURONS
    due: dict[int, list[int]] = {}
    spikes = []
    for step in range(STEPS):
        moving = [i for i in range(NEURONS) if step >= free_at[i]]
        for i in moving:
            v[i], g[i] = V_REST + (v[i] - V_REST) * e_v + g[i] * coupling, g[i] * e_g
        fired = [i for i in moving if v[i] > THRESHOLD]
        arriving = [0] * NEURONS
        for source in due.pop(step, []):
            for target, count in targets[source]:
                arriving[target] += count
        for i in moving:
            g[i] += arriving[i] * UNIT
        for at, i in events:
            if at == step and step >= free_at[i]:
                v[i] += DRIVE
        for i in fired:
            v[i], g[i], free_at[i] = V_REST, 0.0, step + (0 if i in driven else REFRACTORY)
        due[step + DELAY] = fired
        spikes += [(step, i) for i in fired]
    return spikes


def write(path: Path, header: tuple[str, ...], rows: list[tuple[int, ...]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def main(folder: Path) -> None:
    """Write edges, drive, spikes and the stored circuit."""
    folder.mkdir(parents=True, exist_ok=True)
    edges, events = draw(np.random.default_rng(2024))
    write(folder / "edges.csv", COLUMNS, [(FIRST_ID + s, FIRST_ID + t, s, t, w) for s, t, w in edges])
    write(folder / "drive.csv", ("step", "index"), list(events))
    write(folder / "spikes.csv", ("step", "index"), list(simulate(edges, events)))
    for codec, name in GOLDEN_CIRCUITS.items():
        import_edges(folder / "edges.csv", folder / name, preset="shiu2024", codec=codec)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
