"""The spikes of `columns` in Brian2: ``python rows_brian.py NEURONS DEGREE MODULE SPIKES.npz STEPS``; prints JSON.

C++ standalone, two threads. The spiking neurons are generators, which asks less than ours. Uses nothing of this
package, so that any Python that has Brian2 can run it.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path

import brian2 as b2
import numpy as np
from brian2 import ms


def main(count: int, degree: int, module: int, path: str, steps: int) -> None:
    """Build, step, and print seconds of stepping, compiling and building not included."""
    spikes = np.load(path)
    with tempfile.TemporaryDirectory() as folder:
        b2.set_device("cpp_standalone", directory=folder)
        b2.prefs.devices.cpp_standalone.openmp_threads = 2
        b2.defaultclock.dt = 0.1 * ms
        unique = np.unique(np.stack([spikes["step"], spikes["index"]]), axis=1)
        sources = b2.SpikeGeneratorGroup(count, unique[1], unique[0] * 0.1 * ms)
        equations = "dv/dt = (current - v) / (10*ms) : 1\ndcurrent/dt = -current / (0.5*ms) : 1"
        neurons = b2.NeuronGroup(count, equations, threshold="v > 1", reset="v = 0", method="exact")
        synapses = b2.Synapses(sources, neurons, "w : 1", on_pre="current_post += w")
        rng = np.random.default_rng(1)
        source = np.repeat(np.arange(count, dtype=np.int32), degree)
        target = source // module * module + rng.integers(0, module, len(source), dtype=np.int32)
        synapses.connect(i=source, j=target)
        synapses.w = 1e-9
        synapses.delay = rng.uniform(1.5, 2.0, len(source)) * ms
        b2.Network(sources, neurons, synapses).run(steps * 0.1 * ms)
        seconds = float(b2.device._last_run_time)
        # Of itself by its own count: what the system says of resources counts the process that started it as well.
        own = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
        peak = 1024 * max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        found = {"wall_s": seconds, "synaptic_events": unique.shape[1] * degree, "steps": steps, "peak_rss_bytes": peak}
        print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
