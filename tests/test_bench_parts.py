"""Suites go on where they were stopped, keep to their time, and draw and write what they found."""

import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from neurograph.bench.figures import Figure, figure
from neurograph.bench.limited import OutOfMemoryError, active_neurons, can_limit, run_json
from neurograph.bench.parts import Clock, Part, go_through
from neurograph.bench.pictures import draw
from neurograph.bench.record import Record
from neurograph.bench.settings import Settings
from neurograph_storage.errors import DataError

SCRIPTS = Path(__file__).parent.parent / "scripts"


class Suite:
    """Two parts that say when they are measured; the second fails as long as it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.measured, self.failing = folder, list[str](), True
        self.said: list[str] = []

    def parts(self) -> list[Part]:
        return [Part(name=name, measure=lambda name=name: self.measure(name), uses=("rounds",)) for name in ("a", "b")]

    def measure(self, name: str) -> Iterator[Figure]:
        self.measured.append(name)
        yield figure(f"first of {name}", [1.0], "")
        if name == "b" and self.failing:
            raise DataError("the disk is full")
        yield figure(f"second of {name}", [2.0, 4.0], "times", asked="at least 5")

    def run(self, *, rounds: int = 1, fresh: bool = False) -> list[str]:
        """Run the suite and return which figures are recorded."""
        self.measured.clear()
        record = Record(self.folder, "suite", "neurograph bench suite", fresh=fresh)
        settings = Settings(rounds=rounds)
        go_through(self.parts(), record, settings, Clock(None), lambda _: None, self.said.append)
        return [row["what"] for row in json.loads(record.path.read_text())["figures"]]


def test_a_suite_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    assert suite.run() == ["first of a", "second of a", "first of b"]
    assert "b: failed: the disk is full" in suite.said
    suite.failing = False
    assert suite.run() == ["first of a", "second of a", "first of b", "second of b"]
    assert suite.measured == ["b"]
    suite.run()
    assert suite.measured == []


def test_other_settings_and_a_fresh_start_measure_again(tmp_path: Path) -> None:
    suite = Suite(tmp_path)
    suite.failing = False
    suite.run()
    suite.run(rounds=2)
    assert suite.measured == ["a", "b"]
    suite.run(rounds=2, fresh=True)
    assert suite.measured == ["a", "b"]


def test_a_stopped_part_leaves_what_it_found(tmp_path: Path) -> None:
    def measure() -> Iterator[Figure]:
        yield figure("found", [1.0], "")
        raise KeyboardInterrupt

    part = Part(name="p", measure=measure)
    with pytest.raises(KeyboardInterrupt):
        go_through([part], Record(tmp_path, "s", ""), Settings(), Clock(None), lambda _: None, lambda _: None)
    content = json.loads((tmp_path / "s.json").read_text())
    assert [row["what"] for row in content["figures"]] == ["found"]
    assert content["parts"]["p"]["complete"] is False
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 2


def test_what_does_not_fit_in_the_time_is_left_out() -> None:
    now = [0.0]
    clock = Clock(100.0, lambda: now[0])
    small, middle, large = (Part(name=f"{s}", measure=lambda: iter(()), kind="k", size=s) for s in (1.0, 10.0, 100.0))
    assert clock.has_time(large)
    clock.took(small, 2.0)
    assert clock.expected(middle) == 2.0
    clock.took(middle, 11.0)
    assert clock.expected(large) == 101.0
    assert not clock.has_time(large)
    assert clock.has_time(middle)
    now[0] = 90.0
    assert not clock.has_time(middle)


def test_a_damaged_record_is_refused_unless_a_fresh_one_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text("{")
    with pytest.raises(DataError, match="--fresh starts over"):
        Record(tmp_path, "s", "")
    Record(tmp_path, "s", "", fresh=True).save()
    assert json.loads((tmp_path / "s.json").read_text())["figures"] == []


@pytest.mark.skipif(not can_limit(), reason="control groups cannot be made here")
def test_a_process_that_takes_too_much_is_told_from_one_that_fails() -> None:
    with pytest.raises(OutOfMemoryError, match="took more than"):
        run_json([sys.executable, "-c", "bytearray(300 * 2**20)"], 2**26)
    with pytest.raises(DataError, match="status 3"):
        run_json([sys.executable, "-c", "import sys; sys.exit(3)"], 2**26)
    assert run_json([sys.executable, "-c", "print('{\"a\": 1}')"], 2**26) == {"a": 1}


def test_the_same_neurons_are_active_for_everyone() -> None:
    step, index = active_neurons(1000, 50, 20, among=100, every=10)
    assert np.unique(step).tolist() == [0, 10, 20, 30, 40]
    assert np.bincount(step)[0] == 20
    assert set((index % 10).tolist()) == {0}
    half, _ = active_neurons(1000, 4000, 0.5)
    assert 1900 < len(half) < 2100


def test_pictures_and_the_page_are_made_from_the_figures(tmp_path: Path) -> None:
    place = {"panel": "cost", "line": "in memory"}
    figures = {
        "lines": [{"at": place | {"x": x}, "value": 1.0 * x, "runs": [x, x]} for x in (1, 10)],
        "bars": [{"asked": "at least 2", "value": 1.0, "note": "why it is so"}, {"asked": "at most 3", "value": 1.0}],
        "curve": [{"at": {"curve": [0.0, 60.0], "panel": "memory"}, "runs": [1.0, 1.0]}],
        "plain": [{}],
    }
    results = tmp_path / "results"
    results.mkdir()
    empty = {"what": "w", "value": 1.0, "unit": "u", "asked": "", "note": "", "runs": [1.0], "at": {}}
    record = Record(results, "x", "neurograph bench x")
    record.save()
    machine = json.loads(record.path.read_text())["machine"]
    record.path.unlink()
    for name, rows in figures.items():
        content = {"suite": name, "command": "c", "machine": machine, "figures": [empty | row for row in rows]}
        content["parts"] = {"p": {"failed": "no room"}} if name == "plain" else {}
        (results / f"{name}.json").write_text(json.dumps(content))
    runpy.run_path(str(SCRIPTS / "write_benchmarks.py"))["main"](results, tmp_path / "page.md")
    drawn = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert drawn == ["bench-bars.png", "bench-curve.png", "bench-lines.png"]
    page = (tmp_path / "page.md").read_text()
    assert "| bars: w | 1 | u | at least 2 | one run | why it is so |" in page
    assert "- plain, p: no room" in page
    assert page.count("bars: w") == 1
    assert not draw({"suite": "none", "figures": []}, tmp_path / "none.png")


def test_counts_are_what_they_were() -> None:
    """``make counts`` writes them again, if a change is meant."""
    command = [sys.executable, "-m", "neurograph.bench.counts"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    known = json.loads((Path(__file__).parent / "golden" / "counts.json").read_text())
    for name, counts in known.items():
        # A read that is under way when its row is wanted again may or may not have arrived.
        loose = {"bytes", "reads", "asked"} & counts.keys()
        assert found[name] == counts | {key: found[name][key] for key in loose}
        for key in loose:
            assert found[name][key] == pytest.approx(counts[key], rel=0.02)
    assert found.keys() == known.keys()
