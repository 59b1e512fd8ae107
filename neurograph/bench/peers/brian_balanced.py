"""The balanced network in Brian2: ``python brian_balanced.py NETWORK.npz DURATION_MS CURRENT_PA DELAY_MS``.

C++ standalone, two threads; prints JSON. Uses nothing of this package, so that any Python that has Brian2 can run it.
"""

import json
import sys
import tempfile

import brian2 as b2
import numpy as np
from brian2 import ms, mV, pA, pF

EQUATIONS = """
dv/dt = (E_L - v) / tau_m + (i_ex + i_in + I_e) / C_m : volt (unless refractory)
di_ex/dt = -i_ex / tau_syn : amp
di_in/dt = -i_in / tau_syn : amp
"""


def main(path: str, duration: float, current: float, delay: float) -> None:
    """Build, step, and print spikes and seconds of stepping, compiling not included."""
    network = np.load(path)
    with tempfile.TemporaryDirectory() as folder:
        b2.set_device("cpp_standalone", directory=folder)
        b2.prefs.devices.cpp_standalone.openmp_threads = 2
        b2.defaultclock.dt = 0.1 * ms
        constants = {"E_L": -65 * mV, "tau_m": 10 * ms, "tau_syn": 0.5 * ms, "C_m": 250 * pF, "I_e": current * pA}
        neurons = b2.NeuronGroup(
            len(network["v"]), EQUATIONS, threshold="v > -50*mV", reset="v = -65*mV", refractory=2 * ms,
            method="exact", namespace=constants,
        )  # fmt: skip
        neurons.v = network["v"] * mV
        made = []
        for variable, chosen in (("i_ex", network["weight"] > 0), ("i_in", network["weight"] < 0)):
            synapses = b2.Synapses(neurons, neurons, "w : amp", on_pre=f"{variable}_post += w", delay=delay * ms)
            synapses.connect(i=network["source"][chosen], j=network["target"][chosen])
            synapses.w = network["weight"][chosen] * pA
            made.append(synapses)
        monitor = b2.SpikeMonitor(neurons)
        b2.Network(neurons, monitor, *made).run(duration * ms)
        seconds = float(b2.device._last_run_time)
        print(json.dumps({"spikes": int(monitor.num_spikes), "run_s": seconds}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], *(float(text) for text in sys.argv[2:]))
