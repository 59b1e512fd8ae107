"""The command line: what is printed, which exit status, and that errors are one or two lines."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import neurograph as ng
from neurograph.cli.main import call

SMALL = ["--neurons", "200", "--synapses-per-neuron", "40"]
RUN_KEYS = {
    "neurons", "synapses", "duration_ms", "spikes", "synaptic_events", "wall_s", "real_time_factor", "events_per_s",
    "bytes_read", "read_requests", "read_s", "stall_s", "peak_rss_bytes", "memory_budget_bytes", "prefetch",
}  # fmt: skip


@pytest.fixture
def circuit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    path = str(tmp_path / "c.zarr")
    assert call(["build", "random", path, *SMALL, "--seed", "1"]) == 0
    capsys.readouterr()
    return path


@pytest.mark.parametrize("command", ["build", "import", "info", "order", "plot", "run", "verify"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call([command, "--help"]) == 0
    assert f"\n    neurograph {command} " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["--version"]) == 0
    assert "0.1.0" in capsys.readouterr().out


def test_build_says_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "m.zarr")
    assert call(["build", "modular", path, *SMALL, "--modules", "5", "--stimulus", "0.3", "--shuffle"]) == 0
    assert "200 neurons, 8,000 synapses" in capsys.readouterr().out
    recipe = ng.open(path).store.circuit["provenance"]["recipe"]
    assert (recipe["modules"], recipe["stimulus"]) == (5, 0.3)


def test_run_prints_figures(circuit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["run", circuit, "--duration", "50"]) == 0
    done = capsys.readouterr()
    assert "real-time factor" in done.out
    assert "mean rate" in done.out
    assert done.err == ""


def test_run_prints_one_json_object(circuit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["run", circuit, "--duration", "50", "--memory", "512MiB", "--workers", "2", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures.keys() == RUN_KEYS
    assert figures["prefetch"] == {"policy": "none", "hits": 0, "misses": 0, "wasted_bytes": 0}
    assert figures["memory_budget_bytes"] == 512 * 2**20
    assert figures["spikes"] > 0


def test_run_writes_spikes(circuit: str, tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    assert call(["run", circuit, "--duration", "100", "--seed", "3", "--spikes", str(path)]) == 0
    table = pq.read_table(path)
    assert table.column_names == ["time_ms", "neuron", "population"]
    assert [str(t) for t in table.schema.types[:2]] == ["double", "int64"]
    pairs = list(zip(table["time_ms"].to_pylist(), table["neuron"].to_pylist(), strict=True))
    assert pairs == sorted(pairs)
    assert set(table["population"].to_pylist()) == {"E", "I"}
    with ng.Simulation(circuit, seed=3) as sim:
        sim.run(100.0)
    assert [neuron for _, neuron in pairs] == sim.spikes.neurons.tolist()


def test_info(circuit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["info", circuit]) == 0
    text = capsys.readouterr().out
    for part in ("200", "8,000", "bytes a synapse", "rows/words", "LIFExp", "random, seed 1"):
        assert part in text
    assert call(["info", circuit, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["neurons"], facts["synapses"], facts["partitions"]["count"]) == (200, 8000, 1)
    assert 4.0 < facts["bytes_per_synapse"]["rows/words"] < 8.0
    assert facts["target_blocks"] == {"count": 2, "neurons": 100}


def test_plot(circuit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spikes = str(tmp_path / "s.parquet")
    assert call(["run", circuit, "--duration", "200", "--spikes", spikes]) == 0
    assert call(["plot", spikes, "--start", "20", "--circuit", circuit]) == 0
    assert f"picture written to {tmp_path / 's.png'}" in capsys.readouterr().out
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["build", "cortex", "OUT"],
            2,
            "no recipe 'cortex'; choose from random, modular, sheet, microcircuit, multiarea",
        ),
        (["build", "random", "OUT", "--modules", "4"], 2, "--modules does not go with the recipe random"),
        (["build", "random", "OUT", "--neurons", "many"], 2, "'many' is not a valid integer"),
        (["build", "random", "NONE/OUT", *SMALL], 2, "cannot write to"),
        (["build", "random", "CIRCUIT", *SMALL], 2, "exists and is never overwritten"),
        (["run", "OUT", "--duration", "1"], 2, "no circuit at"),
        (["run", "CIRCUIT"], 2, "Missing option '--duration'"),
        (["run", "CIRCUIT", "--duration", "-5"], 2, "duration is -5.0 ms"),
        (["run", "CIRCUIT", "--duration", "nan"], 2, "duration is nan ms"),
        (["run", "CIRCUIT", "--duration", "inf"], 2, "duration is inf ms"),
        (["run", "CIRCUIT", "--duration", "1", "--memory", "lots"], 2, "size 'lots' is not understood"),
        (["run", "CIRCUIT", "--duration", "1", "--memory", "1KiB"], 2, "the memory budget is 1.0 KiB; give at least"),
        (["run", "CIRCUIT", "--duration", "1", "--workers", "0"], 2, "workers is 0"),
        (["run", "CIRCUIT", "--duration", "1", "--drive", "OUT.csv"], 2, "no file"),
        (["run", "CIRCUIT", "--duration", "1", "--spikes", "OUT.xlsx"], 2, "allowed endings: .parquet"),
        (["run", "CIRCUIT", "--duration", "1", "--spikes", "NONE/s.parquet"], 2, "there is no such folder"),
        (["info", "OUT"], 2, "no circuit at"),
        (["verify", "OUT"], 2, "no circuit at"),
        (["plot", "CIRCUIT/zarr.json"], 2, "is not a table that can be read"),
        (["simulate"], 2, "No such command 'simulate'"),
    ],
)
def test_errors(
    circuit: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    places = {"CIRCUIT": circuit, "NONE": str(tmp_path / "none"), "OUT": str(tmp_path / "out")}
    filled = list(arguments)
    for name, place in places.items():
        filled = [argument.replace(name, place) for argument in filled]
    before = sorted(tmp_path.rglob("*"))
    assert call(filled) == status
    done = capsys.readouterr()
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interrupt_is_reported_as_one(circuit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ng.Simulation, "run", interrupt)
    assert call(["run", circuit, "--duration", "1"]) == 130


@pytest.mark.parametrize("model", ["LIFDelta", "Izhikevich", "PoissonSource"])
def test_import_takes_any_model_by_name(tmp_path: Path, model: str) -> None:
    (tmp_path / "edges.csv").write_text("pre,post,w\n1,2,5.0\n2,3,-4.0\n")
    columns = ["--source", "pre", "--target", "post", "--weight", "w", "--delay-ms", "1.5"]
    assert call(["import", str(tmp_path / "edges.csv"), str(tmp_path / "c.zarr"), *columns, "--model", model]) == 0
    with ng.Simulation(ng.open(tmp_path / "c.zarr")) as sim:
        sim.run(500.0)
    assert (len(sim.spikes) > 0) == (model == "PoissonSource")
