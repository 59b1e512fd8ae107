"""Files of edges damaged in every way: a sound circuit or one clear error, and never anything half done.

They are imported in a child process, since a library written in C may crash on them, loop, or ask for all memory.
"""

import faulthandler
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from scipy import sparse

import neurograph as ng
from neurograph import edge_files
from neurograph.cli.main import call
from neurograph.importing import EdgeColumns

ROWS, NEURONS = 200, 30
SEED = 20
GIB = 2**30


def columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    source, target = rng.integers(0, NEURONS, (2, ROWS))
    return {"source": source, "target": target, "weight": rng.integers(-9, 9, ROWS), "delay": rng.random(ROWS) + 1}


def write(path: Path, given: dict[str, object]) -> None:
    """Write a sound file."""
    kind = path.name.partition(".")[2]
    if kind == "h5":
        with h5py.File(path, "w") as file:
            group = file.create_group("edges/a")
            for name, values in given.items():
                where = {"source": "source_node_id", "target": "target_node_id", "weight": "0/syn_weight"}
                group[where.get(name, f"0/{name}")] = values
    elif kind.endswith("npz"):
        ends = (given["source"], given["target"])
        matrix = sparse.coo_array((given["weight"], ends), shape=(NEURONS, NEURONS))
        sparse.save_npz(path, matrix.tocsr() if kind.startswith("csr") else matrix, compressed=kind.startswith("csr"))
    elif kind == "parquet":
        pq.write_table(pa.table(given), path, row_group_size=70)
    elif kind == "csv":
        pa_csv.write_csv(pa.table(given), path)
    else:
        with pa.CompressedOutputStream(str(path), "gzip") as stream:
            pa_csv.write_csv(pa.table(given), stream)


def outcome(path: Path) -> str:
    """Import a file and say what came of it: SOUND, REFUSED, or what is wrong with us."""
    out = path.with_name("out.zarr")
    has_delay = path.name.endswith(("parquet", "csv", "csv.gz"))
    options = {"columns": EdgeColumns(delay="delay")} if has_delay else {}
    found = "REFUSED"
    try:
        ng.import_edges(path, out, delay_ms=None if has_delay or path.suffix == ".h5" else 1.0, jobs=1, **options)
        found = "SOUND" if call(["verify", str(out)]) == 0 else "WRONG unsound"
    except ng.NeuroGraphError as error:
        if not str(error) or "\n" in str(error).strip():
            found = f"WRONG message {error!r}"
    except BaseException as error:
        found = f"WRONG {type(error).__name__} {error}"
    left = {entry.name for entry in path.parent.glob("out.zarr*")} - ({"out.zarr"} if found == "SOUND" else set())
    shutil.rmtree(out, ignore_errors=True)
    return f"WRONG left {left}" if left else found


def child() -> None:
    """Import every file named on standard input, and print what came of each."""
    resource.setrlimit(resource.RLIMIT_AS, (12 * GIB, 12 * GIB))
    # A damaged node id may make millions of neurons, a sound circuit, but a slow test.
    edge_files.available_memory = lambda: 10**7
    for line in sys.stdin:
        faulthandler.dump_traceback_later(60, exit=True)
        path = Path(line.strip())
        sys.stdout.write(f"\n@{path.name}\t{outcome(path)}\n")
        sys.stdout.flush()


def outcomes(paths: list[Path]) -> dict[str, str]:
    """Return what came of each file; of one on which the process crashed, that."""
    found: dict[str, str] = {}
    while len(found) < len(paths):
        names = "\n".join(str(path) for path in paths if path.name not in found)
        done = subprocess.run([sys.executable, __file__], input=names, capture_output=True, text=True, timeout=280)
        lines = [line[1:].partition("\t") for line in done.stdout.splitlines() if line.startswith("@")]
        found |= {name: rest for name, _, rest in lines}
        if done.returncode:
            crashed = next(path.name for path in paths if path.name not in found)
            found[crashed] = f"WRONG crash {done.returncode}: {done.stderr[-3000:]}"
    return found


def check(paths: list[Path]) -> Counter[str]:
    """Return how many were sound and how many were refused; nothing else may have happened."""
    found = outcomes(paths)
    wrong = {name: what for name, what in found.items() if what.startswith("WRONG")}
    assert not wrong
    return Counter(found.values())


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes of which some are flipped, cut out, or put in."""
    at, size = int(rng.integers(len(data))), int(rng.integers(1, 20))
    kind = rng.integers(5)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[at + size :]
    if kind == 2:
        return data[:at] + rng.bytes(size) + data[at:]
    if kind == 3:
        return data[:at] + bytes([rng.choice([0, 127, 128, 255])]) * size + data[at + size :]
    changed = bytearray(data)
    for place in rng.integers(0, len(data), size):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz", "npz", "csr.npz", "h5"])
def test_damaged_bytes(tmp_path: Path, kind: str) -> None:
    sound = tmp_path / f"sound.{kind}"
    write(sound, dict(columns()))
    data, rng = sound.read_bytes(), np.random.default_rng(SEED)
    paths = [sound]
    for k in range(50):
        paths.append(tmp_path / f"{k}.{kind}")
        paths[-1].write_bytes(damaged(data, rng))
    found = check(paths)
    assert found["SOUND"] >= 1
    assert found["REFUSED"] >= 5


def nulls(values: np.ndarray) -> pa.Array:
    return pa.array([None if k == 150 else value for k, value in enumerate(values.tolist())])


# What may happen to a column, or to what it holds.
CHANGES: dict[str, Callable[[np.ndarray], object]] = {
    "as float": lambda v: v.astype(float),
    "as float32": lambda v: v.astype(np.float32),
    "as int8": lambda v: v.astype(np.int8),
    "as uint64": lambda v: v.astype(np.uint64),
    "as huge uint64": lambda v: np.where(np.arange(len(v)) == 150, 2**64 - 1, v.astype(np.uint64)),
    "as text": lambda v: pa.array([str(value) for value in v.tolist()]),
    "as bool": lambda v: v.astype(bool),
    "as date": lambda v: pa.array(v.astype(np.int64)).cast(pa.timestamp("us")),
    "as lists": lambda v: pa.array([[value] for value in v.tolist()]),
    "nan": lambda v: np.where(np.arange(len(v)) == 150, np.nan, v),
    "infinite": lambda v: np.where(np.arange(len(v)) == 150, -np.inf, v),
    "negative": lambda v: -np.abs(v) - 1,
    "huge": lambda v: np.where(np.arange(len(v)) == 150, 1e300, v),
    "huge integer": lambda v: np.where(np.arange(len(v)) == 150, 2**62, v.astype(np.int64)),
    "smallest integer": lambda v: np.where(np.arange(len(v)) == 150, -(2**63), v.astype(np.int64)),
    "null": nulls,
    "all null": lambda v: pa.array([None] * len(v), pa.int64()),
    "zero": lambda v: np.zeros_like(v),
    "tiny": lambda v: np.full(len(v), 5e-324),
}


def changed(kind: str, column: str, change: str) -> dict[str, object] | None:
    """Return columns of which one is changed; None where the format cannot hold that."""
    given = columns()
    values = CHANGES[change](given[column])
    if kind != "parquet" and change == "as lists":
        return None
    if kind in ("npz", "h5") and isinstance(values, pa.Array):
        return None
    if kind == "npz" and (column == "delay" or (column != "weight" and values.dtype.kind not in "iu")):
        return None
    return {**given, column: values}


@pytest.mark.parametrize("kind", ["parquet", "csv", "npz", "h5"])
def test_columns_of_another_kind(tmp_path: Path, kind: str) -> None:
    paths = []
    for column in columns():
        for change in CHANGES:
            given = changed(kind, column, change)
            if given is None:
                continue
            path = tmp_path / f"{column} {change}.{kind}"
            try:
                write(path, given)
            except (ValueError, TypeError):  # SciPy keeps such a matrix from being made
                continue
            paths.append(path)
    found = check(paths)
    assert found["SOUND"] >= 5
    assert found["REFUSED"] >= 5


@pytest.mark.parametrize("kind", ["parquet", "csv", "h5"])
def test_columns_that_are_missing_or_odd(tmp_path: Path, kind: str) -> None:
    paths = []

    def add(name: str, given: dict[str, object]) -> None:
        paths.append(tmp_path / f"{name}.{kind}")
        write(paths[-1], given)

    for column in columns():
        rest = dict(columns())
        values = rest.pop(column)
        add(f"without {column}", rest)
        add(f"{column} renamed", {**rest, "other": values})
        if kind == "h5":
            add(f"{column} shorter", {**rest, column: values[:-1]})
    add("empty", {name: values[:0] for name, values in columns().items()})
    add("one row", {name: values[:1] for name, values in columns().items()})
    paths.append(tmp_path / f"no bytes.{kind}")
    paths[-1].write_bytes(b"")
    if kind != "h5":
        table = pa.table(columns())
        twice = table.append_column("weight", table["weight"])
        paths.append(tmp_path / f"twice.{kind}")
        pq.write_table(twice, paths[-1]) if kind == "parquet" else pa_csv.write_csv(twice, paths[-1])
    if kind == "csv":
        for k, text in enumerate(
            ["\n", ",,,\n", "source,target,weight,delay", "\x00\x01", "source;target\n1;2\n", "é\n"]
        ):
            paths.append(tmp_path / f"{k}.csv")
            paths[-1].write_text(text, encoding="latin-1")
    assert check(paths)["REFUSED"] >= 8


if __name__ == "__main__":
    child()
