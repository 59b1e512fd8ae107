"""The scripts: thin, and they do what they say."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import neurograph as ng
from neurograph.models import BUILT_IN

SCRIPTS = Path(__file__).parent.parent / "scripts"


def test_build_circuit(tmp_path: Path) -> None:
    arguments = ["sheet", tmp_path / "c.zarr", "--neurons", "100", "--synapses-per-neuron", "20"]
    done = subprocess.run([sys.executable, SCRIPTS / "build_circuit.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 0
    assert "2,000 synapses" in done.stdout
    assert ng.open(tmp_path / "c.zarr").synapses == 2000
    done = subprocess.run([sys.executable, SCRIPTS / "build_circuit.py", *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert "never overwritten" in done.stderr


def test_measure_throughput(tmp_path: Path) -> None:
    main = runpy.run_path(str(SCRIPTS / "measure_throughput.py"))["main"]
    options = [
        "--sizes",
        "200,400",
        "--synapses-per-neuron",
        "50",
        "--duration",
        "20",
        "--json",
        str(tmp_path / "t.json"),
    ]
    result = CliRunner().invoke(main, [str(tmp_path / "circuits"), *options], catch_exceptions=False)
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 3
    figures = json.loads((tmp_path / "t.json").read_text())
    assert [row["synapses"] for row in figures] == [10_000, 20_000]
    for row in figures:
        assert row["duration_ms"] == 20.0
        assert row["events_per_s"] == pytest.approx(row["synaptic_events"] / row["wall_s"])
    assert sorted(path.name for path in (tmp_path / "circuits").iterdir()) == [
        "modular-200x50-seed1.zarr",
        "modular-400x50-seed1.zarr",
    ]


def test_measure_models(capsys: pytest.CaptureFixture[str]) -> None:
    main = runpy.run_path(str(SCRIPTS / "measure_models.py"))["main"]
    main.__globals__.update(ROUNDS=2, BEST_OF=1)
    main()
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == [*(model.__name__ for model in BUILT_IN), "OwnLIFExp"]
    assert all(float(row.split()[1]) > 0 for row in rows)


def test_the_golden_circuit_is_what_its_script_makes(tmp_path: Path) -> None:
    runpy.run_path(str(SCRIPTS / "make_golden.py"))["main"](tmp_path / "fly")
    golden = Path(__file__).parent / "golden" / "fly"
    for name in ("edges.csv", "drive.csv", "spikes.csv"):
        assert (tmp_path / "fly" / name).read_text() == (golden / name).read_text()


@pytest.mark.parametrize("fault", ["kill-build", "kill-import", "kill-run", "flip"])
def test_faults_lose_nothing(fault: str, tmp_path: Path) -> None:
    """A short form of ``python scripts/inject_faults.py``; the long one is for changes in how things are stored."""
    command = [sys.executable, SCRIPTS / "inject_faults.py", fault, tmp_path / "f", "--rounds", "3", "--seed", "5"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{fault}: 3 rounds, 0 lost"


def test_faults_that_the_machine_makes_lose_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable,
        SCRIPTS / "inject_faults.py",
        "slow-disk",
        tmp_path / "f",
        "--rounds",
        "2",
        "--seed",
        "5",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    # A run in a control group is shown in test_limits.py, a disk that is full in test_resume.py.
    assert done.stdout.splitlines()[-1] == "slow-disk: 2 rounds, 0 lost"


def test_measure_live(tmp_path: Path) -> None:
    ng.build(tmp_path / "c.zarr", ng.recipes.random(neurons=200, synapses_per_neuron=20), seed=1)
    main = runpy.run_path(str(SCRIPTS / "measure_live.py"))["main"]
    done = CliRunner().invoke(main, [str(tmp_path / "c.zarr"), "--duration", "100", "--rounds", "1"])
    assert done.exit_code == 0
    assert "processor time by wall time: median" in done.output
