"""Plans are within a quarter of what was measured; what they say follows from what they are given."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import neurograph as ng
from neurograph.calibrating import calibrated
from neurograph.cli.main import call
from neurograph.machine import advice
from neurograph.planning import Demand, Machine, plan

DOCS = Path(__file__).parent.parent / "docs"
MACHINE = Machine(memory=15e9, cores=2, workers=2)
FULL = Demand(neurons=77_169, synapses_per_neuron=3_873, rate=3.33)
SMALL = Demand(neurons=15_434, synapses_per_neuron=774, rate=3.0)
AREAS = Demand(neurons=308_676, synapses_per_neuron=4_900, rate=3.3, delays=170)
RANDOM = Demand(neurons=1e6, synapses_per_neuron=1_000, rate=1.0)


def measured(section: str, what: str, unit: str = "") -> float:
    """Return a figure of the page of benchmarks."""
    text = (DOCS / "benchmarks.md").read_text().split(f"## {section}")[1].split("\n## ")[0]
    found = re.search(rf"^\| {re.escape(what)} \| ([\d.,]+) \| {unit}", text, re.M)
    assert found is not None, (section, what)
    return float(found[1].replace(",", ""))


def rows() -> list[tuple[str, float, float]]:
    """Return what was planned and what was measured."""
    eight = {"weight_bits": 8}
    packed, packed_8 = replace(FULL, codec="compressed"), replace(FULL, codec="compressed", **eight)
    size, column, tenth = "bytes a synapse", "The cortical microcircuit, beside NEST", "The microcircuit at scale 0.2"
    of = "Building, bytes, checking"
    return [
        (f"microcircuit, raw: {size}", plan(FULL, MACHINE).bytes_per_synapse,
         measured(of, "raw, 16-bit codes, all arrays")),
        (f"microcircuit, raw, 8-bit codes: {size}", plan(replace(FULL, **eight), MACHINE).bytes_per_synapse,
         measured(of, "raw, 8-bit codes, all arrays")),
        (f"microcircuit, compressed: {size}", plan(packed, MACHINE).bytes_per_synapse,
         measured(of, "compressed, 16-bit codes, all arrays")),
        (f"microcircuit, compressed, 8-bit codes: {size}", plan(packed_8, MACHINE).bytes_per_synapse,
         measured(of, "compressed, 8-bit codes, all arrays")),
        ("`random`, 1,000,000,000 synapses: seconds to build", plan(RANDOM, MACHINE).build_s,
         1e3 / measured(of, "build rate")),
        ("microcircuit: real-time factor", plan(FULL, MACHINE).real_time_factor,
         measured(column, "real-time factor")),
        ("microcircuit at scale 0.2: real-time factor", plan(SMALL, MACHINE).real_time_factor,
         measured(tenth, "real-time factor")),
        ("four coupled areas, `--delays 170`: real-time factor", plan(AREAS, MACHINE).real_time_factor,
         measured("Coupled areas in a fixed memory", "real-time factor of coupled areas")),
    ]  # fmt: skip


def table() -> str:
    """Return the table of docs/planning.md."""
    lines = [f"| {what} | {planned:.3g} | {found:.3g} | {planned / found:.2f} |" for what, planned, found in rows()]
    return "\n".join(["| what | planned | measured | ratio |", "|---|---|---|---|", *lines])


def test_plans_are_within_a_quarter_of_what_was_measured() -> None:
    for what, planned, found in rows():
        assert abs(planned / found - 1) < 0.25, (what, planned, found)


def test_the_table_in_the_document_is_what_is_planned() -> None:
    assert table() in (DOCS / "planning.md").read_text()


def test_bytes_of_a_plan_are_those_of_a_circuit(tmp_path: Path) -> None:
    network = ng.recipes.random(neurons=20_000, synapses_per_neuron=200)
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1)
    stored = sum(spec.nbytes for spec in circuit.store.specs.values())
    planned = plan(Demand(neurons=20_000, synapses_per_neuron=200, rate=1.0), MACHINE)
    assert abs(planned.disk_bytes / stored - 1) < 0.1


def test_the_human_cortex_asks_for_many_machines() -> None:
    demand = Demand(neurons=3e10, synapses_per_neuron=2e14 / 3e10, rate=1.0, codec="compressed", weight_bits=8)
    found = plan(demand, Machine(memory=512 * 2**30, cores=64, disk_size=8e12, disks=4))
    assert 4e14 < found.disk_bytes < 8e14
    assert found.disks == pytest.approx(found.disk_bytes / 7.2e12, abs=1)
    assert found.machines >= max(found.disks / 4, 3e10 / 2**32)
    assert found.limit == "reading synapses from disk"
    twice = plan(demand, Machine(memory=512 * 2**30, cores=64, disk_size=8e12, disks=4, disk_speed=2e9))
    assert twice.disk_s == pytest.approx(found.disk_s / 2)


def test_what_limits_a_run() -> None:
    quiet, busy = replace(FULL, rate=0.01), replace(FULL, rate=100.0)
    assert plan(quiet, MACHINE).limit == "updating neurons"
    assert plan(busy, MACHINE).limit == "delivering synaptic events"
    small = replace(MACHINE, memory=1e8, disk_speed=1e8)
    found = plan(FULL, small)
    assert found.limit == "reading synapses from disk"
    assert found.resident_share < 0.1
    assert plan(FULL, MACHINE).resident_share == 1
    assert plan(replace(FULL, synapses_per_neuron=0.0), MACHINE).delivery_s == 0


def test_a_machine_is_measured_by_a_small_circuit() -> None:
    machine = calibrated(MACHINE)
    assert machine.slowness > 0
    assert replace(machine, slowness=1.0) == MACHINE


def test_plan_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    circuit = ["plan", "--neurons", "77169", "--synapses-per-neuron", "3.87k", "--rate", "3.3"]
    assert call([*circuit, "--memory", "8GiB", "--cores", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["demand"]["synapses_per_neuron"] == 3870
    assert found["machine"]["memory"] == 8 * 2**30
    assert found["plan"]["machines"] == 1
    assert call(["plan", "--neurons", "3e10", "--synapses-per-neuron", "6667", "--rate", "1"]) == 0
    text = capsys.readouterr().out
    assert "30,000,000,000 neurons, 2e+14 synapses" in text
    assert "this release runs on one" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--neurons", "many"], "'many' is not a number"),
        (["--neurons", "0"], "neurons is 0.0, it must be positive"),
        (["--rate", "-1"], "rate is -1.0, it must be at least 0"),
        (["--codec", "zip"], "codec is 'zip'"),
        (["--model", "HH"], "HH"),
        (["--weight-bits", "4"], "weight bits are 4"),
        (["--memory", "much"], "size 'much' is not understood"),
    ],
)
def test_plans_that_cannot_be_made(capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert call(["plan", "--neurons", "10", "--synapses-per-neuron", "1", "--rate", "1", *options]) == 2
    assert message in capsys.readouterr().err


def test_doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["doctor", str(tmp_path), "--size", "4MiB", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"]["neurograph"]
    assert found["memory"]["default_budget_bytes"] < found["memory"]["physical_bytes"]
    assert all(found["disk"][f"{what}_bytes_per_s"] > 0 for what in ("write", "read", "random_read"))
    assert list(tmp_path.iterdir()) == []
    assert call(["doctor", str(tmp_path), "--size", "4MiB"]) == 0
    assert "unless told otherwise" in capsys.readouterr().out
    assert call(["doctor", str(tmp_path / "none")]) == 2


def test_what_doctor_advises() -> None:
    disk = {"tested_bytes": 1, "random_read_bytes_per_s": 5e8, "read_ahead_kib": 128}
    good = {"memory": {"huge_pages": "madvise"}, "disk": disk, "processor": {"usable_cores": 4}}
    assert list(advice(good)) == []
    bad = {
        "memory": {"huge_pages": "never"},
        "disk": {"tested_bytes": 1, "random_read_bytes_per_s": 5e7, "read_ahead_kib": 8192},
        "processor": {"usable_cores": 1},
    }
    assert [note.split(":")[0] for note in advice(bad)] == [
        "huge pages are off",
        "the system reads 8192 KiB ahead",
        "the disk reads less than 100 MB/s at random",
        "one core only",
    ]
    assert list(advice({**good, "disk": {**disk, "tested_bytes": 0}})) == ["the disk is too full to be tested"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["completion", shell]) == 0
    assert "_NEUROGRAPH_COMPLETE" in capsys.readouterr().out
