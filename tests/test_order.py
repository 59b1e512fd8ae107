"""A circuit in another order is the same circuit: spikes to the last bit, in the user's ids, whatever is done to it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph.ordering import order as ordering
from neurograph.ordering.methods import METHODS
from neurograph.record import Spikes, write_spikes
from neurograph.reference import simulate
from neurograph_storage.errors import ArgumentError, CircuitExistsError, CorruptionError
from neurograph_storage.verify import verify
from tests.same import assert_same

STEPS = 300


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def network() -> ng.Network:
    """Two models, ids that are no indices, start values neuron by neuron, drives onto parts."""
    made, rng = ng.Network(dt=0.1), np.random.default_rng(4)
    ids = 10**17 + rng.choice(10**6, 400, replace=False)
    a = made.population("a", 250, ng.LIFExp(), initial={"v": rng.uniform(-65.0, -52.0, 250)}, ids=ids[:250])
    b = made.population("b", 150, ng.LIFFrozen(), ids=ids[250:])
    made.connect(a, a, ng.FixedOutdegree(30), weight=ng.Normal(60.0, 20.0, low=0.0), delay=ng.Uniform(0.3, 4.0))
    made.connect(a, b, ng.FixedIndegree(10), weight=1.5, delay=1.5)
    made.connect(b, a, ng.FixedOutdegree(20), weight=-60.0, delay=ng.Normal(2.0, 1.0, low=0.3))
    made.drive(a, ng.PoissonInput(rate=6000.0, weight=120.0))
    made.drive(b[20:90], ng.PoissonInput(rate=300.0, weight=6.0, receptor="membrane"))
    return made


def run(circuit: ng.Circuit, workers: int = 2) -> tuple[Spikes, np.ndarray]:
    """Run with events from outside and a cut, all by original id; return the spikes, and a state."""
    some = circuit.neuron_ids("a")[10:40]
    with ng.Simulation(circuit, workers=workers, seed=3) as sim:
        sim.step(STEPS // 3)
        sim.inject(some, 2000.0)
        sim.step(STEPS // 3)
        sim.silence(circuit.neuron_ids("b")[:70])
        sim.step(STEPS // 3)
        return sim.spikes, sim.state("v", np.concatenate([some, circuit.neuron_ids("b")]))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ng.Circuit:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurograph_storage.writer.PARTITION_ROWS", 50)
        return ng.build(tmp_path_factory.mktemp("plain") / "c.zarr", network(), seed=2, shuffle=True, block_neurons=90)


@pytest.mark.parametrize("codec", ["raw", "compressed"])
@pytest.mark.parametrize("method", list(METHODS))
def test_spikes_are_the_same_in_every_order(method: str, codec: str, plain: ng.Circuit, tmp_path: Path) -> None:
    if method == "multilevel":
        pytest.importorskip("pymetis", reason="needs the extra 'order'")
    circuit = ng.order(plain, tmp_path / "o.zarr", method=method, pilot_ms=20.0, codec=codec)
    assert not list(verify(circuit.store, [250, 150], [len(model.receptors) for model in circuit.models]))
    assert circuit.store.circuit["provenance"]["order"] == method
    assert np.array_equal(circuit.storage, plain.storage) == (method == "none")
    np.testing.assert_array_equal(circuit.ids, plain.ids)
    spikes, state = run(circuit)
    expected, expected_state = run(plain, workers=1)
    assert len(expected) > 300
    assert set(expected.populations.tolist()) == {0, 1}
    assert_same(spikes, expected)
    np.testing.assert_array_equal(state, expected_state)
    if codec == "raw":
        assert_same(simulate(circuit, STEPS, seed=3), simulate(plain, STEPS, seed=3))


def test_bytes_do_not_depend_on_jobs_memory_or_form(
    plain: ng.Circuit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "BATCH_SYNAPSES", 700)
    monkeypatch.setattr("neurograph_storage.writer.PARTITION_ROWS", 50)
    made = [
        ng.order(plain, tmp_path / f"{jobs}.zarr", method="streaming", jobs=jobs, memory=memory)
        for jobs, memory in ((1, "1GiB"), (3, "1MiB"))
    ]
    packed = ng.order(plain, tmp_path / "packed.zarr", method="none", codec="compressed")
    made.append(ng.order(packed, tmp_path / "again.zarr", method="streaming", codec="raw"))
    # Provenance tells that there were two steps; the arrays do not.
    first, second, third = (files(c.path) for c in made)
    assert first == second
    assert {k: v for k, v in third.items() if "json" not in k} == {k: v for k, v in first.items() if "json" not in k}


def test_an_interrupted_order_goes_on(plain: ng.Circuit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "BATCH_SYNAPSES", 700)
    monkeypatch.setattr("neurograph.builder.JOURNAL_SECONDS", -1.0)
    whole = ng.order(plain, tmp_path / "whole.zarr", method="degree")
    calls: list[int] = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ng.order(plain, tmp_path / "o.zarr", method="degree", progress=stop)
    assert not (tmp_path / "o.zarr").exists()
    began: list[int] = []
    circuit = ng.order(plain, tmp_path / "o.zarr", method="degree", progress=lambda done, total: began.append(done))
    assert began[0] > 0
    assert files(circuit.path) == files(whole.path)


def test_damage_is_found_and_nothing_published(plain: ng.Circuit, tmp_path: Path) -> None:
    shutil.copytree(plain.path, tmp_path / "bad.zarr")
    chunk = tmp_path / "bad.zarr/rows/words/c/0"
    content = bytearray(chunk.read_bytes())
    content[5000] ^= 1
    chunk.write_bytes(content)
    for method in ("none", "streaming"):
        with pytest.raises(CorruptionError, match="granule 0"):
            ng.order(tmp_path / "bad.zarr", tmp_path / "o.zarr", method=method)
    assert not list(tmp_path.glob("o.zarr*"))


def test_refusals(plain: ng.Circuit, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="method"):
        ng.order(plain, tmp_path / "o.zarr", method="best")
    with pytest.raises(CircuitExistsError):
        ng.order(plain, plain.path, method="none")
    with pytest.raises(ArgumentError, match="every storage id exactly once"):
        ordering.write_ordered(
            plain, tmp_path / "o.zarr", np.zeros(400, np.int64), np.zeros(400, np.int64), method="none"
        )


def test_build_in_an_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = ["--neurons", "300", "--synapses-per-neuron", "20", "--seed", "4", "--shuffle"]
    assert call(["build", "modular", str(tmp_path / "a.zarr"), *made]) == 0
    assert call(["order", str(tmp_path / "a.zarr"), str(tmp_path / "b.zarr"), "--method", "community"]) == 0
    assert call(["build", "modular", str(tmp_path / "c.zarr"), *made, "--order", "community"]) == 0
    assert files(tmp_path / "b.zarr") == files(tmp_path / "c.zarr")
    assert not (tmp_path / "c.zarr.unordered").exists()
    # Interrupted while it ordered: what was built is used.
    shutil.move(tmp_path / "a.zarr", tmp_path / "d.zarr.unordered")
    assert call(["build", "modular", str(tmp_path / "d.zarr"), *made, "--order", "community"]) == 0
    assert files(tmp_path / "b.zarr") == files(tmp_path / "d.zarr")
    assert "300 neurons" in capsys.readouterr().out


def test_compare_prints_a_table_and_draws(
    plain: ng.Circuit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected, _ = run(plain)
    write_spikes(tmp_path / "s.parquet", expected, plain)
    picture = tmp_path / "p.png"
    arguments = ["order", str(plain.path), "--compare", "--spikes", str(tmp_path / "s.parquet")]
    assert call([*arguments, "--picture", str(picture)]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{method} " in shown for method in ("none", "degree", "rcm", "streaming", "community", "coactivity"))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert call([*arguments, "--json", "--method", "none", "--method", "coactivity"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [line["method"] for line in said["methods"]] == ["none", "coactivity"]
    assert said["spikes"] == len(expected)
    assert all(line["raw_bytes"] > 0 for line in said["methods"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compare", "--picture", "p.jpg"], "PNG"),
        ([], "give OUT and one --method"),
        (["o.zarr", "--compare"], "writes no circuit"),
        (["o.zarr", "--method", "none", "--pool", "1MiB"], "go with --compare"),
    ],
)
def test_arguments_that_say_nothing_are_refused(
    arguments: list[str], message: str, plain: ng.Circuit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["order", str(plain.path), *arguments]) == 2
    assert message in capsys.readouterr().err
