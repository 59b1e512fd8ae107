"""Which of PyNN's own examples and system-test scenarios run unchanged?

Each runs in a copy of its folder. A scenario is asked for the simulator `neurograph` by replacing what tells it which
simulators to use, and nothing else.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_FIXTURES = """import importlib

import neurograph.pynn
import pytest


class Simulator:
    __name__ = "pyNN.neurograph"

    def __str__(self):
        return self.__name__

    def __getattr__(self, name):
        return getattr(importlib.import_module("pyNN.neurograph"), name)


def run_with_simulators(*names):
    return pytest.mark.parametrize("sim", [pytest.param(Simulator(), id="neurograph")])
"""
_ARGUMENTS = {"VAbenchmarks.py": ["COBA"]}
_SECONDS = 300


class Trial(NamedTuple):
    """What became of an example or a scenario; ``why`` is empty if it ran."""

    name: str
    why: str


def try_all(folder: Path) -> Iterator[Trial]:
    """Yield what becomes of each example and scenario in a source release of PyNN."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        shutil.copytree(folder / "examples", work / "examples")
        shutil.copytree(folder / "test/system/scenarios", work / "scenarios")
        (work / "scenarios" / "fixtures.py").write_text(_FIXTURES)
        for script in sorted((work / "examples").glob("*.py")):
            yield try_example(script)
        yield from _scenarios(work)


def try_example(script: Path) -> Trial:
    """Run a script that asks PyNN for a simulator by name."""
    command = [sys.executable, "-m", "neurograph.pynn", script.name, "neurograph", *_ARGUMENTS.get(script.name, [])]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, timeout=_SECONDS, check=False)
    return Trial(f"examples/{script.name}", "" if done.returncode == 0 else _reason(done.stderr))


def _scenarios(work: Path) -> Iterator[Trial]:
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-o", "addopts=", "--tb=line"]
    # Else reasons are cut at the width of a terminal.
    wide = {**os.environ, "COLUMNS": "1000"}
    done = subprocess.run(
        [*command, f"--rootdir={work}", "scenarios"], cwd=work, capture_output=True, text=True, check=False, env=wide
    )
    for word, name, why in re.findall(
        r"^(PASSED|FAILED|ERROR) (\S+?)(?:\[neurograph\])?(?: - (.*))?$", done.stdout, re.M
    ):
        yield Trial(name, "" if word == "PASSED" else _reason(why or "failed"))


def _reason(text: str) -> str:
    """Return the last line of a traceback, without what only lengthens it."""
    lines = [line for line in text.splitlines() if line.strip()] or ["failed"]
    return re.split(r"; cell types:|; call reset", lines[-1])[0].removeprefix("NotImplementedError: ").strip(" :")


def table(trials: Iterator[Trial]) -> str:
    """Return the trials as a table."""
    rows = [f"| `{trial.name}` | {trial.why or 'runs'} |" for trial in trials]
    return "\n".join(["| example or scenario | |", "|---|---|", *rows])
