"""The default budget: 60 % of the smaller of physical memory and the control group's limit."""

from pathlib import Path

import pytest

from neurograph import memory
from neurograph_storage.errors import ArgumentError


@pytest.mark.parametrize(
    ("line", "file", "around"),
    [
        ("5:cpu,memory:/a/b", "memory/a/b/memory.limit_in_bytes", "memory/a/memory.limit_in_bytes"),
        ("0::/a/b", "a/b/memory.max", "memory.max"),
    ],
)
def test_the_smallest_limit_of_the_groups_around_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, file: str, around: str
) -> None:
    (tmp_path / "own").write_text(f"1:name=systemd:/\n{line}\n")
    monkeypatch.setattr(memory, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    physical = memory.available_memory()
    for name, limit in ((file, "max"), (around, "1000000")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(limit + "\n")
    assert memory.available_memory() == 1_000_000 < physical
    assert memory.budget_bytes(None) == 600_000


def test_a_budget_as_given() -> None:
    assert memory.budget_bytes("2GiB") == 2**31
    assert memory.budget_bytes(5000) == 5000
    with pytest.raises(ArgumentError, match="is not understood"):
        memory.budget_bytes("some")
