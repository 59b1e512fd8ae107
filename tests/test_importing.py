"""Import: every format gives the same circuit; bad input gives one clear line, a status, and leaves nothing behind."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from scipy import sparse

import neurograph as ng
from neurograph.cli.main import call

BIG = 2**53 + 1

GOOD = {
    "source": [BIG, BIG, BIG + 1, BIG + 2],
    "target": [BIG + 1, BIG + 2, BIG + 2, BIG],
    "weight": [3, -2, 7, 1],
    "delay": [1.5, 0.1, 2.04, 3.0],
}


def write(path: Path, columns: dict[str, list[object]]) -> Path:
    table = pa.table(columns)
    if path.suffix == ".parquet":
        pq.write_table(table, path)
    elif path.suffix == ".gz":
        with pa.CompressedOutputStream(str(path), "gzip") as stream:
            pa_csv.write_csv(table, stream)
    else:
        pa_csv.write_csv(table, path)
    return path


def edges(circuit: ng.Circuit) -> list[tuple[float, ...]]:
    found = circuit.store.rows(0, circuit.neurons).synapses()
    ids = circuit.ids[circuit.index_of_storage]
    weight = found.code * circuit.scales["LIFExp"][found.receptor]
    columns = (ids[found.row], ids[found.target], weight, found.delay)
    return sorted(zip(*(c.tolist() for c in columns), strict=True))


EXPECTED = [
    (BIG, BIG + 1, 3.0, 15),
    (BIG, BIG + 2, -2.0, 1),
    (BIG + 1, BIG + 2, 7.0, 20),
    (BIG + 2, BIG, 1.0, 30),
]


@pytest.mark.parametrize("name", ["e.parquet", "e.csv", "e.csv.gz"])
def test_formats_agree(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "c.zarr"
    assert call(["import", str(write(tmp_path / name, GOOD)), str(out), "--delay", "delay"]) == 0
    assert edges(ng.open(out)) == EXPECTED
    assert "delays were rounded to steps of 0.1 ms, by 0.04 ms at most" in capsys.readouterr().err


def test_sparse_matrix(tmp_path: Path) -> None:
    matrix = sparse.coo_array(([2.0, -1.0, 0.5], ([0, 1, 3], [2, 2, 0])), shape=(4, 4))
    sparse.save_npz(tmp_path / "m.npz", matrix)
    circuit = ng.import_edges(tmp_path / "m.npz", tmp_path / "c.zarr", delay_ms=1.0)
    assert edges(circuit) == [(0, 2, 2.0, 10), (1, 2, -1.0, 10), (3, 0, 0.5, 10)]


def test_neuron_table_fixes_the_order(tmp_path: Path) -> None:
    write(tmp_path / "n.csv", {"name": ["x", "y", "z", "w"], "id": [BIG + 2, 5, BIG, BIG + 1]})
    circuit = ng.import_edges(
        write(tmp_path / "e.csv", GOOD), tmp_path / "c.zarr", delay_ms=1.0, neurons=tmp_path / "n.csv"
    )
    assert circuit.ids.tolist() == [BIG + 2, 5, BIG, BIG + 1]


def test_multapses_stay_apart(tmp_path: Path) -> None:
    doubled = {name: values * 2 for name, values in GOOD.items()}
    circuit = ng.import_edges(write(tmp_path / "e.parquet", doubled), tmp_path / "c.zarr", delay_ms=1.0)
    assert circuit.synapses == 8


def test_weight_unit_and_model(tmp_path: Path) -> None:
    out = tmp_path / "c.zarr"
    options = ["--delay-ms", "1.8", "--model", "LIFFrozen", "--weight-unit", "0.275", "--dt", "0.2"]
    assert call(["import", str(write(tmp_path / "e.csv", GOOD)), str(out), *options]) == 0
    circuit = ng.open(out)
    assert circuit.scales["LIFFrozen"].tolist() == [0.275, 0.275]
    assert (circuit.dt, circuit.store.max_delay) == (0.2, 9)


def bad(**change: list[object]) -> dict[str, list[object]]:
    return {name: values for name, values in (GOOD | change).items() if values is not None}


@pytest.mark.parametrize(
    ("columns", "options", "status", "message"),
    [
        (bad(source=None), [], 1, "has no column 'source'; it has 'target', 'weight', 'delay'"),
        (bad(weight=None), [], 1, "has no column 'weight'"),
        (bad(source=[1.0, 2.0, 3.0, 4.0]), [], 1, "column 'source' of .* is stored as double; it must be integer"),
        (bad(source=["a", "b", "c", "d"]), [], 1, "column 'source' of .* is stored as string; it must be integer"),
        (bad(target=[1, None, 2, 3]), [], 1, "column 'target' of .* has no value in row 1"),
        (bad(weight=[1.0, float("nan"), 1.0, 1.0]), [], 1, "column 'weight' of .* holds nan in row 1"),
        (bad(weight=["x", "y", "z", "w"]), [], 1, "column 'weight' of .* must hold numbers"),
        (bad(weight=[40_000, 1, 1, 1]), [], 1, "weight 40000.0 does not fit: with unit 1 it may be 32767 at most"),
        (bad(delay=[1.5, -0.5, 1.0, 1.0]), ["--delay", "delay"], 1, "a delay of -0.5 ms is shorter than one step"),
        (bad(delay=[1.5, 1e6, 1.0, 1.0]), ["--delay", "delay"], 1, "is too long; allowed are 0.1 to 819.1 ms"),
        (GOOD, ["--delay-ms", "0"], 2, "a delay of 0 ms is shorter than one step"),
        (GOOD, ["--delay-ms", "1", "--delay", "delay"], 2, "either one delay for all synapses .* or a column"),
        (GOOD, ["--model", "HH"], 2, "no neuron model 'HH'"),
        (GOOD, ["--preset", "nobody"], 2, "no preset 'nobody'; choose from shiu2024"),
    ],
)
def test_bad_tables(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    columns: dict[str, list[object]],
    options: list[str],
    status: int,
    message: str,
) -> None:
    path = write(tmp_path / "e.parquet", columns)
    delay = [] if any(o.startswith("--delay") for o in options) else ["--delay-ms", "1.0"]
    assert call(["import", str(path), str(tmp_path / "c.zarr"), *delay, *options]) == status
    text = capsys.readouterr().err
    assert len(text.splitlines()) <= 2
    assert re.search(message, text)
    assert [entry.name for entry in tmp_path.iterdir()] == ["e.parquet"]


def test_unknown_id_names_row_and_table(tmp_path: Path) -> None:
    write(tmp_path / "n.csv", {"id": [BIG, BIG + 1]})
    with pytest.raises(ng.DataError, match=f"source id {BIG + 2} in row 3 of the edges is not in the neuron table"):
        ng.import_edges(write(tmp_path / "e.csv", GOOD), tmp_path / "c.zarr", delay_ms=1.0, neurons=tmp_path / "n.csv")


def test_truncated_files(tmp_path: Path) -> None:
    for name in ("e.parquet", "e.csv.gz"):
        path = write(tmp_path / name, {key: values * 1000 for key, values in GOOD.items()})
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(ng.DataError, match="cannot be read, it may be truncated"):
            ng.import_edges(path, tmp_path / "c.zarr", delay_ms=1.0)
    (tmp_path / "m.npz").write_bytes(b"no matrix")
    with pytest.raises(ng.DataError, match="is not a sparse matrix"):
        ng.import_edges(tmp_path / "m.npz", tmp_path / "c.zarr", delay_ms=1.0)


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    for name in ("none.csv", "none.npz"):
        with pytest.raises(ng.ArgumentError, match=f"no file {tmp_path}/{name}"):
            ng.import_edges(tmp_path / name, tmp_path / "c.zarr", delay_ms=1.0)
    (tmp_path / "e.xlsx").write_text("")
    with pytest.raises(ng.ArgumentError, match=r"allowed endings: \.parquet, \.csv, \.csv\.gz, \.npz"):
        ng.import_edges(tmp_path / "e.xlsx", tmp_path / "c.zarr", delay_ms=1.0)


def test_an_existing_output_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "mine").write_text("x")
    arguments = ["import", str(write(tmp_path / "e.csv", GOOD)), str(tmp_path / "c.zarr"), "--delay-ms", "1"]
    assert call(arguments) == 2
    assert "exists and is never overwritten" in capsys.readouterr().err
    assert (tmp_path / "c.zarr" / "mine").read_text() == "x"


def test_the_preset_without_index_columns_takes_ids_in_order(tmp_path: Path) -> None:
    columns = {
        "Presynaptic_ID": [30, 10],
        "Postsynaptic_ID": [20, 30],
        "Excitatory x Connectivity": [5, -6],
    }
    circuit = ng.import_edges(write(tmp_path / "e.csv", columns), tmp_path / "c.zarr", preset="shiu2024")
    assert circuit.ids.tolist() == [10, 20, 30]


def test_an_index_that_no_edge_names_asks_for_the_neuron_table(tmp_path: Path) -> None:
    columns = {
        "Presynaptic_ID": [900, 100],
        "Postsynaptic_ID": [100, 500],
        "Presynaptic_Index": [0, 1],
        "Postsynaptic_Index": [1, 3],
        "Excitatory x Connectivity": [5, -6],
    }
    with pytest.raises(ng.DataError, match="names index 2, so its neuron is unknown; give a table with --neurons"):
        ng.import_edges(write(tmp_path / "e.csv", columns), tmp_path / "c.zarr", preset="shiu2024")


@pytest.mark.parametrize("unit", ["0", "-1", "nan"])
def test_a_weight_unit_must_be_positive(tmp_path: Path, unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "e.csv", GOOD | {"weight": [0.5, 1.5, 2.5, 3.5]})
    options = ["--delay-ms", "1", "--weight-unit", unit]
    assert call(["import", str(path), str(tmp_path / "c.zarr"), *options]) == 2
    assert "it must be positive" in capsys.readouterr().err


def test_odd_matrices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.npz"
    sparse.save_npz(path, sparse.coo_array(([1j], ([0], [1])), shape=(2, 2)))
    assert call(["import", str(path), str(tmp_path / "c.zarr"), "--delay-ms", "1"]) == 1
    assert "not a finite number" in capsys.readouterr().err
    assert call(["import", str(path), str(tmp_path / "c.zarr"), "--delay", "d"]) == 2
    assert "has no columns to name" in capsys.readouterr().err
    path.write_bytes(path.read_bytes()[:200])
    assert call(["import", str(path), str(tmp_path / "c.zarr"), "--delay-ms", "1"]) == 1
    assert "is not a sparse matrix" in capsys.readouterr().err


def test_a_column_named_twice(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("source,target,weight,weight\n1,2,3,4\n")
    with pytest.raises(ng.DataError, match="more than one column 'weight'"):
        ng.import_edges(tmp_path / "e.csv", tmp_path / "c.zarr", delay_ms=1.0)
