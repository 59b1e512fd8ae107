"""Progress is shown on a terminal, with rate and time left, and nowhere else."""

import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Callable

import pytest

from neurograph.cli import progress

CODE = """
import tqdm
class Eager(tqdm.tqdm):
    def __init__(self, *args, **options):
        super().__init__(*args, **options | {"delay": 0, "mininterval": 0})
tqdm.tqdm = Eager
from neurograph.cli.progress import progress_bar
with progress_bar("building", " synapses") as progress:
    progress(1000, 4000)
"""


def test_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    subprocess.run([sys.executable, "-c", CODE], stderr=theirs, check=True)
    readable, _, _ = select.select([ours], [], [], 1.0)
    shown = os.read(ours, 10_000).decode() if readable else ""
    os.close(theirs)
    os.close(ours)
    for part in ("building", "25%", "1.00k/4.00k", "synapses/s"):
        assert part in shown


def test_not_in_a_pipe() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_what_is_waited_for_is_said_once_and_only_while_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a timer that we fire by hand."""
    started: list[Callable[[], object]] = []

    class ByHand:
        def __init__(self, _delay: float, action: Callable[[], object]) -> None:
            self._action, self.cancelled = action, False

        def start(self) -> None:
            started.append(lambda: None if self.cancelled else self._action())

        def cancel(self) -> None:
            self.cancelled = True

    monkeypatch.setattr(progress, "Timer", ByHand)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.progress_bar("running", " steps", 2, waiting="compiling") as update:
        started[0]()
        assert "compiling" in capsys.readouterr().err
        update(1)
        started[0]()
    assert "compiling" not in capsys.readouterr().err
