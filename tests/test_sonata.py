"""SONATA networks, in the layout of the public examples, are imported, run and exported; and again the same."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph.formats.sonata_config import read_config
from neurograph.formats.sonata_models import NEST_MODELS, node_of
from tests import sonata_files

Make = Callable[[Path], Path]


def spikes(circuit: ng.Circuit, config: Path, duration: float = 60.0) -> list[tuple[int, int]]:
    with ng.Simulation(circuit, workers=1, drive=ng.read_drive(config, circuit)) as sim:
        sim.run(duration)
    return list(zip(sim.spikes.steps.tolist(), sim.spikes.neurons.tolist(), strict=True))


def synapses(circuit: ng.Circuit) -> list[tuple[Any, ...]]:
    columns = ("source", "target", "weight", "delay", "receptor")
    parts = [zip(*(getattr(b, name).tolist() for name in columns), strict=True) for b in circuit.edges()]
    return sorted(row for part in parts for row in part)


def expected_synapses(folder: Path, stem: str, place: Callable[[int], int], base: int) -> list[tuple[Any, ...]]:
    """Return source, target, weight and delay as a plain reading of the files gives them."""
    lines = [line.split(" ") for line in (folder / f"network/{stem}_edge_types.csv").read_text().splitlines()]
    types = {int(row[0]): dict(zip(lines[0], row, strict=True)) for row in lines[1:]}
    with h5py.File(folder / f"network/{stem}_edges.h5") as file:
        group = next(iter(file["edges"].values()))
        source, target, kind = (group[n][:].tolist() for n in ("source_node_id", "target_node_id", "edge_type_id"))
        each = {name: values[:].tolist() for name, values in group["0"].items()}
    found = []
    for k, (s, t, e) in enumerate(zip(source, target, kind, strict=True)):
        said = types[e]
        sign = json.loads((folder / "synapses" / said["dynamics_params"]).read_text()).get("sign", 1)
        weight = each["syn_weight"][k] if "syn_weight" in each else float(said["syn_weight"])
        found.append(
            (s + base, place(t), weight * each.get("nsyns", [1] * len(source))[k] * sign, float(said["delay"]))
        )
    return found


def test_point_neurons_are_loaded_unchanged(tmp_path: Path) -> None:
    config = sonata_files.pointneurons(tmp_path / "net")
    circuit = ng.import_sonata(config, tmp_path / "c.zarr")
    assert {name: p.size for name, p in circuit.populations.items()} == {
        "internal/Scnn1a": 20, "internal/Rorb": 12, "internal/PV1": 8, "external": 10,
    }  # fmt: skip
    expected = expected_synapses(tmp_path / "net", "internal_internal", int, 0)
    expected += expected_synapses(tmp_path / "net", "external_internal", int, 40)
    assert [row[:4] for row in synapses(circuit)] == sorted(expected)
    assert circuit.populations["internal/PV1"].model == ng.LIFAlpha(
        tau_m=9.0, C_m=180.0, t_ref=3.0, E_L=-77.0, V_th=-54.0, V_reset=-59.0
    )
    with h5py.File(tmp_path / "net/network/internal_nodes.h5") as file:
        kinds = file["nodes/internal/node_type_id"][:]
    assert sorted(circuit.neuron_ids("internal/PV1").tolist()) == np.flatnonzero(kinds == 102).tolist()


def test_integrate_and_fire_points_are_loaded_with_signs_contacts_and_rounded_delays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = sonata_files.intfire(tmp_path / "net")
    assert call(["import", str(config), str(tmp_path / "c.zarr")]) == 0
    assert "delays were rounded to steps of 0.1 ms, by 0.04 ms at most" in capsys.readouterr().err
    circuit = ng.open(tmp_path / "c.zarr")
    expected = expected_synapses(tmp_path / "net", "v1_v1", int, 0)
    expected += expected_synapses(tmp_path / "net", "lgn_v1", int, 30)
    found = synapses(circuit)
    assert [row[:2] for row in found] == [row[:2] for row in sorted(expected)]
    assert [row[2] for row in found] == pytest.approx([row[2] for row in sorted(expected)], rel=1e-4)
    assert {row[3] for row in found} == {2.0}
    model = circuit.populations["v1/LIF_exc"].model
    assert isinstance(model, ng.LIFDelta)
    assert (model.tau_m, model.t_ref, model.E_L, model.V_reset) == (24.0, 3.0, 0.0, 0.0)
    assert spikes(circuit, config)


@pytest.mark.parametrize("make", [sonata_files.pointneurons, sonata_files.intfire])
def test_a_network_exported_and_imported_spikes_the_same(tmp_path: Path, make: Make) -> None:
    config = make(tmp_path / "net")
    first = ng.import_sonata(config, tmp_path / "c.zarr")
    ng.export_circuit(first, tmp_path / "again.sonata")
    second = ng.import_sonata(tmp_path / "again.sonata/simulation_config.json", tmp_path / "d.zarr")
    assert synapses(first) == synapses(second)
    assert second.models == first.models
    assert list(second.populations) == list(first.populations)
    assert spikes(second, config) == spikes(first, config) != []


def test_a_circuit_of_ours_goes_through_sonata_unchanged(tmp_path: Path) -> None:
    """Drives, start values that are drawn, several populations, two receptors, shuffled storage."""
    first = _mixed(tmp_path)
    ng.export_circuit(first, tmp_path / "s")
    second = ng.import_sonata(tmp_path / "s/circuit_config.json", tmp_path / "d.zarr")
    assert synapses(first) == synapses(second)
    assert second.drives == first.drives
    runs = []
    for circuit in (first, second):
        with ng.Simulation(circuit, workers=1, seed=3) as sim:
            sim.run(50.0)
        runs.append((sim.spikes.steps.tolist(), sim.spikes.neurons.tolist()))
    assert runs[0] == runs[1]
    assert len(runs[0][0]) >= 100


def _mixed(tmp_path: Path) -> ng.Circuit:
    network = ng.Network(dt=0.1)
    a = network.population("a b", 80, ng.LIFExp(), initial={"v": ng.Normal(-58.0, 5.0)}, ids=np.arange(80) * 7 + 2**60)
    b = network.population("B", 30, ng.LIFCond(), initial={"v": np.linspace(-60, -51, 30)}, ids=np.arange(30))
    c = network.population("C", 20, ng.PoissonSource(rate=40.0), ids=np.arange(20) + 100)
    network.connect(a, a, ng.FixedOutdegree(10), weight=ng.Normal(80.0, 8.0), delay=ng.Uniform(0.5, 4.0))
    network.connect(a, b, ng.FixedOutdegree(5), weight=2.5, delay=1.0)
    network.connect(b, a, ng.FixedOutdegree(8), weight=-200.0, delay=1.0)
    network.connect(c, a, ng.AllToAll(), weight=60.0, delay=1.5, receptor="inhibitory")
    network.drive(a[:40], ng.PoissonInput(rate=8000.0, weight=87.8))
    return ng.build(tmp_path / "mixed.zarr", network, seed=1, shuffle=True)


@pytest.mark.skipif(importlib.util.find_spec("nest") is None, reason="NEST is not installed (extra: peers)")
def test_the_same_files_give_the_same_spikes_in_nest(tmp_path: Path) -> None:
    """NEST stamps spikes, those of sources too, at the end of their steps; we at the beginning."""
    config = sonata_files.pointneurons(tmp_path / "net")
    twin = Path(__file__).with_name("nest_sonata.py")
    subprocess.run([sys.executable, twin, config, tmp_path / "nest.npz"], check=True, capture_output=True)
    nest = np.load(tmp_path / "nest.npz")
    expected = sorted(zip(nest["steps"].tolist(), nest["nodes"].tolist(), strict=True))
    with h5py.File(tmp_path / "net/inputs/external_spike_trains.h5", "r+") as file:
        times = file["spikes/external/timestamps"]
        times[:] = np.maximum(times[:] - 0.1, 0.0)
    circuit = ng.import_sonata(config, tmp_path / "c.zarr")
    ours = [(step + 1, neuron) for step, neuron in spikes(circuit, config, 100.0) if neuron < 40 and step < 999]
    assert len(expected) > 300
    assert ours == [spike for spike in expected if spike[0] < 1000]


@pytest.mark.skipif(importlib.util.find_spec("nest") is None, reason="NEST is not installed (extra: peers)")
def test_nest_defaults_are_those_of_nest() -> None:
    program = "import json, nest; print('\\n' + json.dumps({m: {k: v for k, v in nest.GetDefaults(m).items()"
    program += f" if isinstance(v, float)}} for m in {list(NEST_MODELS)}}}))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    defaults = json.loads(done.stdout.splitlines()[-1])
    for name, (_, _, start) in NEST_MODELS.items():
        model = node_of(f"nest:{name}", {}, "").model
        assert asdict(model) | start == {key: defaults[name][key] for key in (*asdict(model), *start)}, name


def test_the_document_names_every_model_of_nest_that_we_have() -> None:
    first, *others = NEST_MODELS
    row = ", ".join([f"`nest:{first}`", *(f"`{name}`" for name in others)])
    assert f"| {row} |" in (Path(__file__).parent.parent / "docs" / "formats.md").read_text()


def test_reports_of_spikes_go_out_and_in(tmp_path: Path) -> None:
    config = sonata_files.intfire(tmp_path / "net")
    out = tmp_path / "c.zarr"
    assert call(["import", str(config), str(out)]) == 0
    for name in ("a.h5", "a.parquet", "a.csv"):
        arguments = ["run", str(out), "--duration", "60", "--drive", str(config), "--spikes", str(tmp_path / name)]
        assert call([*arguments, "--workers", "1"]) == 0
    circuit = ng.open(out)
    with h5py.File(tmp_path / "a.h5") as file:
        assert set(file["spikes"]) == {"v1", "lgn"}
        assert max(file["spikes/lgn/node_ids"]) < 9  # ids of the file's own population, not ours
        assert (np.diff(file["spikes/v1/timestamps"]) >= 0).all()
    times, neurons, names = ng.read_spikes(tmp_path / "a.parquet")
    for name in ("a.h5", "a.csv"):
        found = ng.read_spikes(tmp_path / name, circuit)
        assert found[0].tolist() == times.tolist()
        assert found[1].tolist() == neurons.tolist()
        assert found[2].tolist() == list(names)
    assert call(["export", str(tmp_path / "a.h5"), str(tmp_path / "b.csv"), "--circuit", str(out)]) == 0
    assert (tmp_path / "b.csv").read_text() == (tmp_path / "a.csv").read_text()
    assert call(["export", str(tmp_path / "a.csv"), str(tmp_path / "b.h5")]) == 2


def test_variables_of_a_manifest(tmp_path: Path) -> None:
    said = {
        "manifest": {"$BASE": "${configdir}", "$NET": "$BASE/n"},
        "networks": {"nodes": [{"nodes_file": "$NET/a.h5"}, {"nodes_file": "b.h5", "enabled": False}]},
        "components": {"point_neuron_models_dir": "../m"},
    }
    path = tmp_path / "c.json"
    path.write_text(json.dumps(said))
    config = read_config(path)
    assert config.nodes == [{"nodes_file": str(tmp_path / "n/a.h5")}]
    assert config.components["point_neuron_models_dir"] == str(tmp_path.parent / "m")


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "status", "message"),
    [
        ("network/internal_node_types.csv", "nest:iaf_psc_alpha", "nest:hh_psc_alpha", 1, "which we do not have"),
        ("network/internal_node_types.csv", "point_process", "biophysical", 1, "model_type 'biophysical'"),
        ("network/internal_node_types.csv", "102 i", "109 i", 1, "node type 102"),
        ("network/internal_internal_edge_types.csv", "nest:static_synapse", "nest:stdp_synapse", 1, "stdp_synapse"),
        ("models/1_point.json", '"I_e"', '"V_min"', 1, "has V_min"),
        ("models/1_point.json", "{", "[", 1, "is not JSON"),
        ("circuit_config.json", "$NETWORK_DIR/internal_nodes.h5", "$OTHER/internal_nodes.h5", 1, "uses $OTHER"),
        ("circuit_config.json", "internal_nodes.h5", "none.h5", 2, "no file"),
    ],
)  # fmt: skip
def test_what_a_network_may_not_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, status: int, message: str
) -> None:
    config = sonata_files.pointneurons(tmp_path / "net")
    _edit(tmp_path / "net" / file, old, new)
    assert call(["import", str(config), str(tmp_path / "c.zarr")]) == status
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "c.zarr").exists()


def test_options_of_edge_lists_do_not_go_with_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["import", str(tmp_path / "c.json"), str(tmp_path / "c.zarr"), "--delay-ms", "1"]) == 2
    assert "--delay-ms says nothing" in capsys.readouterr().err


def test_inputs_that_cannot_be_given_are_refused_by_name(tmp_path: Path) -> None:
    config = sonata_files.pointneurons(tmp_path / "net")
    circuit = ng.import_sonata(config, tmp_path / "c.zarr")
    _edit(config, '"module": "nwb", "input_file": "$INPUT_DIR/old.nwb", "enabled": false', '"module": "nwb"')
    with pytest.raises(ng.DataError, match="input old in .* is spikes by nwb"):
        ng.read_drive(config, circuit)
    _edit(config, '"module": "nwb"', '"module": "nwb", "enabled": false')
    for old, new, message in (
        ('"node_set": "external"', '"node_set": "outside"', "spikes are of population 'outside'"),
        ('"node_set": "outside"', '"node_set": "internal"', "spikes of 'internal' are wanted"),
    ):
        _edit(config, old, new)
        with pytest.raises(ng.DataError, match=message):
            ng.read_drive(config, circuit)
    sonata_files.spikes(tmp_path / "s.h5", "internal", np.array([1.0]), np.array([0]))
    with pytest.raises(ng.DataError, match="is LIFAlpha and finds its own"):
        ng.read_drive(tmp_path / "s.h5", circuit)
    sonata_files.spikes(tmp_path / "t.h5", "external", np.array([1.0]), np.array([10]))
    with pytest.raises(ng.DataError, match="node 10 is not one of the 10"):
        ng.read_drive(tmp_path / "t.h5", circuit)
