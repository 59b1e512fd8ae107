"""The default budget: 60 % of the smaller of physical memory and the control group's limit."""

from pathlib import Path

import pytest

from neurograph import memory
from neurograph_storage.errors import ArgumentError


def test_a_group_limit_below_physical_memory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "limit").write_text("1000000\n")
    (tmp_path / "none").write_text("max\n")
    monkeypatch.setattr(memory, "_LIMIT_FILES", (tmp_path / "none", tmp_path / "absent"))
    physical = memory.available_memory()
    monkeypatch.setattr(memory, "_LIMIT_FILES", (tmp_path / "limit", tmp_path / "absent"))
    assert memory.available_memory() == 1_000_000 < physical
    assert memory.budget_bytes(None) == 600_000


def test_a_budget_as_given() -> None:
    assert memory.budget_bytes("2GiB") == 2**31
    assert memory.budget_bytes(5000) == 5000
    with pytest.raises(ArgumentError, match="is not understood"):
        memory.budget_bytes("some")
