"""Whatever is read ahead of spikes, and by whatever policy, spikes are the same; and what is guessed well is found."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph import foresight
from neurograph.ahead import READ, judge
from neurograph.executor import state_bytes
from neurograph.kept import USED
from neurograph.prediction import (
    LAYOUT,
    LEARNED,
    POLICIES,
    RANKED,
    SPIKES,
    WANTED,
    Model,
    follow_layout,
    next_row,
    predict,
)
from neurograph.record import Spikes
from neurograph.reference import simulate
from neurograph.statistics import RunStatistics
from neurograph_storage import queueing
from neurograph_storage.errors import ArgumentError, MemoryBudgetError
from neurograph_storage.fetching import _fail
from neurograph_storage.requests import FAILED, FIELDS, GUESS, no_fetching
from tests.same import assert_same

STEPS = 600


@pytest.fixture(scope="module", params=["raw", "compressed"])
def circuit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ng.Circuit:
    """Modules that are woken in turn, 5 ms each; no spike says in time what will be needed."""
    network = ng.recipes.modular(
        neurons=1000, synapses_per_neuron=300, modules=5, stimulus=2.0, dwell=5.0, standing=0.2, delay=0.1
    )
    path = tmp_path_factory.mktemp("circuits") / f"{request.param}.zarr"
    return ng.build(path, network, seed=1, codec=request.param, block_neurons=400)


@pytest.fixture(scope="module")
def expected(circuit: ng.Circuit) -> Spikes:
    return simulate(circuit, STEPS, seed=1)


def run(
    circuit: ng.Circuit, policy: str, known: Spikes, share: float = 0.5, workers: int = 1
) -> tuple[Spikes, RunStatistics]:
    prefetch = ng.Prefetch(policy, known if policy == "oracle" else None)
    memory = state_bytes(circuit) + int(share * circuit.store.synapse_bytes)
    with ng.Simulation(circuit, workers=workers, seed=1, memory=memory, prefetch=prefetch) as sim:
        assert sim._running.executor.stream is not None
        sim.step(STEPS)
    return sim.spikes, sim.statistics


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_spikes_do_not_depend_on_the_policy(circuit: ng.Circuit, expected: Spikes, policy: str, workers: int) -> None:
    spikes, figures = run(circuit, policy, expected, workers=workers)
    assert_same(spikes, expected)
    assert figures.prefetch.policy == policy
    assert figures.prefetch.hits + figures.prefetch.misses > 0


def test_what_is_guessed_is_found(circuit: ng.Circuit, expected: Spikes) -> None:
    """Spikes find in memory what the clairvoyant has read ahead of them."""
    memory = state_bytes(circuit) + circuit.store.synapse_bytes // 2
    with ng.Simulation(circuit, workers=1, seed=1, memory=memory, prefetch=ng.Prefetch("oracle", expected)) as sim:
        sim.step(STEPS)
        stream = sim._running.executor.stream
        assert stream is not None
        assert 0 < 2 * stream.tails.kept.numbers[USED] <= stream.foresight.read_bytes


def test_partitions_that_follow_each_other_are_learned() -> None:
    """Four partitions are active in turn; after two rounds the next one is expected."""
    tails = np.full(64, 10, np.uint32)
    model = Model.make(LEARNED, tails, window=10, partitions=4)
    for window in range(8):
        model.table[window % 4, SPIKES] = 100
        predict(model, 10 * (window + 1), room=10_000)
    assert model.table[0, RANKED] == 0
    assert model.table[0, WANTED] == 1
    assert [next_row(model, 64) for _ in range(3)] == [0, 1, 2]


def test_no_more_is_expected_than_there_is_room_for() -> None:
    tails = np.full(64, 10, np.uint32)
    model = Model.make(LEARNED, tails, window=10, partitions=4)
    for window in range(8):
        model.table[:, SPIKES] = 100
        predict(model, 10 * (window + 1), room=640)
    assert model.table[:, WANTED].sum() == 3


def test_guesses_that_no_spike_finds_come_to_an_end_and_begin_again_when_they_would_pay() -> None:
    counters, used, room = np.zeros(16, np.int64), 0, 1000

    def windows(count: int, found: float) -> list[int]:
        """Read 100 words a window where that is allowed; return what was allowed."""
        nonlocal used
        allowed = []
        for _ in range(count):
            allowed.append(judge(counters, used, room))
            read = 100 if allowed[-1] else 0
            counters[READ] += read
            used += int(found * read)
        return allowed

    useless = windows(300, 0.0)
    assert useless[:7] == [room] * 7
    assert sum(useless[50:]) <= 0.2 * 250 * room
    assert sum(windows(300, 0.5)[-50:]) == 50 * room


def test_the_layout_says_who_is_reached(tmp_path: Path) -> None:
    network = ng.recipes.modular(neurons=512, synapses_per_neuron=20, modules=4, inside=1.0)
    circuit = ng.build(tmp_path / "c.zarr", network, seed=1)
    model = Model.make(LAYOUT, np.full(512, 10, np.uint32), 10, partitions=4)
    follow_layout(model, circuit.store)
    assert (model.links[:, :-1].argmax(axis=1) == np.arange(len(model.table))).all()


def test_guesses_do_not_need_many_lines(circuit: ng.Circuit, expected: Spikes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foresight, "_LINES", 4)
    spikes, _ = run(circuit, "learned", expected)
    assert_same(spikes, expected)


def test_threads_read_guesses_where_reads_are_not_asynchronous(
    circuit: ng.Circuit, expected: Spikes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "_set_up", lambda _slots: 0)
    spikes, _ = run(circuit, "learned", expected, workers=2)
    assert_same(spikes, expected)


def test_a_guess_that_cannot_be_read_says_so_in_its_state() -> None:
    """It does not fail the run: whoever needs the row reads it again, and then says what is wrong."""
    nothing, state = no_fetching(), np.zeros(6, np.int64)
    f = nothing._replace(slots=2, state=state, requests=np.zeros((6, FIELDS), np.int64), failed=np.zeros(2, np.int64))
    _fail(f, np.array([GUESS + 1, GUESS + 3, 0, 0, 0]), GUESS + 1)
    assert state.tolist() == [0, 0, 0, FAILED, FAILED, 0]
    assert f.failed.tolist() == [0, 0]
    _fail(f, np.array([5, 6, 0, 0, 0]), 5)
    assert f.failed.tolist() == [1, 5]


@pytest.mark.parametrize(
    ("policy", "known", "said"),
    [("best", False, "prefetch policy"), ("oracle", False, "needs them"), ("learned", True, "go with oracle")],
)
def test_what_cannot_be_is_refused(expected: Spikes, policy: str, known: bool, said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        ng.Prefetch(policy, expected if known else None)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(
    policy=st.sampled_from(sorted(POLICIES)),
    workers=st.integers(1, 3),
    share=st.floats(0.3, 0.9),
    seed=st.integers(0, 2**31),
    delay=st.sampled_from([None, 0.1, 1.5]),
    stop=st.integers(1, STEPS - 1),
)
def test_any_policy_through_a_checkpoint(
    policy: str, workers: int, share: float, seed: int, delay: float | None, stop: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        network = ng.recipes.modular(
            neurons=400, synapses_per_neuron=200, modules=4, stimulus=2.0, dwell=5.0, standing=0.3, delay=delay
        )
        circuit = ng.build(Path(folder) / "c.zarr", network, seed=seed)
        expected = simulate(circuit, STEPS, seed=1)
        prefetch = ng.Prefetch(policy, expected if policy == "oracle" else None)
        memory = state_bytes(circuit) + int(share * circuit.store.synapse_bytes)
        saved = Path(folder) / "saved"
        try:
            with ng.Simulation(circuit, workers=workers, seed=1, memory=memory, prefetch=prefetch) as sim:
                sim.step(stop)
                sim.checkpoint(saved)
            with ng.Simulation.resume(saved, circuit, workers=1, memory=memory, prefetch=prefetch, spikes=True) as rest:
                rest.step(STEPS - stop)
        except MemoryBudgetError:
            return
        before = sim.spikes
        np.testing.assert_array_equal(np.concatenate([before.steps, rest.spikes.steps]), expected.steps)
        np.testing.assert_array_equal(np.concatenate([before.neurons, rest.spikes.neurons]), expected.neurons)
