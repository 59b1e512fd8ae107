"""A command that can be killed at many moments: ``python child.py COMMAND ...``, and for a run a file behind it.

It works in small batches with a journal after each; of a run it notes in the file how far it has come.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from neurograph import builder
from neurograph.cli.main import call
from neurograph.executor import Executor


def main(arguments: list[str]) -> int:
    """Run ``neurograph``; return its exit status."""
    builder.BATCH_SYNAPSES, builder.JOURNAL_SECONDS = 20_000, -1.0
    if arguments[0] != "run":
        return call(arguments)
    *arguments, steps = arguments
    with Path(steps).open("wb", buffering=0) as file:
        run = Executor.run

        def noted(executor: Executor, *given: Any) -> Any:
            parts = run(executor, *given)
            file.write(np.int64(executor.step).tobytes())
            return parts

        Executor.run = noted  # type: ignore[method-assign, assignment]
        return call(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
