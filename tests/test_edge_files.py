"""Matrices and SONATA files are read in pieces, from any piece on, to what stock readers find in them."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from scipy import sparse

import neurograph as ng
from neurograph.cli.main import call
from neurograph.edge_files import EdgeFile
from neurograph.edge_matrices import MatrixEdges
from neurograph.edge_sonata import SonataEdges
from neurograph.edge_tables import TableEdges


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("edge_tables", "edge_matrices", "edge_sonata"):
        monkeypatch.setattr(f"neurograph.{module}.PIECE", 64)
    monkeypatch.setattr("neurograph.edge_tables._BLOCK", 1000)


def read(file: EdgeFile, start: int = 0) -> list[tuple[Any, ...]]:
    pieces = list(file.pieces(start))
    assert all(len(piece.source) <= 64 for piece in pieces)
    columns = [[piece[k] for piece in pieces if piece[k] is not None] for k in range(4)]
    joined = [np.concatenate(column) for column in columns if column]
    return list(zip(*(column.tolist() for column in joined), strict=True))


def columns(count: int = 500) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    source, target = rng.integers(0, 40, (2, count))
    return {"source": source, "target": target, "weight": rng.integers(-9, 9, count), "delay": rng.random(count) + 1}


def sonata(path: Path, *, change: Any = None, **datasets: np.ndarray) -> Path:
    given = columns()
    with h5py.File(path, "w") as file:
        group = file.create_group("edges/v1_to_v1")
        for end in ("source", "target"):
            group[f"{end}_node_id"] = given[end].astype(np.uint64)
            group[f"{end}_node_id"].attrs["node_population"] = "v1"
        group["edge_type_id"] = given["source"] % 3 + 100
        group["edge_group_id"] = np.zeros(500, np.uint16)
        group["edge_group_index"] = np.arange(500)
        inner = group.create_group("0")
        for name, values in datasets.items():
            inner[name] = values
        if change:
            change(file)
    return path


def make(tmp_path: Path, kind: str) -> tuple[EdgeFile, list[tuple[Any, ...]]]:
    """Return a file, and its edges in order."""
    given = columns()
    names = ("source", "target", "weight", "delay")
    if kind in ("parquet", "csv", "csv.gz"):
        path, table = tmp_path / f"e.{kind}", pa.table(given)
        if kind == "parquet":
            pq.write_table(table, path, row_group_size=150)
        elif kind == "csv":
            pa_csv.write_csv(table, path)
        else:
            with pa.CompressedOutputStream(str(path), "gzip") as stream:
                pa_csv.write_csv(table, stream)
        return TableEdges(path, names), list(zip(*(given[name].tolist() for name in names), strict=True))
    if kind == "h5":
        path = sonata(tmp_path / "e.h5", syn_weight=given["weight"], delay=given["delay"])
        return SonataEdges(path), list(zip(*(given[name].tolist() for name in names), strict=True))
    format_name, _, compressed = kind.partition("+")
    matrix = sparse.coo_array((given["weight"], (given["source"], given["target"])), shape=(40, 40))
    matrix = matrix if format_name == "coo" else matrix.asformat(format_name)
    sparse.save_npz(tmp_path / "m.npz", matrix, compressed=bool(compressed))
    coo = matrix.tocoo()
    expected = zip(coo.row.tolist(), coo.col.tolist(), coo.data.tolist(), strict=True)
    return MatrixEdges(tmp_path / "m.npz"), list(expected)


KINDS = ["parquet", "csv", "csv.gz", "h5", "coo", "csr", "csc", "coo+zip", "csr+zip", "csc+zip"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_is_read_from_any_place_on(tmp_path: Path, kind: str) -> None:
    file, expected = make(tmp_path, kind)
    for start in (0, 1, 63, 64, 150, 299, len(expected) - 1, len(expected)):
        assert read(file, start) == expected[start:], start
    assert np.concatenate(list(file.weights())).tolist() == [row[2] for row in expected]
    if file.has_delay:
        assert np.concatenate(list(file.delays())).tolist() == [row[3] for row in expected]


def synapses(circuit: ng.Circuit) -> list[tuple[float, ...]]:
    found = circuit.store.rows(0, circuit.neurons).synapses()
    weight = found.code * circuit.scales["LIFExp"][found.receptor]
    return sorted(zip(*(c.tolist() for c in (found.row, found.target, weight, found.delay)), strict=True))


def test_sonata_by_edge_type(tmp_path: Path) -> None:
    contacts = np.random.default_rng(2).integers(1, 4, 500)
    path = sonata(tmp_path / "e.h5", nsyns=contacts)
    types = tmp_path / "types.csv"
    types.write_text(
        "edge_type_id syn_weight delay model_template dynamics_params\n"
        '102 -3.5 2.0 exp2syn "a b.json"\n100 0.5 1.0 exp2syn NULL\n101 1.5 1.5 exp2syn NULL\n'
    )
    out = tmp_path / "c.zarr"
    assert call(["import", str(path), str(out), "--edge-types", str(types)]) == 0
    given = columns()
    weight = np.array([0.5, 1.5, -3.5])[given["source"] % 3] * contacts
    steps = np.array([10, 15, 20])[given["source"] % 3]
    expected = zip(*(c.tolist() for c in (given["source"], given["target"], weight, steps)), strict=True)
    assert synapses(ng.open(out)) == sorted(expected)
    assert ng.open(out).neurons == 40


def second_population(file: Any) -> None:
    file.copy("edges/v1_to_v1", "edges/other")


def other_nodes(file: Any) -> None:
    file["edges/v1_to_v1/source_node_id"].attrs["node_population"] = "lgn"


def shorter(file: Any) -> None:
    del file["edges/v1_to_v1/edge_type_id"]
    file["edges/v1_to_v1/edge_type_id"] = np.zeros(3)


def shuffled(file: Any) -> None:
    file["edges/v1_to_v1/edge_group_index"][...] = np.arange(500)[::-1]


@pytest.mark.parametrize(
    ("change", "options", "status", "message"),
    [
        (second_population, [], 2, "has 2 populations of edges: other, v1_to_v1; choose one with --population"),
        (second_population, ["--population", "x"], 2, "no population of edges 'x'; choose from other, v1_to_v1"),
        (other_nodes, [], 1, "lead from population 'lgn' to 'v1'; only those within one population"),
        (shorter, [], 1, "do not fit each other"),
        (shuffled, [], 1, "edge_group_index of .* must count up from 0"),
        (lambda file: file["edges/v1_to_v1"].create_group("1"), [], 1, "more than one group of synapses"),
        (lambda file: file.move("edges", "nodes"), [], 1, "has no group 'edges'"),
        (None, ["--edge-types", "none.csv"], 2, "no file none.csv"),
        (None, ["--weight", "w"], 2, "is a SONATA file and has no columns to name"),
        (None, ["--delay-ms", "1"], 2, "give either one delay for all synapses"),
    ],
)
def test_sonata_that_cannot_be_imported(
    tmp_path: Path, change: Any, options: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = columns()
    path = sonata(tmp_path / "e.h5", change=change, syn_weight=given["weight"], delay=given["delay"])
    assert call(["import", str(path), str(tmp_path / "c.zarr"), *options]) == status
    assert re.search(message, capsys.readouterr().err)
    assert [entry.name for entry in tmp_path.iterdir()] == ["e.h5"]


def test_sonata_without_weights_and_types_without_a_type(tmp_path: Path) -> None:
    with pytest.raises(ng.DataError, match="has no syn_weight, neither of each synapse nor by edge type"):
        ng.import_edges(sonata(tmp_path / "e.h5"), tmp_path / "c.zarr", delay_ms=1.0)
    types = tmp_path / "types.csv"
    types.write_text("edge_type_id syn_weight\n100 1\n102 1\n")
    with pytest.raises(ng.DataError, match=r"types.csv has no edge type 101, whose syn_weight synapse \d+ needs"):
        ng.import_edges(tmp_path / "e.h5", tmp_path / "c.zarr", delay_ms=1.0, edge_types=types)


def test_weights_of_csv_may_turn_out_to_be_fractions_late(tmp_path: Path) -> None:
    lines = [f"{k % 7},{k % 5},{k % 4}" for k in range(3000)]
    (tmp_path / "e.csv").write_text("\n".join(["source,target,weight", *lines, "1,2,0.25"]))
    circuit = ng.import_edges(tmp_path / "e.csv", tmp_path / "c.zarr", delay_ms=1.0)
    assert circuit.synapses == 3001
    assert circuit.store.circuit["scales"]["LIFExp"][0]["unit"] == 0.25


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1.5,2,3", "ids that are not integers: .*invalid value '1.5'"),
        ("1,2,x", "holds something else than numbers"),
        ("1,,3", "column 'target' of .* has no value in row 3000"),
        ("1,2,inf", "column 'weight' of .* holds inf in row 3000"),
        ("1,2", "cannot be read"),
    ],
)
def test_a_bad_line_far_down_is_one_clear_error(tmp_path: Path, line: str, message: str) -> None:
    lines = [f"{k % 7},{k % 5},{k % 4}" for k in range(3000)]
    (tmp_path / "e.csv").write_text("\n".join(["source,target,weight", *lines, line]))
    with pytest.raises(ng.DataError, match=message):
        ng.import_edges(tmp_path / "e.csv", tmp_path / "c.zarr", delay_ms=1.0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["e.csv"]


def test_matrices_that_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    for matrix, message in (
        (sparse.dia_array(np.eye(3)), "has format 'dia'; allowed are coo, csr, csc"),
        (sparse.coo_array(np.ones((2, 3))), "is 2 x 3, it must be square"),
        (sparse.coo_array(([1.0], ([5], [6])), shape=(2**40, 2**40)), "speaks of 1099511627776 neurons"),
    ):
        sparse.save_npz(path, matrix)
        with pytest.raises(ng.DataError, match=message):
            ng.import_edges(path, tmp_path / "c.zarr", delay_ms=1.0)
