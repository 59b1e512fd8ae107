"""The page of a run: what it says, from a folder and while the run goes on."""

import json
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import neurograph as ng
from neurograph.cli.main import call
from neurograph.report import live
from neurograph.report.content import content_of, key_figures
from neurograph.report.live import LiveView
from neurograph.report.page import Page
from neurograph.report.raster import MOST_SPIKES, Raster, RecentSpikes, choose, read_raster
from neurograph.report.run import folder_content
from neurograph.residency import Residency, bytes_of
from neurograph.segments import KEPT, NONE
from neurograph.tails import FREED, PLACED
from neurograph_storage.requests import KIND, ROW, WORDS

Build = Callable[..., ng.Circuit]


@pytest.fixture
def circuit(build_small: Build) -> ng.Circuit:
    return build_small("random", neurons=300, synapses_per_neuron=100)


@pytest.fixture
def streaming(circuit: ng.Circuit) -> Iterator[ng.Simulation]:
    with ng.Simulation(circuit, memory="160KiB") as sim:
        assert sim.streams
        sim.inject(circuit.ids[:20], 3000.0)
        yield sim


@pytest.fixture
def run(streaming: ng.Simulation, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    streaming.run(30.0)
    streaming.inject(streaming.circuit.ids[20:40], 3000.0)
    streaming.run(20.0)
    ng.write_spikes(folder / "spikes.parquet", streaming.spikes, streaming.circuit)
    streaming.close()
    ng.write_run(folder, streaming)
    return folder


def test_residency_is_what_the_tables_say(streaming: ng.Simulation) -> None:
    streaming.run(30.0)
    stream = streaming._running.executor.stream
    assert stream is not None
    there, everything = bytes_of(stream)
    tails, starts = stream.tails, stream.graph.start.astype(np.int64)
    of = np.arange(300) * 64 // 300
    assert np.array_equal(everything, 2 * np.bincount(of, np.diff(starts) + tails.words, 64))
    kept = np.where(tails.kept.at != NONE, tails.words, 0)
    table = tails.requests[np.arange(tails.counters[FREED], tails.counters[PLACED]) % len(tails.state)]
    flying = table[table[:, KIND] != KEPT]
    in_flight = np.bincount(of[flying[:, ROW]], flying[:, WORDS], 64)
    assert np.array_equal(there, 2 * (np.bincount(of, np.diff(starts) + kept, 64) + in_flight))


def test_residency_goes_through_a_checkpoint(streaming: ng.Simulation, tmp_path: Path) -> None:
    streaming.run(10.0)
    streaming._running.recorders.residency.note(10.0, 5.0, streaming._running.executor.stream, last=True)
    before = streaming.residency.table()
    assert before.num_rows % 64 == 0 < before.num_rows
    streaming.checkpoint(tmp_path / "c")
    with ng.Simulation.resume(tmp_path / "c", memory="160KiB") as again:
        assert again.residency.table().equals(before)


def test_many_notes_are_thinned(streaming: ng.Simulation) -> None:
    notes, stream = Residency(), streaming._running.executor.stream
    for k in range(2000):
        notes.note(float(k), float(k), stream, last=True)
    times = notes.notes[:, 0, 0]
    assert len(times) <= 512
    assert times[-1] == 1999
    assert (np.diff(times) > 0).all()


def test_a_report_is_one_file_that_needs_nothing_else(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report", str(run)]) == 0
    page = (run.parent / "run.html").read_text()
    assert "written to" in capsys.readouterr().out
    assert len(page) < 2 * 2**20
    assert not re.search(r"<(script|link|img|iframe)\b[^>]*\s(src|href)=[\"'](?!data:)", page)
    for section in ("activity", "throughput", "disk", "residency-map", "prefetching", "made"):
        assert f'<section id="{section}">' in page
    said = json.loads((run / "statistics.json").read_text())
    assert said["machine"]["processor"] in page
    assert f"{said['figures']['synaptic_events']:,}" in page


def test_a_page_of_a_circuit_in_memory_says_so(circuit: ng.Circuit, tmp_path: Path) -> None:
    assert call(["run", str(circuit.path), "--duration", "10", "--save", str(tmp_path / "r")]) == 0
    assert call(["report", str(tmp_path / "r"), str(tmp_path / "page.html")]) == 0
    assert "All synapses were in memory" in (tmp_path / "page.html").read_text()


def test_curves_add_up_to_the_figures(run: Path) -> None:
    content, figures = folder_content(run), json.loads((run / "statistics.json").read_text())["figures"]
    rates = content.sources["rates"]
    assert 0.2 * (240 * rates["rate0"].mean() + 60 * rates["rate1"].mean()) / 4 == pytest.approx(
        figures["spikes"], rel=0.01
    )
    image = content.sources["residency"]["image"][0]
    assert image.shape[0] == 64
    assert 0 < image.max() <= 100
    assert len(content.raster.times) == figures["spikes"]
    assert dict(key_figures(content.said))["spikes"] == f"{figures['spikes']:,}"


def test_columns_of_prefetching_are_drawn_where_there_are_any(run: Path) -> None:
    said, series = json.loads((run / "statistics.json").read_text()), pq.read_table(run / "series.parquet")
    names = ("prefetch_hits", "prefetch_misses", "wasted_bytes")
    for name in names:
        series = series.set_column(series.column_names.index(name), name, pa.array(np.full(series.num_rows, 7)))
    rates, residency = pq.read_table(run / "rates.parquet"), pq.read_table(run / "residency.parquet")
    nothing = Raster(np.empty(0), np.empty(0, np.int64), np.zeros(2, np.int64), "none")
    content = content_of(said, rates, series, residency, nothing)
    assert {"hits", "misses", "wasted"} <= set(content.sources["cost"])
    assert "thousand rows / s" in Page(content).html()


def test_what_is_no_run_is_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["report", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err
    assert call(["report", str(run), str(tmp_path)]) == 2
    assert "cannot write a page" in capsys.readouterr().err
    (run / "series.parquet").write_bytes(b"nothing")
    assert call(["report", str(run)]) == 1
    assert "series.parquet cannot be read" in capsys.readouterr().err
    (run / "statistics.json").write_text("{")
    assert call(["report", str(run)]) == 1
    assert "statistics.json is damaged" in capsys.readouterr().err


def test_a_hostile_name_stays_text(run: Path) -> None:
    said = json.loads((run / "statistics.json").read_text())
    said["command"] = said["circuit"]["path"] = "</script><script>alert(1)</script>"
    (run / "statistics.json").write_text(json.dumps(said))
    assert "<script>alert" not in Page(folder_content(run)).html()


def test_neurons_are_chosen_in_proportion() -> None:
    chosen = choose(np.array([800, 200, 0, 1]), 100)
    assert [len(part) for part in chosen] == [79, 19, 0, 1]
    assert (chosen[0][0], chosen[0][-1]) == (0, 799)


def test_of_many_spikes_some_neurons_are_drawn_whole(tmp_path: Path) -> None:
    neurons = np.tile(np.arange(100, 500), 300)
    times = np.repeat(np.arange(300) * 1.0, 400)
    names = np.where(neurons < 400, "E", "I").astype(object)
    pq.write_table(pa.table({"time_ms": times, "neuron": neurons, "population": names}), tmp_path / "s.parquet")
    raster = read_raster(tmp_path / "s.parquet", ["E", "I"])
    assert len(raster.times) <= MOST_SPIKES
    assert (np.bincount(raster.places) == 300).all()
    assert np.array_equal(np.bincount(raster.populations), 300 * raster.counts)
    assert "of the 400 neurons that fired" in raster.chosen_from


def test_recent_spikes_are_those_of_the_chosen_neurons(circuit: ng.Circuit) -> None:
    with ng.Simulation(circuit) as sim:
        recent = RecentSpikes(circuit)
        sim.watch(recent)
        sim.inject(circuit.ids[:100], 3000.0)
        sim.run(20.0)
        raster = recent.raster
    # There are fewer neurons than can be drawn, so it is all of them, by index.
    assert len(sim.spikes) > 0
    drawn = np.lexsort((raster.places, raster.times))
    index = circuit.index_of(sim.spikes.neurons)
    expected = np.lexsort((index, sim.spikes.times))
    assert np.array_equal(raster.times[drawn], sim.spikes.times[expected])
    assert np.array_equal(raster.places[drawn], index[expected])


def _get(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _asked(url: str, into: list[Any]) -> threading.Thread:
    thread = threading.Thread(target=lambda: into.append(_get(url)))
    thread.start()
    return thread


def test_a_live_view_gives_the_next_state_and_the_last(streaming: ng.Simulation) -> None:
    states: list[Any] = []
    with LiveView(streaming, port=0) as view:
        status, page = _get(view.url)
        assert (status, b"/state?after=" in page) == (200, True)
        asking = _asked(view.url + "state?after=0", states)
        while not states:
            streaming.step(10)
            view.show()
        asking.join()
        first = json.loads(states[0][1])
        assert (states[0][0], first["version"], first["ended"]) == (200, 1, False)
        assert "Running" in first["texts"]["status"]
        asking = _asked(view.url + "state?after=1", states)
        while not view._server.is_waited_for:
            pass
    asking.join()
    last = json.loads(states[1][1])
    assert (last["version"], last["ended"]) == (2, True)
    assert "Complete" in last["texts"]["status"]
    assert view.cost_s > 0
    assert not [thread for thread in threading.enumerate() if thread.name == "live view"]
    with pytest.raises(OSError, match="refused"):
        _get(view.url)


def test_nothing_is_made_for_nobody(streaming: ng.Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    with LiveView(streaming, port=0) as view:
        monkeypatch.setattr(live, "simulation_content", lambda *_: pytest.fail("somebody asked"))
        for _ in range(20):
            streaming.step(1)
            view.show()


def test_a_live_view_is_for_this_machine_only(streaming: ng.Simulation) -> None:
    with LiveView(streaming, port=0) as view:
        assert view._server._bound.getsockname()[0] == "127.0.0.1"
        assert _get(view.url)[0] == 200
        assert _get(view.url, Host=f"localhost:{view._server.port}")[0] == 200
        # A page from elsewhere, whose name was made to mean this machine.
        for host in ("example.com", "127.0.0.1.example.com"):
            assert _get(view.url, Host=host)[0] == 404
        assert _get(view.url + "other")[0] == 404


def test_a_taken_port_is_one_clear_error(circuit: ng.Circuit, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert call(["run", str(circuit.path), "--duration", "1", "--live", "--port", port]) == 2
        assert f"port {port} of 127.0.0.1 cannot be had" in capsys.readouterr().err
    assert call(["run", str(circuit.path), "--duration", "1", "--port", "0"]) == 2
    assert "--port needs --live" in capsys.readouterr().err


def test_an_error_of_the_run_ends_the_live_view(streaming: ng.Simulation) -> None:
    with pytest.raises(KeyboardInterrupt), LiveView(streaming, port=0):
        raise KeyboardInterrupt
    assert not [thread for thread in threading.enumerate() if thread.name == "live view"]


def test_an_error_of_the_server_is_told_at_the_end(streaming: ng.Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("no server")

    monkeypatch.setattr(live, "_application", broken)
    with pytest.raises(RuntimeError, match="no server"), LiveView(streaming, port=0):
        streaming.step(1)
