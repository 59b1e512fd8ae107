"""How much time and memory does a command take as a process of its own?"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from neurograph_storage.errors import DataError

# What the child runs: the command, and at the end it tells a pipe the most memory it had, by its own count. What the
# system tells of a child includes the memory of the process that started it.
_COMMAND = """
import os, sys
from neurograph.cli.main import main
from neurograph.statistics import peak_rss
pipe = int(sys.argv.pop(1))
try:
    main()
finally:
    os.write(pipe, str(peak_rss()).encode())
"""


class Child(NamedTuple):
    """Wall time in seconds, and the largest memory that was resident, in bytes."""

    seconds: float
    peak_rss: int


def run_command(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
    """Run ``neurograph`` with arguments, and more variables of the environment, and return what it took.

    Raises
    ------
    DataError
        If it fails.
    """
    started = time.perf_counter()
    variables = {**os.environ, **(environment or {})}
    told, tell = os.pipe()
    with os.fdopen(told) as peak:
        command = [sys.executable, "-c", _COMMAND, str(tell), *arguments]
        try:
            ended = subprocess.run(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=variables, pass_fds=(tell,)
            )
        finally:
            os.close(tell)
        if ended.returncode:
            raise DataError(f"neurograph {' '.join(arguments)} failed: {ended.stderr.strip().splitlines()[-1:]}")
        return Child(time.perf_counter() - started, int(peak.read()))
