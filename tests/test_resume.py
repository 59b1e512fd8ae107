"""A build that is killed, or runs out of disk, loses nothing: started again it goes on, to the same bytes."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph import builder, space
from neurograph_storage.errors import CircuitNotFoundError, DiskSpaceError

# Builds sys.argv[1] in many small batches with a journal after each, and kills itself, with no chance to clean up, at
# the sys.argv[2]-th write to the disk; a killing write to a chunk is only half done. Prints the writes if it survives.
BUILD = """
import os, sys
from pathlib import Path
import neurograph as ng
from neurograph import builder
from neurograph_storage import layout, publish, writer

builder.BATCH_SYNAPSES, builder.JOURNAL_SECONDS = 2000, -1.0
writer.CHUNK_BYTES = layout.CHUNK_BYTES = layout.GRANULE_BYTES
writes, limit = 0, int(sys.argv[2])
write_bytes, flush_path = Path.write_bytes, publish.flush_path

def count(path, data=b""):
    global writes
    writes += 1
    if writes == limit:
        if data:
            write_bytes(path, data[: len(data) // 2])
        os.kill(os.getpid(), 9)

def counted_write(path, data):
    count(path, data)
    return write_bytes(path, data)

def counted_flush(path):
    count(path)
    flush_path(path)

Path.write_bytes = counted_write
writer.flush_path = publish.flush_path = counted_flush
started_with = []
network = ng.recipes.modular(neurons=300, synapses_per_neuron=200)
ng.build(sys.argv[1], network, seed=1, jobs=2, progress=lambda done, total: started_with.append(done))
print(writes, started_with[0])
"""


def build(out: Path, limit: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BUILD, out, str(limit)], capture_output=True, text=True)


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_killed_at_any_write_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    whole = build(tmp_path / "whole.zarr", 0)
    assert whole.returncode == 0, whole.stderr
    writes, expected = int(whole.stdout.split()[0]), files(tmp_path / "whole.zarr")
    rng = np.random.default_rng(int.from_bytes(os.urandom(4)))
    resumed = 0
    for limit in sorted({2, *rng.integers(1, writes + 1, 5).tolist()}):
        out = tmp_path / f"{limit}.zarr"
        assert build(out, limit).returncode == -9, limit
        if not out.exists():
            with pytest.raises(CircuitNotFoundError, match="a build of it is unfinished"):
                ng.open(out)
            again = build(out, 0)
            assert again.returncode == 0, (limit, again.stderr)
            resumed += int(again.stdout.split()[1]) > 0
        assert files(out) == expected, limit
    assert resumed > 0


def test_another_build_does_not_take_up_a_strangers_folder(tmp_path: Path) -> None:
    out = tmp_path / "c.zarr"
    assert build(out, 30).returncode == -9
    circuit = ng.build(out, ng.recipes.random(neurons=100, synapses_per_neuron=20), seed=1)
    assert circuit.synapses == 2000
    assert not list(circuit.path.glob("journal*"))
    assert [path.name for path in tmp_path.iterdir()] == ["c.zarr"]


def test_start_values_belong_to_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "JOURNAL_SECONDS", -1.0)

    def network(start: float) -> ng.Network:
        made = ng.Network()
        cells = made.population("cells", 50, ng.LIFExp(), initial={"v": np.full(50, start)})
        made.connect(cells, cells, ng.FixedOutdegree(5), weight=1.0, delay=1.0)
        return made

    def interrupt(done: int, _: int) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr("neurograph_storage.writer.CircuitWriter.finish", lambda *_: interrupt(1, 0))
    with pytest.raises(KeyboardInterrupt):
        ng.build(tmp_path / "c.zarr", network(-60.0))
    assert (tmp_path / "c.zarr.partial" / "journal.npz").exists()
    monkeypatch.undo()
    with ng.Simulation(ng.build(tmp_path / "c.zarr", network(-52.0))) as sim:
        assert set(sim.state("v").tolist()) == {-52.0}


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """Return a disk of 1 MiB, where we may mount one."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small disk needs root")
    yield mount
    subprocess.run(["umount", mount], check=True)


def test_a_disk_too_small_is_refused_before_the_start(small_disk: Path) -> None:
    network = ng.recipes.random(neurons=2000, synapses_per_neuron=1000)
    with pytest.raises(DiskSpaceError, match=r"needs about [78].* MiB, and .* are free there; make room"):
        ng.build(small_disk / "c.zarr", network)
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_fills_up_is_named_and_the_build_goes_on(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "BATCH_SYNAPSES", 5000)
    monkeypatch.setattr(builder, "JOURNAL_SECONDS", -1.0)
    monkeypatch.setattr(builder, "check_space", lambda *_, **__: None)
    network = ng.recipes.random(neurons=1000, synapses_per_neuron=200)
    with pytest.raises(DiskSpaceError, match="the disk is full while writing .*, it goes on where it was"):
        ng.build(small_disk / "c.zarr", network, seed=1)
    assert [path.name for path in small_disk.iterdir()] == ["c.zarr.partial"]
    shutil.copytree(small_disk / "c.zarr.partial", tmp_path / "c.zarr.partial")
    started_with: list[int] = []
    ng.build(tmp_path / "c.zarr", network, seed=1, progress=lambda done, _: started_with.append(done))
    assert started_with[0] > 0
    whole = ng.build(tmp_path / "whole.zarr", network, seed=1)
    assert files(tmp_path / "c.zarr") == files(whole.path)


def test_other_errors_of_the_disk_keep_their_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="broken") as caught, space.named_disk_full(tmp_path):
        raise OSError(errno.EIO, "broken")
    assert not isinstance(caught.value, DiskSpaceError)


@pytest.mark.parametrize("recipe", ["random", "modular", "sheet"])
def test_the_estimate_is_near(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    estimate = space.estimate_bytes

    def remember(*arguments: object) -> int:
        seen.append(estimate(*arguments))
        return seen[-1]

    monkeypatch.setattr(space, "estimate_bytes", remember)
    circuit = ng.build(tmp_path / "c.zarr", getattr(ng.recipes, recipe)(neurons=2000, synapses_per_neuron=300))
    found = sum(file.stat().st_size for file in circuit.path.rglob("*") if file.is_file())
    assert seen[0] == pytest.approx(found, rel=0.1)
