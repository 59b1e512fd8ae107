"""Orders: permutations, the same for any jobs and memory, which bring planted structure back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.ordering.activity import Activity, pilot
from neurograph.ordering.bisection import LEAF, bisect
from neurograph.ordering.methods import METHODS, Setting
from neurograph.ordering.objective import partition_of, touched
from neurograph.ordering.order import decide
from neurograph.ordering.reads import count_reads, partitions_fired
from neurograph.ordering.sketch import WIDTH, signs
from neurograph.ordering.wiring import ListedWiring, StoredWiring, targets_of
from neurograph_storage.errors import ArgumentError

NAMES = list(METHODS)


def skip_without_partitioner(method: str) -> None:
    if method == "multilevel":
        pytest.importorskip("pymetis", reason="needs the extra 'order'")


def listed(rows: list[list[int]]) -> ListedWiring:
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return ListedWiring(starts, np.array([t for row in rows for t in row], np.uint32))


def fired(neurons: int, rng: np.random.Generator) -> Activity:
    return Activity.of(rng.integers(0, 400, 60), rng.integers(0, max(1, neurons), 60))


@pytest.mark.parametrize("method", NAMES)
@settings(max_examples=15, deadline=None)
@given(
    neurons=st.integers(1, 150),
    degree=st.integers(0, 12),
    rows=st.sampled_from([1, 7, 64, 1024]),
    seed=st.integers(0, 99),
)
def test_every_method_gives_a_permutation(method: str, neurons: int, degree: int, rows: int, seed: int) -> None:
    skip_without_partitioner(method)
    rng = np.random.default_rng(seed)
    wiring = listed([rng.integers(0, neurons, rng.integers(0, degree + 1)).tolist() for _ in range(neurons)])
    setting = Setting(rows=rows, activity=fired(neurons, rng))
    order = METHODS[method](wiring, setting)
    np.testing.assert_array_equal(np.sort(order), np.arange(neurons))
    np.testing.assert_array_equal(METHODS[method](wiring, setting), order)


@pytest.mark.parametrize("method", NAMES)
def test_jobs_memory_and_pieces_change_nothing(method: str, build_small, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_partitioner(method)
    circuit = build_small("modular", neurons=2500, synapses_per_neuron=60, shuffle=True)
    activity = fired(2500, np.random.default_rng(1))
    expected = decide(circuit, method, activity, jobs=1)
    np.testing.assert_array_equal(decide(circuit, method, activity, jobs=3), expected)
    monkeypatch.setattr("neurograph.ordering.wiring._PIECE_WORDS", 5000)
    np.testing.assert_array_equal(decide(circuit, method, activity, jobs=3), expected)
    if method not in ("rcm", "multilevel"):
        np.testing.assert_array_equal(decide(circuit, method, activity, jobs=2, memory=1), expected)


@pytest.mark.parametrize("method", ["rcm", "multilevel"])
def test_what_holds_the_whole_graph_says_so(method: str, build_small) -> None:
    skip_without_partitioner(method)
    with pytest.raises(ArgumentError, match=r"holds the whole graph.*use streaming"):
        decide(build_small(), method, memory=1000)


def test_targets_are_those_of_the_rows(build_small) -> None:
    for codec in ("raw", "compressed"):
        circuit = build_small("sheet", name=codec, codec=codec)
        rows = circuit.store.rows(0, circuit.neurons)
        starts, targets = targets_of(rows)
        np.testing.assert_array_equal(targets, rows.synapses().target)
        np.testing.assert_array_equal(np.diff(starts), rows.lengths())
        wiring = StoredWiring(circuit.store, 2**30)
        for _ in range(2):  # read, then kept
            (piece,) = wiring.each(lambda piece: piece)
            np.testing.assert_array_equal(piece.targets, targets)


def test_the_objective_counts_partitions_by_hand() -> None:
    wiring = listed([[1, 2, 3, 3], [0], [], [0, 4, 5]])
    # Partitions (0, 1), (2, 3), (4, 5): row 0 reaches one other, row 1 none, row 3 two.
    assert touched(ListedWiring(np.append(wiring.starts, [8, 8]), wiring.targets), partition_of(np.arange(6), 2)) == 3


@pytest.mark.parametrize(("method", "share"), [("streaming", 1.3), ("community", 1.6)])
def test_a_shuffled_planted_order_is_found_again(method: str, share: float, build_small) -> None:
    """Modules of 1,100 neurons: within so many partitions touched of the planted order, where shuffling has 3 times."""
    options = {"neurons": 8800, "modules": 8, "synapses_per_neuron": 30, "inside": 0.95}
    planted, circuit = (build_small("modular", name=str(s), shuffle=s, **options) for s in (False, True))
    wiring = StoredWiring(circuit.store, 2**30)

    def value(order: np.ndarray) -> int:
        return touched(wiring, partition_of(order, 1100))

    best = value(circuit.storage[planted.index_of_storage].astype(np.int64))
    found = value(METHODS[method](wiring, Setting(rows=1100)))
    assert value(np.arange(8800)) > 3 * best
    assert found < share * best


def test_coactivity_puts_what_fired_together_side_by_side() -> None:
    """Two groups that take turns, mixed up among silent neurons."""
    rng = np.random.default_rng(3)
    groups = rng.permutation(400)[:128].reshape(2, 64)
    step = np.repeat(np.arange(0, 4000, 50), 32)
    row = np.concatenate([rng.choice(groups[k % 2], 32, replace=False) for k in range(80)])
    activity = Activity.of(step, row)
    order = METHODS["coactivity"](listed([[] for _ in range(400)]), Setting(rows=64, activity=activity))
    assert {frozenset(order[:64].tolist()), frozenset(order[64:128].tolist())} == {
        frozenset(g.tolist()) for g in groups
    }


def test_bisection_keeps_partitions_whole_and_neighbours_together() -> None:
    """Points on a line come out in order of it, up to the last few."""
    line = np.zeros((1000, WIDTH), np.int8)
    line[:, 3] = np.random.default_rng(2).integers(-120, 120, 1000)
    found = line[bisect(line, np.arange(1000), 256), 3].astype(int)
    medians = [np.median(found[k : k + LEAF]) for k in range(0, 1000, LEAF)]
    assert medians in (sorted(medians), sorted(medians, reverse=True))
    assert set(signs(500).ravel().tolist()) == {-1, 1}


def naive_reads(steps: list[list[int]], first: list[int], last: list[int], room: int) -> tuple[int, int]:
    """Count units and requests with a plain list, the one used last at the end."""
    pool: list[int] = []
    units = requests = 0
    for rows in steps:
        needed = sorted({u for r in rows for u in range(first[r], last[r] + 1)})
        missing = [u for u in needed if u not in pool]
        units += len(missing)
        requests += sum(1 for u in missing if u - 1 not in missing)
        pool = ([u for u in pool if u not in needed] + needed)[-room:]
    return units, requests


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), room=st.integers(1, 12))
def test_reads_are_those_of_a_plain_list(seed: int, room: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 25, 20)
    sizes[0] += 1
    ends = np.cumsum(sizes)
    step, row = rng.integers(0, 60, 80), rng.integers(0, 20, 80)
    found = count_reads(Activity.of(step, row), ends, unit=10, pool=10 * room, batch=4)
    starts = ends - sizes
    first, last = (starts // 10).tolist(), (np.maximum(ends - 1, starts) // 10).tolist()
    batches = [sorted(set(row[step // 4 == b].tolist())) for b in range(15)]
    expected = naive_reads(batches, first, last, room)
    assert (found.nbytes // 10, found.requests) == expected


def test_partitions_fired_by_hand() -> None:
    activity = Activity.of(np.array([0, 0, 0, 1, 3]), np.array([0, 1, 9, 9, 4]))
    assert partitions_fired(activity, 4, 1) == pytest.approx(4 / 3)
    assert partitions_fired(activity, 4, 2) == pytest.approx(3 / 2)


def test_a_pilot_run_that_is_silent_is_refused(tmp_path: Path) -> None:
    network = ng.Network()
    network.population("a", 3, ng.LIFExp())
    with pytest.raises(ArgumentError, match=r"nothing fires.*--spikes"):
        pilot(ng.build(tmp_path / "c.zarr", network), 5.0)
