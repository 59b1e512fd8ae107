"""NeuroGraph as a backend of PyNN: ``import neurograph.pynn as sim``, in place of ``import pyNN.nest as sim``.

Populations, projections, connectors and recording are PyNN's own; the network is built into a circuit at the first run.
What PyNN has and we have no model for says so when it is made, a `NotImplementedError` with its name. Scripts that ask
PyNN for a simulator by name run unchanged with ``python -m neurograph.pynn SCRIPT.py neurograph``.
"""

import sys
from typing import Any
from warnings import warn

try:
    import pyNN  # noqa: F401
except ImportError as error:
    raise ImportError(f"PyNN is not installed: pip install 'neurograph[pynn]' ({error})") from error

from pyNN import common, errors, space  # noqa: F401
from pyNN import random as _random
from pyNN.common.control import DEFAULT_MAX_DELAY, DEFAULT_MIN_DELAY, DEFAULT_TIMESTEP
from pyNN.network import Network  # noqa: F401
from pyNN.random import GSLRNG, NumpyRNG, RandomDistribution  # noqa: F401
from pyNN.recording import get_io
from pyNN.space import Space  # noqa: F401
from pyNN.standardmodels import StandardCellType
from pyNN.standardmodels import cells as _cells
from pyNN.standardmodels import electrodes as _electrodes
from pyNN.standardmodels import synapses as _synapses

from neurograph.pynn import simulator
from neurograph.pynn.cells import (
    EIF_cond_exp_isfa_ista,
    IF_cond_alpha,
    IF_cond_exp,
    IF_curr_alpha,
    IF_curr_delta,
    IF_curr_exp,
    Izhikevich,
    SpikeSourceArray,
    SpikeSourcePoisson,
)
from neurograph.pynn.connectors import connector_classes
from neurograph.pynn.electrodes import ACSource, DCSource, NoisyCurrentSource, StepCurrentSource  # noqa: F401
from neurograph.pynn.populations import Assembly, Population, PopulationView  # noqa: F401
from neurograph.pynn.projections import Projection, StaticSynapse

random = _random
globals().update(connector_classes())
_CELLS = (
    IF_curr_exp,
    IF_curr_alpha,
    IF_curr_delta,
    IF_cond_exp,
    IF_cond_alpha,
    EIF_cond_exp_isfa_ista,
    Izhikevich,
    SpikeSourceArray,
    SpikeSourcePoisson,
)


def list_standard_models() -> list[str]:
    """Return the names of the cell types there are."""
    return [cell.__name__ for cell in _CELLS if issubclass(cell, StandardCellType)]


def setup(timestep: float = DEFAULT_TIMESTEP, min_delay: float | str = DEFAULT_MIN_DELAY, **extra_params: Any) -> int:
    """Begin anew; what there was is gone.

    Parameters
    ----------
    timestep, min_delay : float
        ms; delays are rounded to steps. ``max_delay`` likewise.
    seed, threads, memory : optional
        As `neurograph.Simulation` takes them: seed of Poisson trains, workers, memory budget. Others are ignored.
    """
    common.setup(timestep, min_delay, **extra_params)
    if extra_params.get("spike_precision", "on_grid") != "on_grid":
        warn("neurograph.pynn has spikes on the grid of time steps only, also with spike_precision", stacklevel=2)
    state, max_delay = simulator.state, extra_params.get("max_delay", DEFAULT_MAX_DELAY)
    state.clear()
    state.dt = float(timestep)
    state.given_min_delay = None if min_delay == "auto" else float(min_delay)
    state.max_delay = 1e12 if max_delay == "auto" else float(max_delay)
    state.seed = int(extra_params.get("seed", extra_params.get("rng_seed", 0)))
    state.workers, state.memory = extra_params.get("threads"), extra_params.get("memory")
    return 0


def end(compatible_output: bool = True) -> None:
    """Write what is to be written; recorded data stay readable."""
    del compatible_output
    for population, variables, filename in simulator.state.write_on_end:
        population.write_data(get_io(filename), variables)
    simulator.state.write_on_end = []


run, run_until = common.build_run(simulator)
run_for = run
reset = common.build_reset(simulator)
initialize = common.initialize
get_current_time, get_time_step, get_min_delay, get_max_delay, num_processes, rank = common.build_state_queries(
    simulator
)
create = common.build_create(Population)
connect = common.build_connect(Projection, globals()["FixedProbabilityConnector"], StaticSynapse)
set = common.set  # noqa: A001 (PyNN's name)
record = common.build_record(simulator)


def record_v(source: Any, filename: str) -> None:
    """Record the membrane potential to a file."""
    record(["v"], source, filename)


def record_gsyn(source: Any, filename: str) -> None:
    """Record conductances to a file."""
    record(["gsyn_exc", "gsyn_inh"], source, filename)


def _unsupported(name: str) -> Any:
    """Return something that stands for what PyNN has and we have not, and says so when it is called."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"neurograph.pynn has no {name}; cell types: {', '.join(list_standard_models())}")

    refuse.__name__ = name
    return refuse


for _module in (_cells, _synapses, _electrodes):
    for _name, _kind in vars(_module).items():
        if isinstance(_kind, type) and _kind.__module__ == _module.__name__ and _name not in globals():
            globals()[_name] = _unsupported(_name)

# PyNN finds simulators by name, in its own package.
sys.modules.setdefault("pyNN.neurograph", sys.modules[__name__])
