"""Lists larger than memory: sorted on the disk, to the same bytes as in memory, within the budget."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurograph as ng
from neurograph import edges
from neurograph.cli.main import call
from neurograph.ids import IdIndex, IdMap
from neurograph.importing import EdgeColumns
from neurograph.runs import Gathered, copy_rows
from neurograph.spill import RunStore
from neurograph_storage.errors import DiskSpaceError

MIB = 2**20


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def edge_table(synapses: int, neurons: int = 2000, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    source, target = rng.integers(0, neurons, (2, synapses)) * 7919 + 10**17
    weight, delay = rng.integers(-50, 100, synapses), rng.integers(1, 60, synapses) / 10
    return pa.table({"source": source, "target": target, "weight": weight, "delay": delay})


@pytest.fixture
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pieces and runs small, so that little is already too much for memory."""
    monkeypatch.setattr(edges, "PIECE", 700)
    for module in ("spill", "listed", "edge_tables", "edge_matrices", "edge_sonata"):
        monkeypatch.setattr(f"neurograph.{module}.PIECE", 700)


@pytest.mark.parametrize("synapses", [0, 1, 699, 5000])
def test_runs_hold_every_synapse_by_source(tmp_path: Path, small_runs: None, synapses: int) -> None:
    rng = np.random.default_rng(synapses)
    source, packed = rng.integers(0, 90, synapses).astype(np.uint32), rng.permutation(synapses).astype(np.uint64)
    store = RunStore(tmp_path, memory=1)

    def gathered(start: int):
        for low in range(start, synapses, 300):
            yield Gathered(source[low : low + 300], packed[low : low + 300])

    runs, degrees = store.sort(0, 90, synapses, gathered)
    assert len(runs) == -(-synapses // 700)
    np.testing.assert_array_equal(degrees, np.bincount(source, minlength=90))
    for low, high in ((0, 90), (17, 18), (40, 77)):
        ends = np.cumsum(degrees[low:high])
        out = np.empty(int(degrees[low:high].sum()), np.uint64)
        copy_rows(runs, low, high, out, ends - degrees[low:high])
        found = [sorted(row.tolist()) for row in np.split(out, ends)[:-1]]
        assert found == [sorted(packed[source == s].tolist()) for s in range(low, high)]
    store.close()


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_bytes_do_not_depend_on_the_memory(tmp_path: Path, small_runs: None, suffix: str) -> None:
    path = tmp_path / f"e.{suffix}"
    table = edge_table(20_000)
    pq.write_table(table, path, row_group_size=3000) if suffix == "parquet" else pa_csv.write_csv(table, path)
    columns = EdgeColumns(delay="delay")
    large = ng.import_edges(path, tmp_path / "large.zarr", columns=columns)
    written: list[int] = []
    write = RunStore._write

    def counted(self: RunStore, *arguments):
        written.append(1)
        return write(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunStore, "_write", counted)
        small = ng.import_edges(path, tmp_path / "small.zarr", columns=columns, memory=1, jobs=3)
    assert len(written) == 29
    assert files(small.path) == files(large.path)
    assert not (small.path / "runs").exists()
    assert call(["verify", str(small.path)]) == 0


@pytest.mark.parametrize("shuffle", [False, True])
def test_rules_that_list_synapses_spill_too(tmp_path: Path, small_runs: None, shuffle: bool) -> None:
    network = ng.Network()
    a, b = network.population("a", 300, ng.LIFExp()), network.population("b", 500, ng.LIFExp())
    network.connect(a, b, ng.FixedIndegree(20), weight=ng.Normal(50.0, 5.0), delay=ng.Uniform(0.5, 3.0))
    network.connect(b, b, ng.OneToOne(), weight=20.0, delay=1.5)
    network.connect(b, a, ng.FixedOutdegree(7), weight=-20.0, delay=1.5)
    rng = np.random.default_rng(2)
    rule = ng.Edges(rng.integers(0, 500, 3000), rng.integers(0, 300, 3000))
    network.connect(b, a, rule, weight=rng.normal(0.0, 9.0, 3000), delay=rng.uniform(0.3, 4.0, 3000))
    large = ng.build(tmp_path / "large.zarr", network, seed=3, shuffle=shuffle)
    small = ng.build(tmp_path / "small.zarr", network, seed=3, shuffle=shuffle, memory=1, jobs=2)
    assert files(small.path) == files(large.path)


# Prints the peak of resident memory, in bytes, and the runs written, of an import with sys.argv[3] of memory.
IMPORT = """
import resource, sys
import neurograph as ng
from neurograph.spill import RunStore
runs, write = [], RunStore._write
RunStore._write = lambda *arguments: runs.append(1) or write(*arguments)
ng.import_edges(sys.argv[1], sys.argv[2], delay_ms=1.0, memory=sys.argv[3], jobs=2)
print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(runs))
"""


def peak(path: Path, memory: str) -> tuple[int, int]:
    out = path.with_suffix(".zarr")
    shutil.rmtree(out, ignore_errors=True)
    done = subprocess.run([sys.executable, "-c", IMPORT, path, out, memory], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    size, runs = done.stdout.split()
    return int(size), int(runs)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_an_import_keeps_to_its_memory(tmp_path: Path, suffix: str) -> None:
    """A hundred times the synapses, beyond the budget by far, cost no more than the budget."""

    def write(name: str, synapses: int) -> Path:
        path, table = tmp_path / f"{name}.{suffix}", edge_table(synapses)
        pq.write_table(table, path) if suffix == "parquet" else pa_csv.write_csv(table, path)
        return path

    few, many = write("few", 30_000), write("many", 3_000_000)
    peak(few, "64MiB")  # compiles kernels, if need be
    least, none = peak(few, "64MiB")
    most, runs = peak(many, "64MiB")
    assert (none, runs) == (0, 3)
    assert most - least < 80 * MIB


def test_room_for_the_runs_is_checked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(edge_table(200_000), tmp_path / "e.parquet")
    monkeypatch.setattr("neurograph.space.shutil.disk_usage", lambda _: type("Usage", (), {"free": MIB}))
    monkeypatch.setattr(RunStore, "sort", lambda *_: pytest.fail("sorted without room"))
    with pytest.raises(DiskSpaceError, match=r"needs about 2\.0 MiB, and 1\.0 MiB are free there"):
        ng.import_edges(tmp_path / "e.parquet", tmp_path / "c.zarr", delay_ms=1.0, memory=1)
    assert [path.name for path in tmp_path.iterdir()] == ["e.parquet"]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=300), st.lists(st.integers(-5, 5), max_size=50))
def test_id_tables_know_what_they_were_given(ids: list[int], near: list[int]) -> None:
    found = IdMap()
    given = np.array(ids + near, np.int64)
    for half in np.array_split(given, 2):
        found.add(half, half + np.int64(0))
    keys, values = found.ordered()
    np.testing.assert_array_equal(keys, np.unique(given))
    np.testing.assert_array_equal(values, keys)
    index = IdIndex(keys[::-1].copy())
    place, unknown = index.find(given)
    assert unknown == len(given)
    np.testing.assert_array_equal(keys[::-1][place], given)
    missing = next(k for k in range(-6, 10**6) if k not in set(keys.tolist()))
    assert index.find(np.array([*keys.tolist(), missing], np.int64))[1] == len(keys)


@pytest.mark.parametrize("memory", ["0", "many", "-1GiB"])
@pytest.mark.parametrize("command", [["build", "random"], ["import", "e.csv"]])
def test_odd_budgets_are_refused(
    tmp_path: Path, memory: str, command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "e.csv").write_text("source,target,weight\n1,2,3\n")
    delay = ["--delay-ms", "1"] if command[0] == "import" else []
    assert call([*command, "c.zarr", *delay, "--memory", memory]) == 2
    assert "is not understood; write it like 2GiB" in capsys.readouterr().err
    assert not (tmp_path / "c.zarr.partial").exists()
