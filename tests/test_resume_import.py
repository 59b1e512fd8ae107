"""An import that is killed goes on: what was sorted is not sorted again, what was written is not written again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

import neurograph as ng
from neurograph.spill import RunStore
from neurograph_storage.errors import CircuitNotFoundError
from neurograph_storage.writer import CircuitWriter

# Imports sys.argv[1] to sys.argv[2] in small pieces, runs and batches, and kills itself, with no chance to clean up, at
# the sys.argv[3]-th write to the disk or piece read, a write being only half done. If it survives, it prints how many
# there were, the runs written, the synapses it gathered, and those there were at the beginning of the rows.
IMPORT = """
import os, sys
from pathlib import Path
import neurograph as ng
from neurograph import builder, edge_tables, edges, importing, listed, spill
from neurograph_storage import layout, publish, writer

for module in (edges, edge_tables, listed, spill):
    module.PIECE = 500
builder.BATCH_SYNAPSES, builder.JOURNAL_SECONDS = 2000, -1.0
writer.CHUNK_BYTES = layout.CHUNK_BYTES = layout.GRANULE_BYTES
events, limit, runs, gathered = 0, int(sys.argv[3]), 0, 0
write_bytes, flush_path, write_at, fsync = Path.write_bytes, publish.flush_path, os.pwrite, os.fsync
write_run, gather = spill.RunStore._write, listed.ListedCoder.gather

def count(half=lambda: None):
    global events
    events += 1
    if events == limit:
        half()
        os.kill(os.getpid(), 9)

def counted_write(path, data):
    count(lambda: write_bytes(path, data[: len(data) // 2]))
    return write_bytes(path, data)

def counted_write_at(descriptor, data, offset):
    count(lambda: write_at(descriptor, bytes(data)[: len(data) // 2], offset))
    return write_at(descriptor, data, offset)

def counted_flush(path):
    count()
    flush_path(path)

def counted_run(*arguments):
    global runs
    runs += 1
    return write_run(*arguments)

def counted_gather(*arguments):
    global gathered
    for piece in gather(*arguments):
        count()
        gathered += len(piece.source)
        yield piece

Path.write_bytes, os.pwrite = counted_write, counted_write_at
writer.flush_path = publish.flush_path = spill.flush_path = counted_flush
spill.RunStore._write, listed.ListedCoder.gather = counted_run, counted_gather
started_with = []
ng.import_edges(
    sys.argv[1], sys.argv[2], columns=importing.EdgeColumns(delay="delay"), memory=1, jobs=2,
    multapses=sys.argv[4], progress=lambda done, total: started_with.append(done),
)
print(events, runs, gathered, started_with[0])
"""

SYNAPSES = 10_000


def edge_file(path: Path) -> Path:
    rng = np.random.default_rng(1)
    columns = {name: rng.integers(0, 300, SYNAPSES) for name in ("source", "target")}
    table = pa.table({**columns, "weight": rng.normal(0, 5, SYNAPSES), "delay": rng.integers(1, 50, SYNAPSES) / 10})
    if path.suffix == ".csv":
        pa_csv.write_csv(table, path)
    else:
        pq.write_table(table, path, row_group_size=1300)
    return path


def run(path: Path, out: Path, limit: int, multapses: str = "keep") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", IMPORT, str(path), str(out), str(limit), multapses]
    return subprocess.run(command, capture_output=True, text=True)


def counts(done: subprocess.CompletedProcess[str]) -> tuple[int, ...]:
    assert done.returncode == 0, done.stderr
    return tuple(map(int, done.stdout.split()))


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.parametrize(("name", "multapses"), [("e.parquet", "keep"), ("e.csv", "sum")])
def test_killed_at_any_event_it_goes_on_to_the_same_bytes(tmp_path: Path, name: str, multapses: str) -> None:
    path = edge_file(tmp_path / name)
    events, runs, gathered, _ = counts(run(path, tmp_path / "whole.zarr", 0, multapses))
    assert (runs, gathered) == (SYNAPSES // 500, SYNAPSES)
    expected = files(tmp_path / "whole.zarr")
    rng = np.random.default_rng(int.from_bytes(os.urandom(4)))
    resumed = 0
    for limit in sorted({events - 1, events // 3, *rng.integers(1, events + 1, 5).tolist()}):
        out = tmp_path / f"{limit}.zarr"
        assert run(path, out, limit, multapses).returncode == -9, limit
        if not out.exists():
            with pytest.raises(CircuitNotFoundError, match="a build of it is unfinished"):
                ng.open(out)
            manifest = out.with_name(f"{out.name}.partial") / "runs" / "manifest.json"
            sorted_before = json.loads(manifest.read_text()) if manifest.exists() else []
            _, more_runs, more_gathered, _ = counts(run(path, out, 0, multapses))
            assert more_runs == runs - len(sorted_before), limit
            assert more_gathered == SYNAPSES - sum((run["bytes"] - 8 * 301) // 8 for run in sorted_before), limit
            resumed += len(sorted_before) > 0
        assert files(out) == expected, limit
    assert resumed > 0


def test_a_file_that_changed_is_imported_afresh(tmp_path: Path) -> None:
    path = edge_file(tmp_path / "e.parquet")
    events, *_ = counts(run(path, tmp_path / "whole.zarr", 0))
    assert run(path, tmp_path / "c.zarr", events // 2).returncode == -9
    os.utime(path, ns=(1, 1))
    _, runs, gathered, started_with = counts(run(path, tmp_path / "c.zarr", 0))
    assert (runs, gathered, started_with) == (SYNAPSES // 500, SYNAPSES, 0)
    assert files(tmp_path / "c.zarr") == files(tmp_path / "whole.zarr")


def test_bad_data_found_late_leaves_nothing(tmp_path: Path) -> None:
    """An id that the neuron table lacks comes up when runs are written already."""
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 300, SYNAPSES)
    ids[-1] = 999
    weight = delay = np.ones(SYNAPSES)
    pq.write_table(pa.table({"source": ids, "target": ids, "weight": weight, "delay": delay}), tmp_path / "e.parquet")
    pa_csv.write_csv(pa.table({"id": np.arange(300)}), tmp_path / "n.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurograph.spill.PIECE", 500)
        with pytest.raises(ng.DataError, match=f"source id 999 in row {SYNAPSES - 1} of the edges"):
            ng.import_edges(
                tmp_path / "e.parquet", tmp_path / "c.zarr", delay_ms=1.0, neurons=tmp_path / "n.csv", memory=1
            )
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["e.parquet", "n.csv"]


def test_a_build_that_sorts_is_taken_up_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("spill", "listed"):
        monkeypatch.setattr(f"neurograph.{module}.PIECE", 500)
    network = ng.Network()
    cells = network.population("cells", 100, ng.LIFExp())
    network.connect(cells, cells, ng.FixedIndegree(40), weight=3.0, delay=1.0)
    network.connect(cells, cells, ng.FixedIndegree(30), weight=ng.Normal(50.0, 5.0), delay=1.0)
    whole = ng.build(tmp_path / "whole.zarr", network, memory=1)
    write, written = RunStore._write, []

    def interrupted(self: RunStore, *arguments):
        if len(written) == 10:
            raise KeyboardInterrupt
        written.append(1)
        return write(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunStore, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ng.build(tmp_path / "c.zarr", network, memory=1)
    again: list[int] = []
    monkeypatch.setattr(RunStore, "_write", lambda *arguments: again.append(1) or write(*arguments))
    assert files(ng.build(tmp_path / "c.zarr", network, memory=1).path) == files(whole.path)
    assert len(again) == 14 - 10


def test_runs_without_a_journal_are_kept_and_rows_start_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped when all arrays are closed, before the first journal: nothing of them may be in the way."""
    monkeypatch.setattr("neurograph.spill.PIECE", 500)
    path = edge_file(tmp_path / "e.parquet")
    whole = ng.import_edges(path, tmp_path / "whole.zarr", delay_ms=1.0)
    finish = CircuitWriter.finish

    def interrupted(self: CircuitWriter, *arguments):
        finish(self, *arguments)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CircuitWriter, "finish", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ng.import_edges(path, tmp_path / "c.zarr", delay_ms=1.0, memory=1)
    assert not (tmp_path / "c.zarr.partial" / "journal.npz").exists()
    monkeypatch.setattr(RunStore, "_write", lambda *_: pytest.fail("sorted again"))
    assert files(ng.import_edges(path, tmp_path / "c.zarr", delay_ms=1.0, memory=1).path) == files(whole.path)
