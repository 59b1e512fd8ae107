"""The balanced network in NEST: ``python nest_balanced.py NETWORK.npz DURATION_MS CURRENT_PA DELAY_MS``.

Two threads; prints JSON.
"""

import json
import sys
import time

import nest
import numpy as np


def main(path: str, duration: float, current: float, delay: float) -> None:
    """Build, step with two threads, and print spikes and seconds of stepping."""
    network = np.load(path)
    nest.set_verbosity("M_ERROR")
    nest.SetKernelStatus({"resolution": 0.1, "local_num_threads": 2})
    common = {"tau_m": 10.0, "tau_syn_ex": 0.5, "tau_syn_in": 0.5, "C_m": 250.0, "E_L": -65.0, "V_th": -50.0}
    neurons = nest.Create(
        "iaf_psc_exp", len(network["v"]), params=common | {"V_reset": -65.0, "t_ref": 2.0, "I_e": current}
    )
    neurons.V_m = network["v"]
    ones = np.full(len(network["source"]), delay)
    synapse = {"synapse_model": "static_synapse", "weight": network["weight"], "delay": ones}
    nest.Connect(network["source"] + 1, network["target"] + 1, "one_to_one", synapse)
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Prepare()
    nest.Run(0.1)
    started = time.perf_counter()
    nest.Run(duration)
    seconds = time.perf_counter() - started
    nest.Cleanup()
    print(json.dumps({"spikes": int(recorder.n_events), "run_s": seconds}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], *(float(text) for text in sys.argv[2:]))
