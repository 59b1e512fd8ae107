"""Does a run get by in a control group that has not much more than its budget?"""

from pathlib import Path

import numpy as np

from faults.common import BUILD, MEMORY, STREAMED, Lost, Rounds, finish, spikes_in, streamed
from neurograph.bench.limited import Task, run_limited
from neurograph_storage.errors import DataError
from neurograph_storage.sizes import MIB


def limit_rounds(folder: Path, rng: np.random.Generator) -> Rounds:
    """Yield rounds in a control group that has not much more than the budget."""
    circuit, spikes = folder / "c.zarr", folder / "s.parquet"
    finish(BUILD, circuit)
    expected = streamed(circuit, 1, "1GiB")
    # Kernels are compiled here, since that takes more than a run may.
    streamed(circuit, 2, MEMORY)

    def attempt() -> str:
        memory, workers = int(rng.integers(4, 9)) * MIB, int(rng.integers(1, 4))
        task = Task(circuit=str(circuit), settle=STREAMED / 2, duration=STREAMED / 2, memory=memory, workers=workers,
                    spikes=str(spikes))  # fmt: skip
        try:
            run_limited(task)
        except DataError as error:
            raise Lost(str(error)) from error
        if spikes_in(spikes) != expected:
            raise Lost(f"other spikes in {memory // MIB} MiB with {workers} workers")
        return f"{memory // MIB} MiB, {workers} workers"

    while True:
        yield attempt
