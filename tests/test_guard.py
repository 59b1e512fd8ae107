"""A run never delivers from damaged bytes."""

from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph_storage.errors import CorruptionError
from neurograph_storage.guard import RowGuard


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 4
    file.write_bytes(content)


def test_a_row_on_a_damaged_granule_is_refused_and_no_other(build_small) -> None:
    circuit = build_small("random", neurons=2000, synapses_per_neuron=100)
    file = circuit.path / "rows/words/c/0"
    assert circuit.store.specs["rows/words"].granules > 8
    flip(file, 3 * 65536 + 17)
    guard, starts = RowGuard(circuit.store), circuit.store.arrays["rows/start"].astype(int) * 2
    for row in range(circuit.neurons):
        lies_there = starts[row] < 4 * 65536 and starts[row + 1] > 3 * 65536
        if lies_there:
            with pytest.raises(CorruptionError, match=rf"granule 3 of rows/words is damaged, in {file}"):
                guard.admit(np.array([row], np.uint32))
        else:
            guard.admit(np.array([row], np.uint32))


@pytest.mark.parametrize("codec", ["raw", "compressed"])
@pytest.mark.parametrize("name", ["rows/words", "rows/start", "neurons/storage", "neurons/population", "neurons/id"])
def test_a_run_refuses_to_deliver_from_a_damaged_file(build_small, codec: str, name: str) -> None:
    circuit = build_small("random", codec=codec)
    file = circuit.path / name / "c/0"
    flip(file, 0)
    with (
        pytest.raises(CorruptionError, match=rf"granule 0 of {name} is damaged, in {file}"),
        ng.Simulation(circuit.path, seed=1) as simulation,
    ):
        simulation.run(200.0)


def test_all_workers_stop_when_one_meets_damage(build_small) -> None:
    circuit = build_small("random", neurons=2000, synapses_per_neuron=100, block_neurons=500)
    flip(circuit.path / "rows/words/c/0", 3 * 65536 + 17)
    with pytest.raises(CorruptionError, match="granule 3 of rows/words"), ng.Simulation(circuit, workers=3) as sim:
        sim.run(1000.0)
    with pytest.raises(AssertionError, match="cannot go on"):
        sim.step()


def test_checking_ahead_lets_every_row_pass(build_small) -> None:
    circuit = build_small("random", neurons=2000, synapses_per_neuron=400)
    guard, asked = RowGuard(circuit.store, ahead=True), 0
    while not guard.passed.all():
        guard.admit(np.flatnonzero(guard.passed == 0)[-1:])
        asked += 1
    assert asked <= circuit.store.specs["rows/words"].granules // 64 + 2
