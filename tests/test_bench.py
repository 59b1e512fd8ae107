"""The suites run in a tiny form, and write what they found; no test here looks at a time."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from neurograph.bench import (
    kernels,
    limited,
    microcircuit,
    multiarea,
    ordering,
    outofcore,
    prefetching,
    scaling,
    storing,
)
from neurograph.bench.child import Child, run_command
from neurograph.bench.disk import forget, read_plainly
from neurograph.bench.figures import figure, in_turns, ratios
from neurograph.bench.suites import SUITES
from neurograph.cli.main import call
from neurograph_storage.errors import DataError

TINY = ["--up-to", "200000", "--scale", "0.02", "--rounds", "1", "--duration", "10", "--areas", "2", "--peers", "scipy"]
# What each needs besides, to be quick, and what it draws.
MORE: dict[str, list[str]] = {
    "soak": ["--up-to", "20000000", "--minutes", "0.02"],
    "outofcore": ["--up-to", "20000000"],
    "prefetch": ["--up-to", "4000000"],
}


def in_process(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
    """Do what a command would do, without starting Python for it."""
    del environment
    assert call([str(argument) for argument in arguments]) == 0
    return Child(1.0, 2**20)


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run everything here, but for peers: that control groups are made is shown elsewhere."""
    for module in (storing, kernels, microcircuit, multiarea, ordering, outofcore, prefetching):
        if hasattr(module, "run_command"):
            monkeypatch.setattr(module, "run_command", in_process)
    for module in (limited, scaling):
        monkeypatch.setattr(module, "run_limited", lambda task, inside=True: limited._main(task))
    # As many modules as in the real form, each awake for a short time.
    monkeypatch.setattr(prefetching, "_MODULE", 100)
    monkeypatch.setattr(prefetching, "_DWELL", 2.0)
    # The fly's data have tests of their own.
    monkeypatch.delenv(ordering.DATA, raising=False)


@pytest.mark.usefixtures("without_processes")
@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_writes_its_figures(suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["bench", suite, "--out", str(tmp_path), *TINY, *MORE.get(suite, [])]) == 0
    capsys.readouterr()
    content = json.loads((tmp_path / f"{suite}.json").read_text())
    assert content["command"].startswith(f"neurograph bench {suite} ")
    assert content["figures"]
    assert content["machine"]["threads"] >= 1
    for name, part in content["parts"].items():
        assert part["complete"], (name, part)
    for row in content["figures"]:
        assert row["value"] == row["value"], row
        assert row["runs"]
    assert len((tmp_path / f"{suite}.csv").read_text().splitlines()) == len(content["figures"]) + 1
    assert suite.startswith("microcircuit") or (tmp_path / f"{suite}.png").stat().st_size > 5000
    # The same command finds everything there.
    assert call(["bench", suite, "--out", str(tmp_path), *TINY, *MORE.get(suite, [])]) == 0
    assert capsys.readouterr().out == ""


def test_what_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["bench", "speed", "--out", str(tmp_path)]) == 2
    assert (
        "no suite 'speed'; choose from build, kernels, balanced, microcircuit, microcircuit-0.2,"
        in capsys.readouterr().err
    )
    assert call(["bench", "build", "--out", str(tmp_path), "--peers", "matlab"]) == 2
    assert "peer 'matlab' is not installed" in capsys.readouterr().err


def test_comparisons_are_made_in_turns() -> None:
    order: list[str] = []
    actions = {name: (lambda name=name: order.append(name)) for name in ("a", "b")}
    times = in_turns(actions, 2, lambda: order.append("-"))
    assert order == ["-", "a", "-", "b", "-", "a", "-", "b"]
    assert [len(part) for part in times.values()] == [2, 2]
    assert figure("x", ratios([2.0, 9.0, 4.0], [1.0, 3.0, 1.0]), "").value == 3.0


def test_plain_reads_read_everything(tmp_path: Path) -> None:
    for k in range(5):
        (tmp_path / f"{k}").write_bytes(bytes(1000 * k))
    forget(tmp_path)
    assert read_plainly(tmp_path, 2) == 10_000


def test_a_command_that_fails_is_an_error() -> None:
    with pytest.raises(DataError, match=r"no circuit at .*nowhere"):
        run_command(["info", "nowhere"])
