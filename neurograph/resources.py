"""What does a run get: how much memory, how many workers, and where do its rows come from?"""

import os

from neurograph.circuit import Circuit
from neurograph.copies import room_for_copies
from neurograph.executor import Executor, state_bytes
from neurograph.foresight import Prefetch
from neurograph.memory import available_memory
from neurograph.pool import least_bytes
from neurograph.streaming import Stream
from neurograph_storage.codec import RAW
from neurograph_storage.errors import ArgumentError, MemoryBudgetError
from neurograph_storage.ordered import threads_of
from neurograph_storage.sizes import GIB, format_size

MIN_NEURONS_PER_WORKER = 10_000
# Of the memory for rows that stream, this part of what is more than so much is for copies of groups: bursts need all of
# what is less.
_COPIED_PART, _WITHOUT_COPIES = 24, GIB
# Memory beside the budget with which kernels may be compiled by another process: its own, and what a run takes anyway.
_COMPILING = GIB


def make_executor(circuit: Circuit, *, budget: int, workers: int | None, seed: int, prefetch: Prefetch) -> Executor:
    """Return the executor of a run: rows in memory if they fit in the budget beside the state, else from the disk.

    Raises
    ------
    ArgumentError, MemoryBudgetError, CorruptionError
        See `neurograph.Simulation`.
    """
    threads = default_workers(circuit.neurons) if workers is None else workers
    if threads < 1:
        raise ArgumentError(f"workers is {threads}, it must be at least 1")
    room = budget - _check_budget(circuit, budget)
    circuit.store.check_tables()
    rows = circuit.store.synapse_bytes
    if rows > room:
        # It comes out of the pool.
        copies = min(max(0, room - _WITHOUT_COPIES) // _COPIED_PART, room_for_copies(rows))
        stream = Stream(circuit, room - copies, budget, threads, prefetch)
        beside = threads_of(None) > 1 and available_memory() >= budget + _COMPILING
        return Executor(circuit, workers=threads, seed=seed, stream=stream, copies=copies, beside=beside)
    if circuit.store.codec == RAW:
        circuit.store.advise(fits=True)
    # Half of what is left is for cursors and for the calendar itself.
    copies = min((room - rows) // 2, room_for_copies(rows))
    return Executor(circuit, workers=threads, seed=seed, copies=copies)


def default_workers(neurons: int) -> int:
    """Return the number of workers for a circuit of ``neurons``."""
    return max(1, min(os.cpu_count() or 1, neurons // MIN_NEURONS_PER_WORKER))


def _check_budget(circuit: Circuit, budget: int) -> int:
    """Return the bytes of the state; refuse a budget that they, with the least of rows, do not fit in."""
    state = state_bytes(circuit)
    needed = state + min(least_bytes(circuit), circuit.store.synapse_bytes)
    if needed > budget:
        raise MemoryBudgetError(
            f"the state of {circuit.neurons:,} neurons needs {format_size(state)}, and rows at least "
            f"{format_size(needed - state)}; the memory budget is {format_size(budget)}; give at least --memory "
            f"{needed // 2**20 + 1}MiB",
            needed=needed,
            budget=budget,
        )
    return state
