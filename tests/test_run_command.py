"""What ``neurograph run`` keeps of a run, and how it takes one up."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph.formats import spike_files


@pytest.fixture
def circuit(build_small) -> ng.Circuit:
    return build_small("random", neurons=300, synapses_per_neuron=100)


def test_a_folder_of_a_run_that_streams(circuit: ng.Circuit, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    drive = tmp_path / "drive.csv"
    drive.write_text("step,neuron,weight\n" + "".join(f"{step},{k},3000\n" for step in (3, 90) for k in range(30)))
    arguments = ["run", str(circuit.path), "--duration", "50", "--memory", "192KiB", "--save", str(folder)]
    arguments += ["--drive", str(drive)]
    assert call(arguments) == 0
    assert sorted(file.name for file in folder.iterdir()) == [
        "rates.parquet", "residency.parquet", "series.parquet", "spikes.parquet", "statistics.json",
    ]  # fmt: skip
    said = json.loads((folder / "statistics.json").read_text())
    assert said.keys() == {"ended", "command", "circuit", "seed", "figures", "machine"}
    assert (said["ended"], said["seed"], said["circuit"]["populations"]) == ("complete", 0, {"E": 240, "I": 60})
    figures, series = said["figures"], pq.read_table(folder / "series.parquet")
    assert series.column_names == [
        "time_ms", "wall_s", "interval_s", "simulated_ms", "spikes", "synaptic_events", "bytes_read", "read_requests",
        "stall_s", "events_per_s", "bytes_per_s", "stall_share", "prefetch_hits", "prefetch_misses", "wasted_bytes",
        "resident_bytes",
    ]  # fmt: skip
    for name in ("spikes", "synaptic_events", "bytes_read", "read_requests"):
        assert sum(series[name].to_pylist()) == figures[name] > 0
    assert sum(series["interval_s"].to_pylist()) == pytest.approx(figures["wall_s"])
    assert series["time_ms"].to_pylist()[-1] == pytest.approx(50.0)
    rates, sizes = pq.read_table(folder / "rates.parquet"), np.array([240, 60])
    counts = np.array([rates["E"].to_pylist(), rates["I"].to_pylist()]).T * sizes / 1000.0
    assert round(counts.sum()) == len(ng.read_spikes(folder / "spikes.parquet")[0]) == figures["spikes"]


def test_a_folder_is_never_overwritten_but_by_the_run_that_goes_on(
    circuit: ng.Circuit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["run", str(circuit.path), "--save", str(tmp_path / "run"), "--checkpoint", str(tmp_path / "c")]
    assert call([*run, "--duration", "20", "--seed", "3"]) == 0
    assert call([*run, "--duration", "20"]) == 2
    assert "holds a run, which is never overwritten" in capsys.readouterr().err
    assert call([*run, "--duration", "60", "--resume", str(tmp_path / "c"), "--workers", "2"]) == 0
    assert call(["run", str(circuit.path), "--duration", "60", "--seed", "3", "--save", str(tmp_path / "whole")]) == 0
    for name in ("spikes.parquet", "rates.parquet"):
        assert pq.read_table(tmp_path / "run" / name).equals(pq.read_table(tmp_path / "whole" / name))
    assert json.loads((tmp_path / "run" / "statistics.json").read_text())["figures"]["duration_ms"] == 60.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--duration", "5", "--resume", "CHECK"], "duration is 5 ms, but the checkpoint is at 20 ms: give more"),
        (["--duration", "50", "--resume", "CHECK", "--seed", "4"], "seed is 4, but the run of checkpoint"),
        (["--duration", "50", "--resume", "NONE"], "no checkpoint at"),
        (["--duration", "50", "--checkpoint-every", "5"], "--checkpoint-every needs --checkpoint"),
        (["--duration", "50", "--checkpoint", "NONE/c"], "cannot write a checkpoint to"),
        (["--duration", "50", "--checkpoint", "NONE", "--checkpoint-every", "0"], "checkpoint_every is 0.0 ms"),
        (["--duration", "50", "--save", "NONE/run"], "cannot make the folder"),
        (["--duration", "-1", "--save", "NONE"], "duration is -1.0 ms"),
        (["--duration", "1", "--memory", "1KiB", "--save", "NONE"], "the memory budget is 1.0 KiB"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_nothing(
    circuit: ng.Circuit, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert call(["run", str(circuit.path), "--duration", "20", "--checkpoint", str(tmp_path / "check")]) == 0
    places = {"CHECK": str(tmp_path / "check"), "NONE": str(tmp_path / "none")}
    filled = [
        next((argument.replace(k, v) for k, v in places.items() if argument.startswith(k)), argument)
        for argument in arguments
    ]
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert call(["run", str(circuit.path), *filled]) == 2
    assert message in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_an_error_in_mid_run_says_where_the_spikes_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    circuit = ng.build(tmp_path / "c.zarr", ng.recipes.random(neurons=500, synapses_per_neuron=1000), seed=1)
    file = circuit.path / "rows/words/c/0"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert call(["run", str(circuit.path), "--duration", "100", "--save", str(tmp_path / "run")]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("spikes up to ")
    assert first.endswith(f"ms are in {tmp_path / 'run' / 'spikes.parquet'}")
    assert str(file) in second
    assert str(file) in json.loads((tmp_path / "run" / "statistics.json").read_text())["ended"]


def test_an_error_of_writing_does_not_hide_the_one_before(
    circuit: ng.Circuit, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(self: ng.Simulation, *_given: object, **_options: object) -> None:
        raise ng.DataError("the first error")

    def full(*_given: object) -> None:
        raise OSError("the second error")

    monkeypatch.setattr(spike_files, "write_spikes", full)
    run = ["run", str(circuit.path), "--duration", "10", "--spikes", str(tmp_path / "s.csv")]
    assert call(run) == 1
    assert capsys.readouterr().err == "Error: the second error\n"
    monkeypatch.setattr(ng.Simulation, "run", run_out)
    assert call([*run, "--save", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said == ["what there was before the error cannot be written either: the second error",
                    "Error: the first error"]  # fmt: skip
    assert json.loads((tmp_path / "run" / "statistics.json").read_text())["ended"] == "the first error"


def test_two_spikes_of_a_source_in_one_step_are_one_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = ng.Network(dt=0.1)
    network.population("quiet", 3, ng.LIFExp())
    network.population("sources", 2, ng.SpikeSource())
    circuit = ng.build(tmp_path / "c.zarr", network)
    drive = tmp_path / "drive.csv"
    drive.write_text("time_ms,neuron,weight\n1.0,3,1\n1.04,3,1\n1.0,4,1\n2.0,3,1\n1.0,0,5\n1.0,0,5\n")
    assert call(["run", str(circuit.path), "--duration", "5", "--drive", str(drive), "--json"]) == 0
    said, error = capsys.readouterr()
    assert json.loads(said)["spikes"] == 3
    assert error.startswith("1 of 6 events of ")
    assert "a smaller dt keeps them apart" in error
