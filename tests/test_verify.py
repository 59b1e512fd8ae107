"""`verify` finds every kind of damage and every broken invariant, and names it."""

from pathlib import Path

import numpy as np
import pytest
import zarr

import neurograph as ng
from neurograph.cli.main import call
from neurograph_storage.checksum import granule_checksums
from neurograph_storage.errors import CircuitNotFoundError, CorruptionError, VersionError


@pytest.fixture
def circuit(build_small) -> ng.Circuit:
    return build_small("modular")


def messages(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = call(["verify", str(path)])
    return status, capsys.readouterr().err


def forge(path: Path, name: str, change) -> None:
    """Change an array and its checksums, so that only the invariants can tell."""
    root = zarr.open_group(path, mode="r+")
    values = root[name][:]
    change(values)
    root[name][:] = values
    root["checksums/" + name.replace("/", ".")][:] = granule_checksums(values)


def test_a_sound_circuit(circuit: ng.Circuit, capsys: pytest.CaptureFixture[str]) -> None:
    assert messages(circuit.path, capsys) == (0, "")


def swap_first_two(values: np.ndarray) -> None:
    values[[0, 1]] = values[[1, 0]]


def put(index: int, value: int):
    def change(values: np.ndarray) -> None:
        values[index] = value

    return change


def level(values: np.ndarray) -> None:
    values[:] = 1


@pytest.mark.parametrize(
    ("name", "change", "invariant"),
    [
        ("neurons/id", put(0, 5), 2),
        ("neurons/storage", put(0, 5), 3),
        ("neurons/population", put(0, 1), 4),
        ("rows/group", put(1, 0x7FFFFFFF), 5),
        ("groups/synapse", put(1, 0), 6),
        ("groups/delay", swap_first_two, 7),
        ("groups/delay", put(0, 0), 8),
        ("groups/receptor", put(0, 7), 9),
        ("synapses/target", put(0, 4_000_000), 9),
        ("synapses/weight", level, 11),
    ],
)
def test_each_invariant_is_checked(
    circuit: ng.Circuit,
    capsys: pytest.CaptureFixture[str],
    name: str,
    change,
    invariant: int,
):
    forge(circuit.path, name, change)
    status, text = messages(circuit.path, capsys)
    assert status == 1
    assert f"invariant {invariant}: " in text


def test_order_within_a_group(circuit: ng.Circuit, capsys: pytest.CaptureFixture[str]) -> None:
    lengths = np.diff(circuit.store.arrays["groups/synapse"].astype(np.int64))
    first = int(circuit.store.arrays["groups/synapse"][np.argmax(lengths > 1)])

    def swap(values: np.ndarray) -> None:
        assert values[first] != values[first + 1]
        values[[first, first + 1]] = values[[first + 1, first]]

    forge(circuit.path, "synapses/target", swap)
    status, text = messages(circuit.path, capsys)
    assert (status, "invariant 10: " in text) == (1, True)


def test_every_flipped_bit_is_found_and_its_file_named(circuit: ng.Circuit, capsys: pytest.CaptureFixture[str]) -> None:
    for name in circuit.store.specs:
        file = circuit.path / name / "c" / "0"
        whole = file.read_bytes()
        file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        status, text = messages(circuit.path, capsys)
        assert status == 1, name
        assert f"granule 0 of {name} is damaged, in {file}" in text
        file.write_bytes(whole)


def test_a_truncated_chunk_is_named(circuit: ng.Circuit) -> None:
    file = circuit.path / "synapses/target/c/0"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CorruptionError, match=rf"{file} is .* bytes long, expected .*truncated"):
        ng.open(circuit.path)


def test_a_missing_chunk_is_damage(circuit: ng.Circuit) -> None:
    """Zarr would read it as zeros."""
    (circuit.path / "groups/receptor/c/0").unlink()
    with pytest.raises(CorruptionError, match="groups/receptor/c/0 is missing"):
        ng.open(circuit.path)


def test_a_newer_format_is_refused_with_both_versions(circuit: ng.Circuit) -> None:
    file = circuit.path / "zarr.json"
    file.write_text(file.read_text().replace('"format_version": 0', '"format_version": 9'))
    with pytest.raises(VersionError, match="format version 9; this release reads 0"):
        ng.open(circuit.path)


def test_damaged_metadata(circuit: ng.Circuit) -> None:
    (circuit.path / "synapses/target/zarr.json").write_text("{")
    with pytest.raises(CorruptionError, match="synapses/target/zarr.json cannot be read"):
        ng.open(circuit.path)


def test_not_a_circuit(tmp_path: Path) -> None:
    with pytest.raises(CircuitNotFoundError, match="no circuit at"):
        ng.open(tmp_path / "none.zarr")
    zarr.open_group(tmp_path / "other.zarr", mode="w")
    with pytest.raises(CircuitNotFoundError, match="not a circuit"):
        ng.open(tmp_path / "other.zarr")
