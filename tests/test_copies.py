"""Groups are delivered at their step, all of them and once, whether they wait as copies, in their rows, or some so."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import neurograph as ng
from neurograph import copies
from neurograph.delivery import Calendar, Graph, deliver, launch_spikes
from neurograph.executor import state_bytes
from neurograph.reference import simulate
from tests.same import assert_same

Sums = NDArray[np.int32]
STEPS, BLOCK = 40, 2600


def dense(path: Path, weight_bits: int = 16) -> ng.Circuit:
    """Build groups of one synapse, of some, and of more than a chunk holds, onto two blocks and two receptors."""
    network = ng.Network(dt=0.1)
    cells, few = network.population("cells", 3000, ng.LIFExp()), network.population("few", 5, ng.LIFExp())
    network.connect(few, cells, ng.AllToAll(), weight=20.0, delay=0.7)
    network.connect(
        cells, cells, ng.FixedOutdegree(25), weight=ng.Normal(30.0, 9.0, low=0.0), delay=ng.Uniform(0.1, 2.0)
    )
    network.connect(cells, few, ng.FixedOutdegree(2), weight=-700.0, delay=1.2)
    return ng.build(path, network, block_neurons=BLOCK, weight_bits=weight_bits)


def some_spikes(circuit: ng.Circuit, seed: int) -> list[NDArray[np.uint32]]:
    """Return 12 spikes a step; among them the longest row, and the one behind which the words end."""
    rng, known = np.random.default_rng(seed), [circuit.storage[3001], circuit.neurons - 1]
    others = np.delete(np.arange(circuit.neurons), known)
    spikes = [rng.choice(others, 12, replace=False).astype(np.uint32) for _ in range(STEPS)]
    for step in (3, 4, 20):
        spikes[step][-2:] = known
    return spikes


def expected_at(step: int, circuit: ng.Circuit, spikes: list[NDArray[np.uint32]]) -> tuple[Sums, int]:
    """Return what all spikes deliver now, (receptors, neurons), and how many events that are."""
    found = circuit.store.rows(0, circuit.neurons).synapses()
    sums, events = np.zeros((2, circuit.neurons), np.int32), 0
    for age in range(1, step + 1):
        now = np.isin(found.row, spikes[step - age]) & (found.delay == age)
        np.add.at(sums, (found.receptor[now], found.target[now]), found.code[now])
        events += int(now.sum())
    return sums, events


@pytest.mark.parametrize("weight_bits", [8, 16])
@pytest.mark.parametrize("room", [0, 2**13, 2**17, 2**24])
def test_every_group_comes_at_its_step(tmp_path: Path, room: int, weight_bits: int) -> None:
    circuit = dense(tmp_path / "c.zarr", weight_bits)
    graph, spikes = Graph.of(circuit), some_spikes(circuit, room)
    silenced = np.zeros(circuit.neurons, np.uint8)
    silenced[spikes[5][2]] = 1
    heard = [fired[silenced[fired] == 0] for fired in spikes]
    calendars = [Calendar.make(block, 1, 2, circuit.store.max_delay, room) for block in range(2)]
    due = np.empty((2, 64), np.int64)
    for calendar in calendars:
        calendar.cursors.grow(12 * STEPS)
    for step in range(STEPS):
        sums, events = expected_at(step, circuit, heard)
        codes = [np.zeros((2, BLOCK), np.int32) for _ in calendars]
        assert events == sum(deliver(c, graph, step, own, due) for c, own in zip(calendars, codes, strict=True))
        np.testing.assert_array_equal(np.concatenate(codes, axis=1)[:, : circuit.neurons], sums)
        for calendar in calendars:
            launch_spikes(calendar, graph, step, spikes[step], silenced)
    for calendar in calendars:
        assert (0 < calendar.copies.used_bytes <= room) == (room > 0)


def test_memory_is_used_again(tmp_path: Path) -> None:
    circuit = dense(tmp_path / "c.zarr")
    graph, silenced, due = Graph.of(circuit), np.zeros(circuit.neurons, np.uint8), np.empty((2, 64), np.int64)
    calendar, used = Calendar.make(0, 2, 2, circuit.store.max_delay, 2**24), []
    calendar.cursors.grow(2 * 12 * STEPS)
    for step in range(400):
        deliver(calendar, graph, step, np.zeros((2, 2 * BLOCK), np.int32), due)
        launch_spikes(calendar, graph, step, some_spikes(circuit, 1)[step % STEPS], silenced)
        used.append(calendar.copies.used_bytes)
    assert used[-1] == used[200]


@pytest.mark.parametrize("least", [0, 2**14, 2**22])
def test_room_changes_no_spike(least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_LEAST_BYTES", least)
    monkeypatch.setattr(copies, "_PART", 2**40)
    network = ng.recipes.modular(neurons=200, synapses_per_neuron=40)
    network.drive(network.setups[0].population, ng.PoissonInput(rate=4000.0, weight=400.0))
    circuit = ng.build(tmp_path / "c.zarr", network, block_neurons=64)
    expected = simulate(circuit, 400, seed=3)
    assert len(expected) > 200
    with ng.Simulation(circuit, workers=2, seed=3) as sim:
        sim.step(400)
        assert_same(sim.spikes, expected)


@pytest.mark.parametrize("spare", [0, 5000, 10**9])
def test_room_is_what_the_budget_leaves(spare: int, build_small) -> None:
    circuit = build_small("modular")
    rows = circuit.store.synapse_bytes
    with ng.Simulation(circuit, memory=state_bytes(circuit) + rows + spare) as sim:
        assert sim._running.executor.copies == min(spare // 2, copies.room_for_copies(rows))
