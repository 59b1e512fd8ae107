"""How much time and memory does a command take as a process of its own?"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from neurograph_storage.errors import DataError


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
    command = [sys.executable, "-c", "import sys; from neurograph.cli.main import main; main()", *arguments]
    variables = {**os.environ, **(environment or {})}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=variables)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise DataError(f"neurograph {' '.join(arguments)} failed: {errors.strip().splitlines()[-1:]}")
    return Child(time.perf_counter() - started, usage.ru_maxrss * 1024)
