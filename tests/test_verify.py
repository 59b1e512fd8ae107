"""`verify` finds every kind of damage and every broken invariant, and names it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

import neurograph as ng
from neurograph.cli.main import call
from neurograph_storage.checksum import granule_checksums
from neurograph_storage.errors import CircuitNotFoundError, CorruptionError, VersionError
from neurograph_storage.manifest import write_manifest

Change = Callable[[np.ndarray], None]


@pytest.fixture
def circuit(build_small) -> ng.Circuit:
    return build_small("modular")


def messages(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = call(["verify", str(path)])
    return status, capsys.readouterr().err


def forge(path: Path, name: str, change: Change) -> None:
    """Change an array and its checksums, so that only the invariants can tell."""
    root = zarr.open_group(path, mode="r+")
    values = root[name][:]
    change(values)
    root[name][:] = values
    root["checksums/" + name.replace("/", ".")][:] = granule_checksums(values)
    write_manifest(path)


def forge_metadata(circuit: ng.Circuit, change: Callable[[str], str], name: str = "zarr.json") -> None:
    """Change a metadata file and the list of files with it."""
    file = circuit.path / name
    file.write_text(change(file.read_text()))
    write_manifest(circuit.path)


def test_a_sound_circuit(circuit: ng.Circuit, capsys: pytest.CaptureFixture[str]) -> None:
    assert messages(circuit.path, capsys) == (0, "")


def put(index: int, value: int) -> Change:
    def change(values: np.ndarray) -> None:
        values[index] = value

    return change


# Where things are in the first row of the fixture's circuit: 2 sections, so the first group begins at word 7.
GROUP = 7


@pytest.mark.parametrize(
    ("name", "change", "invariant"),
    [
        ("neurons/id", put(0, 5), 2),
        ("neurons/storage", put(0, 5), 3),
        ("neurons/population", put(0, 1), 4),
        ("rows/start", put(1, 0x7FFFFFFF), 5),
        ("rows/words", put(0, 60_000), 6),
        ("rows/words", put(2, 1), 6),
        ("rows/words", put(4, 0), 6),
        ("rows/words", put(GROUP + 1, 3), 6),
        ("rows/words", put(GROUP, 8000 * 8), 7),
        ("rows/words", put(GROUP, 0), 8),
        ("rows/words", put(GROUP, 8 * 5 + 7), 9),
        ("rows/words", put(GROUP + 3, 60_000), 9),
    ],
)
def test_each_invariant_is_checked(
    circuit: ng.Circuit, capsys: pytest.CaptureFixture[str], name: str, change: Change, invariant: int
) -> None:
    forge(circuit.path, name, change)
    status, text = messages(circuit.path, capsys)
    assert status == 1
    assert f"invariant {invariant}: " in text


def test_order_within_a_group(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = ng.Network()
    cells = network.population("cells", 10, ng.LIFExp())
    network.connect(cells, cells, ng.Edges(np.array([0, 0]), np.array([3, 4])), weight=1.0, delay=1.0)
    circuit = ng.build(tmp_path / "c.zarr", network)
    # One section, one group of a shared code: words 4 to 6 are its header, 7 and 8 its targets.
    forge(circuit.path, "rows/words", put(7, 4))
    forge(circuit.path, "rows/words", put(8, 3))
    status, text = messages(circuit.path, capsys)
    assert (status, "invariant 10: row 0: " in text) == (1, True)


@pytest.mark.parametrize(
    ("key", "value", "invariant"), [("input_bound", 1, 11), ("delay_steps", [1, 2], 8), ("counts", None, 6)]
)
def test_the_metadata_agrees_with_the_rows(
    circuit: ng.Circuit, capsys: pytest.CaptureFixture[str], key: str, value: object, invariant: int
) -> None:
    file = circuit.path / "zarr.json"
    meta = json.loads(file.read_text())
    facts = meta["attributes"]["neurograph"]
    facts[key] = facts["counts"] | {"synapses": 7} if value is None else value
    file.write_text(json.dumps(meta))
    write_manifest(circuit.path)
    status, text = messages(circuit.path, capsys)
    assert (status, f"invariant {invariant}: " in text) == (1, True)


@pytest.mark.parametrize("codec", ["raw", "compressed"])
def test_a_bit_flipped_in_any_file_is_found_and_the_file_named(
    build_small, codec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the file: chunks of arrays and of checksums, their padding, metadata, the list of files itself."""
    circuit = build_small("modular", codec=codec)
    files = [path for path in circuit.path.rglob("*") if path.is_file()]
    assert len(files) > 15
    for number, file in enumerate(files):
        whole = file.read_bytes()
        for at in (0, len(whole) * 7 // 11, len(whole) - 1):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << number % 8]) + whole[at + 1 :])
            status, text = messages(circuit.path, capsys)
            assert (status, str(file) in text) == (1, True), (file, at, text)
        file.write_bytes(whole)
    assert messages(circuit.path, capsys) == (0, "")


def test_a_truncated_chunk_is_named(circuit: ng.Circuit) -> None:
    file = circuit.path / "rows/words/c/0"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CorruptionError, match=rf"{file} is .* bytes long, expected .*truncated"):
        ng.open(circuit.path)


def test_a_missing_chunk_is_damage(circuit: ng.Circuit) -> None:
    """Zarr would read it as zeros."""
    (circuit.path / "rows/start/c/0").unlink()
    with pytest.raises(CorruptionError, match="rows/start/c/0 is missing"):
        ng.open(circuit.path)


def test_a_newer_format_is_refused_with_both_versions(circuit: ng.Circuit) -> None:
    forge_metadata(circuit, lambda text: text.replace('"format_version": 1', '"format_version": 9'))
    with pytest.raises(VersionError, match="format version 9; this release reads 1"):
        ng.open(circuit.path)


def test_damaged_metadata(circuit: ng.Circuit) -> None:
    forge_metadata(circuit, lambda _: "{", "rows/words/zarr.json")
    with pytest.raises(CorruptionError, match="rows/words/zarr.json cannot be read"):
        ng.open(circuit.path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("counts", {"neurons": 3}), ("counts", 7), ("delay_steps", [1]), ("input_bound", "x"), ("circuit", {"dt": 0.1})],
)
def test_nonsense_in_the_metadata(circuit: ng.Circuit, key: str, value: object) -> None:
    file = circuit.path / "zarr.json"
    meta = json.loads(file.read_text())
    meta["attributes"]["neurograph"][key] = value
    file.write_text(json.dumps(meta))
    write_manifest(circuit.path)
    with pytest.raises(CorruptionError, match=r"metadata of .* is damaged"):
        ng.open(circuit.path)


def test_a_model_of_a_later_release(circuit: ng.Circuit) -> None:
    forge_metadata(circuit, lambda text: text.replace("LIFExp", "Later"))
    with pytest.raises(VersionError, match="neuron model 'Later' is not one of"):
        ng.open(circuit.path)


def test_not_a_circuit(tmp_path: Path) -> None:
    with pytest.raises(CircuitNotFoundError, match="no circuit at"):
        ng.open(tmp_path / "none.zarr")
    zarr.open_group(tmp_path / "other.zarr", mode="w")
    with pytest.raises(CircuitNotFoundError, match="not a circuit"):
        ng.open(tmp_path / "other.zarr")
