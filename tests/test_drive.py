"""Drive files: both ways to give time and neuron, defaults, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

import neurograph as ng


@pytest.fixture
def circuit(tmp_path: Path) -> ng.Circuit:
    network = ng.Network()
    network.population("a", 3, ng.LIFExp(), ids=np.array([30, 10, 20]))
    return ng.build(tmp_path / "c.zarr", network)


def read(tmp_path: Path, circuit: ng.Circuit, text: str):
    path = tmp_path / "drive.csv"
    path.write_text(text)
    return ng.read_drive(path, circuit)


def test_step_and_index(tmp_path: Path, circuit: ng.Circuit) -> None:
    events = read(tmp_path, circuit, "step,index,weight\n7,2,1.5\n3,0,-2\n3,1,4\n")
    assert events.step.tolist() == [3, 3, 7]
    assert events.index.tolist() == [0, 1, 2]
    assert events.weight.tolist() == [-2.0, 4.0, 1.5]
    assert events.receptor.tolist() == [1, 0, 0]


def test_time_and_neuron_and_receptor(tmp_path: Path, circuit: ng.Circuit) -> None:
    events = read(tmp_path, circuit, "time_ms,neuron,receptor,weight\n0.3,20,inhibitory,5\n0.0,30,excitatory,5\n")
    assert events.step.tolist() == [0, 3]
    assert events.index.tolist() == [0, 2]
    assert events.receptor.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("index,weight\n1,1\n", ng.DataError, "must have a column 'step' or 'time_ms'; it has neither"),
        ("step,time_ms,index,weight\n1,1.0,1,1\n", ng.DataError, "it has both"),
        ("step,weight\n1,1\n", ng.DataError, "must have a column 'index' or 'neuron'"),
        ("step,index,weight\n1,3,1\n", ng.DataError, "index 3 in row 0 of .* is outside 0 .. 2"),
        ("step,neuron,weight\n1,77,1\n", ng.DataError, "neuron id 77 is not in the circuit"),
        ("step,neuron,weight\n1,10.5,1\n", ng.DataError, "column 'neuron' of .* must be integer"),
        ("step,index,weight\n-1,0,1\n", ng.DataError, "step -1 is negative"),
        ("step,index\n1,0\n", ng.ArgumentError, "stores no default"),
        ("step,index,weight,receptor\n1,0,1,nmda\n", ng.ArgumentError, "no receptor 'nmda'"),
        ("step,index,weight,receptor\n1,0,1,5\n", ng.DataError, "column 'receptor' of .* must be text"),
    ],
)
def test_what_is_refused(tmp_path: Path, circuit: ng.Circuit, text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read(tmp_path, circuit, text)
