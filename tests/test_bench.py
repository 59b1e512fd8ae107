"""The suites run in a tiny form, and write what they found; no test here looks at a time."""

import json
from pathlib import Path

import pytest

from neurograph.bench.child import run_command
from neurograph.bench.disk import forget, read_plainly
from neurograph.bench.figures import figure, in_turns, ratios
from neurograph.cli.main import call
from neurograph_storage.errors import DataError

TINY = ["--up-to", "200000", "--scale", "0.02", "--rounds", "1", "--duration", "10", "--areas", "2", "--peers", "scipy"]


@pytest.mark.parametrize("suite", ["balanced", "build", "kernels", "microcircuit", "multiarea", "order"])
def test_a_suite_writes_its_figures(suite: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["bench", suite, "--out", str(tmp_path), *TINY]) == 0
    printed = capsys.readouterr().out.splitlines()
    content = json.loads((tmp_path / f"{suite}.json").read_text())
    assert content["command"].startswith(f"neurograph bench {suite} ")
    assert len(content["figures"]) == len(printed) > 1
    assert content["machine"]["threads"] >= 1
    for row in content["figures"]:
        assert row["value"] == row["value"], row
        assert row["runs"]
    assert len((tmp_path / f"{suite}.csv").read_text().splitlines()) == len(printed) + 1


def test_what_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["bench", "speed", "--out", str(tmp_path)]) == 2
    assert (
        "no suite 'speed'; choose from balanced, build, kernels, microcircuit, multiarea, order, outofcore"
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
