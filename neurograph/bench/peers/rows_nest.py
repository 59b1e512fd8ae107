"""The spikes of `columns` in NEST: ``python -m ...peers.rows_nest NEURONS STEPS ACTIVE AMONG``; prints JSON.

Two threads. The same modules, degrees and delays, drawn by NEST; the same neurons fire at the same steps, each by a
generator of its own.
"""

import json
import sys
import time
from typing import Any

import nest
import numpy as np

from neurograph.bench.columns import DEGREE, DT, LONGEST, MODULE, SHORTEST, WEIGHT
from neurograph.bench.limited import active_neurons
from neurograph.statistics import peak_rss

_WARM = 10.0  # ms


def main(count: int, steps: int, active: float, among: int) -> dict[str, Any]:
    """Build, step and return seconds of both."""
    nest.set_verbosity("M_ERROR")
    nest.SetKernelStatus({"resolution": DT, "local_num_threads": 2})
    step, index = active_neurons(count, steps, active, among=among)
    started = time.perf_counter()
    neurons = nest.Create("iaf_psc_exp", count, params={"tau_syn_ex": 0.5, "t_ref": 2.0})
    # NEST allows 2^27 connections of one model and thread.
    models = [nest.CopyModel("static_synapse", f"part{k}") or f"part{k}" for k in range(1 + count // 200_000)]
    rule = {"rule": "fixed_outdegree", "outdegree": DEGREE}
    delay = nest.random.uniform(SHORTEST, LONGEST)
    for first in range(0, count, MODULE):
        module = neurons[first : first + MODULE]
        synapse = {"synapse_model": models[first // 200_000], "weight": WEIGHT, "delay": delay}
        nest.Connect(module, module, rule, synapse)
    order = np.argsort(index, kind="stable")
    who, cuts = np.unique(index[order], return_index=True)
    trains = np.split((step[order] + 1) * DT + _WARM, cuts[1:])
    generators = nest.Create(
        "spike_generator", len(who), params=[{"spike_times": np.unique(t.round(1))} for t in trains]
    )
    nest.Connect(generators, nest.NodeCollection((who + 1).tolist()), "one_to_one", {"weight": 6e4, "delay": DT})
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Prepare()
    built = time.perf_counter() - started
    nest.Run(_WARM)
    started = time.perf_counter()
    nest.Run(steps * DT)
    wall = time.perf_counter() - started
    nest.Cleanup()
    events = int(recorder.n_events) * DEGREE
    return {"wall_s": wall, "build_s": built, "synaptic_events": events, "steps": steps, "peak_rss_bytes": peak_rss()}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))))  # noqa: T201
