"""How a circuit is wired: counted, and drawn."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import neurograph as ng
from neurograph import plot
from neurograph.census import take_census
from neurograph.cli.main import call
from neurograph.plot_circuit import plot_circuit

Build = Callable[..., ng.Circuit]


@pytest.mark.parametrize("codec", ["raw", "compressed"])
def test_a_census_counts_every_synapse(build_small: Build, codec: str) -> None:
    circuit = build_small("modular", neurons=300, shuffle=True, codec=codec, block_neurons=128)
    lists = list(circuit.edges())
    source, target, delay = (np.concatenate([getattr(one, name) for one in lists]) for name in (
        "source_index", "target_index", "delay",
    ))  # fmt: skip
    rows, columns = circuit.storage[source], circuit.storage[target]
    census = take_census(circuit)
    assert census.share == 1
    assert np.array_equal(census.out_degree, np.bincount(rows, minlength=300))
    assert np.array_equal(census.in_degree, np.bincount(columns, minlength=300))
    assert np.array_equal(census.delays, np.bincount(np.round(delay / circuit.dt).astype(int)))
    cells = len(census.adjacency)
    cell = np.arange(300) * cells // 300
    pairs = np.outer(*[np.bincount(cell, minlength=cells)] * 2)
    counts = np.zeros((cells, cells))
    np.add.at(counts, (cell[rows], cell[columns]), 1)
    assert np.allclose(census.adjacency * pairs, counts)


def test_of_a_large_circuit_some_neurons_are_counted_from_all_parts(build_small: Build) -> None:
    circuit = build_small("random", neurons=3000, synapses_per_neuron=30)
    whole = take_census(circuit)
    some = take_census(circuit, most_words=circuit.store.counts.words // 5)
    assert 0.15 < some.share < 0.25
    assert np.array_equal(some.out_degree, whole.out_degree[some.rows])
    assert some.in_degree.mean() == pytest.approx(whole.in_degree.mean(), rel=0.02)
    assert some.delays.sum() == some.out_degree.sum()
    # Evenly: no tenth of the neurons is left out.
    assert np.histogram(some.rows, 10, (0, 3000))[0].min() > 20


def test_a_picture_of_a_circuit_says_what_it_shows(
    build_small: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuit = build_small("random")
    drawn: list[Figure] = []
    monkeypatch.setattr(plot, "Figure", lambda **options: drawn.append(Figure(**options)) or drawn[-1])
    plot_circuit(circuit, tmp_path / "c.png")
    outgoing, incoming, delays, adjacency, _bar = drawn[0].axes
    assert [axes.get_title() for axes in (outgoing, incoming, delays)] == ["out-degree", "in-degree", "delays"]
    assert (delays.get_xlabel(), delays.get_ylabel()) == ("delay (ms)", "% of synapses")
    assert outgoing.get_xlabel() == "synapses that leave a neuron"
    assert "target" in adjacency.get_xlabel()
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["E", "I"]


def test_the_command_draws_what_it_is_given(build_small: Build, tmp_path: Path) -> None:
    circuit = build_small("random")
    run, pictures = tmp_path / "run", tmp_path / "pictures"
    pictures.mkdir()
    with ng.Simulation(circuit, spikes=tmp_path / "s.parquet") as sim:
        sim.record("v", circuit.ids[:10])
        sim.inject(circuit.ids[:20], 3000.0)
        sim.run(20.0)
        trace = sim.traces[0]
        trace.write(tmp_path / "trace-0.parquet")
    arguments = ["run", str(circuit.path), "--duration", "20", "--save", str(run)]
    assert call(arguments) == 0
    assert call([*arguments[:-2], "--spikes", str(tmp_path / "s.csv")]) == 0
    assert call([*arguments[:-2], "--spikes", str(tmp_path / "s.h5")]) == 0
    for name in (circuit.path, run, "s.parquet", "s.csv", "s.h5", "trace-0.parquet"):
        out = pictures / (Path(name).name + ".png")
        assert call(["plot", str(tmp_path / name), str(out)]) == 0
        with Image.open(out) as image:
            assert len(image.convert("RGB").getcolors(2**20) or []) > 10, name


def test_impossible_pictures_are_refused(
    build_small: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(build_small("random").path)
    assert call(["plot", path, str(tmp_path / "c.bmp")]) == 2
    assert "allowed are .png, .svg, .pdf" in capsys.readouterr().err
    assert call(["plot", path, str(tmp_path / "c.png"), "--start", "5"]) == 2
    assert "--start says nothing of a circuit" in capsys.readouterr().err
    assert call(["plot", path, str(tmp_path / "no" / "c.png")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert call(["plot", str(tmp_path / "nothing.parquet")]) == 2
    assert "no file" in capsys.readouterr().err


def test_what_is_damaged_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.parquet").write_bytes(b"nothing")
    assert call(["plot", str(tmp_path / "s.parquet")]) == 1
    assert "cannot be read as Parquet" in capsys.readouterr().err
