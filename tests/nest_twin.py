"""Runs a circuit in NEST: ``python nest_twin.py CIRCUIT.npz SPIKES.npz``, in a process of its own.

The input holds source, target, weight, delay (ms), v (mV), duration (ms), and NEST's model and its parameters.
"""

import json
import sys

import nest
import numpy as np


def main(circuit_path: str, spikes_path: str) -> None:
    circuit = np.load(circuit_path)
    nest.set_verbosity("M_ERROR")
    nest.SetKernelStatus({"resolution": 0.1, "local_num_threads": 1})
    neurons = nest.Create(str(circuit["model"]), len(circuit["v"]), params=json.loads(str(circuit["parameters"])))
    neurons.V_m = circuit["v"]
    first = neurons[0].global_id
    nest.Connect(
        circuit["source"] + first,
        circuit["target"] + first,
        "one_to_one",
        {"synapse_model": "static_synapse", "weight": circuit["weight"], "delay": circuit["delay"]},
    )
    recorder = nest.Create("spike_recorder", params={"time_in_steps": True})
    nest.Connect(neurons, recorder)
    nest.Simulate(float(circuit["duration"]))
    events = recorder.get("events")
    np.savez(spikes_path, steps=events["times"], neurons=events["senders"] - first)


if __name__ == "__main__":
    main(*sys.argv[1:])
