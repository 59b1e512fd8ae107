"""A circuit that does not fit in the memory budget gives the same spikes, in that memory, or says what is wrong."""

import ctypes
import gc
import os
import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph import executor, resources, streaming
from neurograph.executor import state_bytes
from neurograph.pieces import FEWER
from neurograph.record import Spikes
from neurograph.reference import simulate
from neurograph.segments import GONE
from neurograph.statistics import RunStatistics
from neurograph.tails import REQUESTED, SPLIT
from neurograph_storage import queueing
from neurograph_storage.cut import cut, cut_words, heads_of, row_sum
from neurograph_storage.errors import CorruptionError, MemoryBudgetError
from neurograph_storage.rows import Rows
from tests.same import assert_same

STEPS = 500


def lively(network: ng.Network) -> ng.Network:
    for setup in network.setups:
        network.drive(setup.population, ng.PoissonInput(rate=1200.0, weight=200.0))
    return network


def budget(circuit: ng.Circuit, share: float) -> int:
    """Return a memory budget that leaves room for this share of the rows."""
    return state_bytes(circuit) + int(share * circuit.store.synapse_bytes)


def run(circuit: ng.Circuit, share: float, workers: int = 1, steps: int = STEPS) -> tuple[Spikes, RunStatistics]:
    with ng.Simulation(circuit, workers=workers, seed=1, memory=budget(circuit, share)) as sim:
        assert sim._running.executor.stream is not None
        sim.step(steps)
    return sim.spikes, sim.statistics


@pytest.fixture(scope="module", params=["raw", "compressed"])
def circuit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ng.Circuit:
    network = lively(ng.recipes.random(neurons=500, synapses_per_neuron=1000))
    path = tmp_path_factory.mktemp("circuits") / f"{request.param}.zarr"
    return ng.build(path, network, seed=1, codec=request.param, block_neurons=200)


@pytest.fixture(scope="module")
def expected(circuit: ng.Circuit) -> Spikes:
    return simulate(circuit, STEPS, seed=1)


@pytest.fixture
def read_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int, int, int, int], int]], None]:
    """Put a function in the place of ``pread``."""
    kept = []

    def replace(function: Callable[[int, int, int, int], int]) -> None:
        kind = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ssize_t)
        kept.append(kind(function))
        address = ctypes.cast(kept[-1], ctypes.c_void_p).value
        monkeypatch.setattr(streaming, "read_address", lambda: address)
        # Where reads are asynchronous, ``pread`` is not asked.
        monkeypatch.setattr(queueing, "_set_up", lambda _slots: 0)

    return replace


def pread(file: int, into: int, size: int, offset: int) -> int:
    read = ctypes.CDLL(None).pread
    read.restype, read.argtypes = ctypes.c_ssize_t, [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_ssize_t]
    return int(read(file, into, size, offset))


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_the_spikes_are_those_of_the_reference(
    circuit: ng.Circuit, expected: Spikes, share: float, workers: int
) -> None:
    spikes, figures = run(circuit, share, workers)
    assert_same(spikes, expected)
    assert figures.bytes_read > 0
    assert figures.prefetch.policy == "exact"
    assert figures.prefetch.hits + figures.prefetch.misses > 0


@pytest.mark.parametrize("depth", [0, 6, 12])
def test_with_heads_of_any_depth(
    circuit: ng.Circuit, expected: Spikes, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "choose_depth", lambda *_: depth)
    spikes, _ = run(circuit, 0.7, 2)
    assert_same(spikes, expected)


@pytest.mark.parametrize("part", [2, 24])
def test_where_there_is_much_room_groups_are_copied(
    circuit: ng.Circuit, expected: Spikes, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_WITHOUT_COPIES", 0)
    monkeypatch.setattr(resources, "_COPIED_PART", part)
    with ng.Simulation(circuit, workers=2, seed=1, memory=budget(circuit, 0.9)) as sim:
        sim.step(STEPS)
        assert all(worker._calendar.copies.used_bytes > 0 for worker in sim._running.executor.workers)
    assert_same(sim.spikes, expected)


@pytest.mark.parametrize("recipe", ["random", "modular", "sheet"])
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(
    seed=st.integers(0, 2**31),
    neurons=st.integers(100, 300),
    degree=st.integers(200, 400),
    shuffle=st.booleans(),
    block=st.sampled_from([None, 64]),
    codec=st.sampled_from(["raw", "compressed"]),
    workers=st.integers(1, 3),
    share=st.floats(0.5, 0.9),
)
def test_every_recipe(
    recipe: str, seed: int, neurons: int, degree: int, shuffle: bool, block: int | None, codec: str, workers: int,
    share: float,
) -> None:  # fmt: skip
    """Where the rows in flight do not fit even by classes of delays, the run says so; it never goes on without them."""
    with tempfile.TemporaryDirectory() as folder:
        network = lively(getattr(ng.recipes, recipe)(neurons=neurons, synapses_per_neuron=degree))
        circuit = ng.build(
            Path(folder) / "c.zarr", network, seed=seed, shuffle=shuffle, block_neurons=block, codec=codec
        )
        try:
            spikes, _ = run(circuit, share, workers)
        except MemoryBudgetError:
            return
        assert_same(spikes, simulate(circuit, STEPS, seed=1))


def test_bursts_are_divided_into_classes_of_delays(circuit: ng.Circuit, expected: Spikes) -> None:
    with ng.Simulation(circuit, workers=2, seed=1, memory=budget(circuit, 0.3)) as sim:
        for steps in (1, 2, 3, 7, 137, 350):
            sim.step(steps)
        figures = sim._running.executor.stream.figures()
    assert_same(sim.spikes, expected)
    assert figures["divided"] > 0


@pytest.mark.parametrize("codec", ["raw", "compressed"])
def test_where_delays_span_much_time_tails_are_read_in_pieces(tmp_path: Path, codec: str) -> None:
    network = ng.Network(dt=0.1)
    neurons = network.population("all", 500, ng.LIFExp())
    network.drive(neurons, ng.PoissonInput(rate=16_000.0, weight=44.0))
    delays = ng.Uniform(0.1, 40.0)
    network.connect(neurons, neurons, ng.FixedOutdegree(1000), weight=ng.Uniform(0.05, 0.15), delay=delays)
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1, codec=codec, block_neurons=200)
    with ng.Simulation(circuit, workers=2, seed=1, memory=budget(circuit, 0.6)) as sim:
        sim.step(1200)
        tails = sim._running.executor.stream.tails
    assert_same(sim.spikes, simulate(circuit, 1200, seed=1))
    assert 1 < tails.pieces.numbers[FEWER] + 1 < 8
    # Few were divided by single classes, before it was known how much there is.
    assert tails.counters[SPLIT] < len(sim.spikes) / 4


def test_what_fires_again_is_not_read_again(circuit: ng.Circuit) -> None:
    with ng.Simulation(circuit, seed=1, memory=budget(circuit, 0.9)) as sim:
        ids = circuit.ids[:3]
        for _ in range(4):
            sim.inject(ids, 1e6)
            sim.step(60)
        figures = sim._running.executor.stream.figures()
    assert figures["hits"] >= 6


def test_a_reader_that_lags_behind_changes_no_spike(circuit: ng.Circuit, expected: Spikes, read_by) -> None:
    """In each step, reads end only when a worker has come back to say that it waits."""
    late = threading.Event()

    def wait(file: int, into: int, size: int, offset: int) -> int:
        late.wait(60)
        return pread(file, into, size, offset)

    read_by(wait)
    in_memory = ng.Simulation(circuit, workers=1, seed=1)
    with in_memory, ng.Simulation(circuit, workers=2, seed=1, memory=budget(circuit, 0.6)) as sim:
        attend = sim._running.executor.attend

        def tell(*, full: bool) -> None:
            late.set()
            attend(full=full)

        sim._running.executor.attend = tell
        for _ in range(120):
            late.clear()
            sim.step()
            in_memory.step()
            # What is delivered before its step begins counts in that step.
            assert sim.statistics.synaptic_events == in_memory.statistics.synaptic_events
        late.set()
    kept = expected.steps < 120
    np.testing.assert_array_equal(sim.spikes.neurons, expected.neurons[kept])
    assert sim.statistics.prefetch.misses > 0
    assert sim.statistics.stall_s > 0


def threads_left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("neurograph")]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_read_error_ends_the_run_with_the_file(circuit: ng.Circuit, read_by, workers: int) -> None:
    read_by(lambda *_: -1)
    with pytest.raises(CorruptionError, match=r"row \d+ of .* could not be read, from .*rows/words/c/\d+ on"):
        run(circuit, 0.6, workers)
    assert threads_left() == []


@pytest.mark.parametrize("workers", [1, 3])
def test_damage_in_mid_run_ends_it_with_the_granule(tmp_path: Path, workers: int) -> None:
    network = lively(ng.recipes.random(neurons=500, synapses_per_neuron=1000))
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1)
    file = circuit.path / "rows/words/c/0"
    with ng.Simulation(circuit, workers=workers, seed=1, memory=budget(circuit, 0.6)) as sim:
        sim.step(130)
        content = bytearray(file.read_bytes())
        content[::64] = bytes(byte ^ 1 for byte in content[::64])
        file.write_bytes(content)
        with pytest.raises(CorruptionError, match=rf"granule \d+ of rows/words is damaged, in {file}"):
            sim.step(STEPS)
    assert threads_left() == []
    assert len(sim.spikes) > 0


def test_a_file_that_ends_too_early_is_named(tmp_path: Path) -> None:
    network = lively(ng.recipes.random(neurons=500, synapses_per_neuron=1000))
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1)
    file = circuit.path / "rows/words/c/0"
    with ng.Simulation(circuit, workers=2, seed=1, memory=budget(circuit, 0.6)) as sim:
        os.truncate(file, 5000)
        with pytest.raises(CorruptionError, match=rf"chunk file {file} ends at \d+ bytes: truncated"):
            sim.step(STEPS)


def test_damage_is_found_when_the_run_begins(tmp_path: Path) -> None:
    circuit = ng.build(tmp_path / "c.zarr", ng.recipes.random(neurons=500, synapses_per_neuron=1000), seed=1)
    file = circuit.path / "rows/words/c/0"
    content = bytearray(file.read_bytes())
    content[3 * 65536 + 17] ^= 4
    file.write_bytes(content)
    with pytest.raises(CorruptionError, match=rf"granule 3 of rows/words is damaged, in {file}"):
        ng.Simulation(circuit, memory=budget(circuit, 0.6))


def test_too_little_memory_says_what_would_do(circuit: ng.Circuit) -> None:
    with pytest.raises(MemoryBudgetError, match=r"give at least --memory \d+MiB") as caught:
        ng.Simulation(circuit, memory=budget(circuit, 0.02))
    assert caught.value.needed > caught.value.budget
    with pytest.raises(MemoryBudgetError, match=r"rows of (the )?spikes in flight .* give at least --memory \d+MiB"):
        run(circuit, 0.12)
    assert threads_left() == []


def test_more_spikes_in_flight_than_lines_is_said(circuit: ng.Circuit) -> None:
    with ng.Simulation(circuit, memory=budget(circuit, 0.6)) as sim:
        stream = sim._running.executor.stream
        stream.tails.counters[REQUESTED] = stream.tails.slots
        error = stream.full()
        stream.tails.counters[REQUESTED] = 0
    assert re.search(r"[\d,]+ rows of spikes in flight are more than .* give at least --memory \d+MiB", str(error))
    assert error.needed > error.budget


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc here")
def test_nothing_is_left_behind(circuit: ng.Circuit) -> None:
    run(circuit, 0.6, 2, steps=20)
    # What earlier tests dropped goes now, not while this one counts.
    gc.collect()
    before = descriptors()
    for _ in range(50):
        run(circuit, 0.6, 2, steps=20)
    assert descriptors() == before
    assert threads_left() == []


def test_a_simulation_that_is_dropped_lets_go(circuit: ng.Circuit, read_by) -> None:
    read_by(pread)
    sim = ng.Simulation(circuit, seed=1, memory=budget(circuit, 0.6))
    sim.step(20)
    assert any("reader" in name for name in threads_left())
    del sim
    gc.collect()
    assert not any("reader" in name for name in threads_left())


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_kept_gives_way_to_a_burst(circuit: ng.Circuit, workers: int) -> None:
    """Rows are kept while few neurons fire; then many do, and those in flight do not fit beside what is kept."""
    quiet, burst = circuit.ids[:60], circuit.ids[:240]
    spikes: list[Spikes] = []
    started_over: list[int] = []
    for share in (0.6, 3.0):
        with ng.Simulation(circuit, workers=workers, seed=1, memory=budget(circuit, share)) as sim:
            for _ in range(30):
                sim.inject(quiet, 1e6)
                sim.step(30)
            sim.inject(burst, 1e6)
            sim.step(3)
            sim.silence(burst[:50])
            sim.step(200)
            spikes.append(sim.spikes)
            started_over.append(sim._running.executor.starts)
    assert_same(*spikes)
    assert started_over[0] > 0 == started_over[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_pool_makes_room_for_cursors(
    circuit: ng.Circuit, expected: Spikes, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is given back is never used again, and spikes are the same."""
    monkeypatch.setattr(executor, "_CURSOR_BYTES", 0)
    with ng.Simulation(circuit, workers=workers, seed=1, memory=budget(circuit, 0.9)) as sim:
        for _ in range(STEPS // 50):
            sim.step(50)
        stream = sim._running.executor.stream
        assert stream is not None
        segments = stream.tails.segments
        assert 0 < segments.counts[GONE] == (segments.kind == GONE).sum() <= len(segments.kind) // 2
    assert_same(sim.spikes, expected)


def test_who_is_silenced_stays_so_when_starting_over_fails(
    circuit: ng.Circuit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_past: object) -> None:
        raise MemoryBudgetError("no room", needed=2, budget=1)

    with ng.Simulation(circuit, workers=1, seed=1, memory=budget(circuit, 0.6)) as sim:
        sim.silence(circuit.ids[:50])
        sim.step(5)
        team, silenced = sim._running.executor, sim._running.executor.common.silenced.copy()
        monkeypatch.setattr(team, "replay", fails)
        with pytest.raises(MemoryBudgetError, match="no room"):
            sim._running._start_over(cautious=True)
        np.testing.assert_array_equal(team.common.silenced, silenced)


def synapses_of(words: np.ndarray, block_neurons: int) -> set[tuple[int, ...]]:
    found = Rows(np.array([0, len(words)]), words, block_neurons).synapses()
    return set(zip(*(part.tolist() for part in found), strict=True))


def test_a_row_is_cut_by_delay_and_nothing_is_lost(circuit: ng.Circuit) -> None:
    for row in range(0, circuit.neurons, 50):
        rows, parts = circuit.store.rows(row, row + 1), []
        for low, high in ((0, 8), (8, 15), (15, 60), (60, 90)):
            words = np.zeros(cut_words(rows.words, 0, low, high), np.uint16)
            assert cut(words, 0, rows.words, 0, low, high) == len(words)
            parts.append(synapses_of(words, rows.block_neurons))
            assert all(low < synapse[2] <= high for synapse in parts[-1])
        assert set.union(*parts) == synapses_of(rows.words, rows.block_neurons)
        assert parts[-1] == set()


def test_heads_and_the_lengths_of_classes_are_what_cutting_gives(circuit: ng.Circuit) -> None:
    rows, bounds = circuit.store.rows(0, circuit.neurons), np.array([8, 9, 15, 40, 60])
    spans = [(8, 60), (8, 9), (9, 15), (15, 40), (40, 60)]
    heads, places, tails = heads_of(rows.words, rows.starts, bounds)
    for row, start in enumerate(rows.starts[:-1].tolist()):
        head = np.zeros(cut_words(rows.words, start, 0, 8), np.uint16)
        cut(head, 0, rows.words, start, 0, 8)
        np.testing.assert_array_equal(heads[places[row] : places[row + 1]], head)
        lengths = [cut_words(rows.words, start, low, high) for low, high in spans]
        assert tails[row].tolist() == [length if length > 1 else 0 for length in lengths]


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=40), st.data())
@settings(deadline=None)
def test_the_sum_of_a_row_tells_any_word_that_differs(words: list[int], data: st.DataObject) -> None:
    plain = np.array(words, np.uint16)
    other, at = plain.copy(), data.draw(st.integers(0, len(words) - 1))
    other[at] ^= data.draw(st.integers(1, 2**16 - 1))
    assert row_sum(plain, 0, len(plain)) != row_sum(other, 0, len(plain))
