"""The microcircuit in NEST: ``python -m ...peers.nest_microcircuit SCALE THREADS WARM DURATION SEED [NPZ]``.

A process of its own, as NEST keeps one network for each. Prints one JSON object: seconds of building and of stepping,
mean rates. The same populations, numbers of synapses, weights, delays and drive as `neurograph.cortex`.
"""

import json
import sys
import time
from typing import Any

import nest
import numpy as np

from neurograph import cortex
from neurograph.inputs import PoissonInput
from neurograph.network import Network
from neurograph.normals import Normal
from neurograph.row_rules import FixedTotal


def main(scale: float, threads: int, warm: float, duration: float, seed: int, spikes: str | None) -> dict[str, Any]:
    """Build, step and return the figures; times in ms; write times (ms) and neurons of spikes if asked to."""
    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.SetKernelStatus({"resolution": 0.1, "local_num_threads": threads, "rng_seed": seed})
    network = cortex.microcircuit(scale=scale)
    started = time.perf_counter()
    populations = _populations(network)
    # NEST allows 2^27 connections of one model and thread, so sources of either sign have a model of their own.
    for kind in ("excitatory", "inhibitory"):
        nest.CopyModel("static_synapse", kind)
    _connect(network, populations)
    recorders = {}
    for name, neurons in populations.items():
        recorders[name] = nest.Create("spike_recorder", params={"start": warm})
        nest.Connect(neurons, recorders[name])
    nest.Prepare()
    build_s = time.perf_counter() - started
    nest.Run(warm)
    started = time.perf_counter()
    nest.Run(duration)
    run_s = time.perf_counter() - started
    nest.Cleanup()
    rates = {n: r.n_events / len(populations[n]) / (duration / 1000.0) for n, r in recorders.items()}
    if spikes is not None:
        events = [recorder.get("events") for recorder in recorders.values()]
        times, senders = (np.concatenate([e[name] for e in events]) for name in ("times", "senders"))
        np.savez(spikes, times=times, neurons=senders - 1)
    return {"build_s": build_s, "run_s": run_s, "rates": rates}


def _populations(network: Network) -> dict[str, Any]:
    made = {}
    for setup in network.setups:
        model: Any = setup.population.model
        names = ("tau_m", "tau_syn_ex", "tau_syn_in", "C_m", "E_L", "V_th", "V_reset", "t_ref", "I_e")
        start: Any = setup.initial["v"]
        neurons = nest.Create(
            "iaf_psc_exp", setup.population.size, params={name: getattr(model, name) for name in names}
        )
        neurons.V_m = nest.random.normal(start.mean, start.std)
        made[setup.population.name] = neurons
    return made


def _connect(network: Network, populations: dict[str, Any]) -> None:
    for projection in network.projections:
        weight, delay, rule = projection.weight, projection.delay, projection.rule
        assert isinstance(weight, Normal)
        assert isinstance(delay, Normal)
        assert isinstance(rule, FixedTotal)
        bounds = {"min": 0.0, "max": np.inf} if weight.mean > 0 else {"min": -np.inf, "max": 0.0}
        synapse = {
            "synapse_model": "excitatory" if weight.mean > 0 else "inhibitory",
            "weight": nest.math.redraw(nest.random.normal(weight.mean, weight.std), **bounds),
            "delay": nest.math.redraw(nest.random.normal(delay.mean, delay.std), min=0.05, max=np.inf),
        }
        source, target = populations[projection.source.name], populations[projection.target.name]
        nest.Connect(source, target, {"rule": "fixed_total_number", "N": rule.total}, synapse)
    for population, drive in network.drives:
        assert isinstance(drive, PoissonInput)
        generator = nest.Create("poisson_generator", params={"rate": drive.rate})
        nest.Connect(generator, populations[population.name], syn_spec={"weight": drive.weight, "delay": 1.5})


if __name__ == "__main__":
    scale, threads, warm, duration = (float(text) for text in sys.argv[1:5])
    written = sys.argv[6] if len(sys.argv) > 6 else None
    print(json.dumps(main(scale, int(threads), warm, duration, int(sys.argv[5]), written)))  # noqa: T201
