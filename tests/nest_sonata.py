"""Runs a SONATA network of NEST's models in NEST: ``python nest_sonata.py SIMULATION.json SPIKES.npz``.

Reads the files with h5py and json alone, as NEST's own reader would: one node at a time, one synapse at a time.
"""

import csv
import json
import sys
from pathlib import Path

import h5py
import nest
import numpy as np


def types(path: Path, key: str) -> dict[int, dict[str, str]]:
    with path.open() as file:
        return {int(row[key]): row for row in csv.DictReader(file, delimiter=" ")}


def main(simulation: str, out: str) -> None:
    folder = Path(simulation).parent
    run = json.loads(Path(simulation).read_text())["run"]
    nest.set_verbosity("M_ERROR")
    nest.SetKernelStatus({"resolution": run["dt"]})
    ids = {}
    kinds = types(folder / "network/internal_node_types.csv", "node_type_id")
    with h5py.File(folder / "network/internal_nodes.h5") as file:
        nodes = []
        for kind in file["nodes/internal/node_type_id"][:].tolist():
            parameters = json.loads((folder / "models" / kinds[kind]["dynamics_params"]).read_text())
            nodes.append(nest.Create(kinds[kind]["model_template"].removeprefix("nest:"), params=parameters))
    ids["internal"] = np.array([node.global_id for node in nodes])
    with h5py.File(folder / "inputs/external_spike_trains.h5") as file:
        times, senders = (file[f"spikes/external/{name}"][:] for name in ("timestamps", "node_ids"))
    steps = np.floor(times / run["dt"] + 0.5).astype(int)
    generators = []
    for node in range(10):
        mine = np.unique(steps[senders == node])
        spike_times = np.round(mine[mine > 0] * run["dt"], 6)
        generators.append(nest.Create("spike_generator", params={"spike_times": spike_times}))
    ids["external"] = np.array([node.global_id for node in generators])
    for stem in ("internal_internal", "external_internal"):
        kinds = types(folder / f"network/{stem}_edge_types.csv", "edge_type_id")
        with h5py.File(folder / f"network/{stem}_edges.h5") as file:
            group = next(iter(file["edges"].values()))
            source, target, kind = (group[name][:] for name in ("source_node_id", "target_node_id", "edge_type_id"))
            weight = group["0/syn_weight"][:]
        delay = np.array([float(kinds[k]["delay"]) for k in kind.tolist()])
        ends = stem.split("_")
        synapse = {"synapse_model": "static_synapse", "weight": weight, "delay": delay}
        nest.Connect(ids[ends[0]][source.astype(int)], ids[ends[1]][target.astype(int)], "one_to_one", synapse)
    recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
    for node in nodes:
        nest.Connect(node, recorder)
    nest.Simulate(run["tstop"])
    events = recorder.get("events")
    place = {int(node): k for k, node in enumerate(ids["internal"])}
    np.savez(out, steps=events["times"], nodes=[place[int(sender)] for sender in events["senders"]])


if __name__ == "__main__":
    main(*sys.argv[1:])
