"""A circuit appears complete or not at all."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

import neurograph as ng
from neurograph_storage.errors import CircuitExistsError, CircuitLockedError
from neurograph_storage.publish import publishing


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def fail_in(out: Path) -> None:
    with publishing(out) as folder:
        (folder / "file").write_text("x")
        raise RuntimeError("stop")


def test_published_at_the_end_only(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with publishing(out) as folder:
        (folder / "file").write_text("x")
        assert not out.exists()
    assert (out / "file").read_text() == "x"
    assert names(tmp_path) == ["out"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        fail_in(tmp_path / "out")
    assert names(tmp_path) == []


def test_an_existing_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(CircuitExistsError, match="never overwritten"), publishing(tmp_path / "out"):
        pass
    assert names(tmp_path) == ["out"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ng.ArgumentError, match=f"cannot write to {tmp_path}/none"), publishing(tmp_path / "none/out"):
        pass


def test_a_second_builder_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    with publishing(tmp_path / "out") as folder:
        (folder / "file").write_text("x")
        with pytest.raises(CircuitLockedError, match="another process"), publishing(tmp_path / "out"):
            pass
        assert (folder / "file").exists()
    assert (tmp_path / "out" / "file").exists()


def test_what_a_killed_builder_left_is_replaced(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from neurograph_storage.publish import publishing\n"
        "with publishing(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'stale').write_text('x'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "out"], check=False)
    assert names(tmp_path) == ["out.partial"]
    with pytest.raises(FileNotFoundError, match="unfinished"):
        ng.open(tmp_path / "out")
    with publishing(tmp_path / "out") as folder:
        (folder / "fresh").write_text("y")
    assert names(tmp_path / "out") == ["fresh"]


def test_the_lock_ends_with_the_build(tmp_path: Path) -> None:
    with publishing(tmp_path / "out"):
        pass
    descriptor = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
