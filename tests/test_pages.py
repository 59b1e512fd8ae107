"""Every block of the README and of the site runs, in the order of its page, and prints what the page says."""

import importlib.util
import os
import re
from pathlib import Path

import pytest

from tests import pages

PAGES = pages.all_pages()
BUILT = {"docs/index.md", "docs/decisions/index.md", "docs/reference"}  # which hold directives of the site only
# Blocks that run nowhere in the tests. Each one more is one thing that may be wrong without anybody noticing.
NEVER_RUN = {
    "README.md": ['"minutes; CI calls them"', '"installs into the environment that runs this"'],
    "docs/formats.md": ['"tests/test_sonata.py makes such a network and runs it"'],
    "docs/howto/spikes.md": ['"pandas is no package that we depend on, or test with"'],
    "docs/tutorial/1-first-circuit.md": ['"installs into the environment that runs this"'],
}


def name(page: Path) -> str:
    return page.relative_to(pages.ROOT).as_posix()


def real_data(folder: Path) -> bool:
    """Put the files of the fly beside the page's own, if they are there."""
    data = Path(os.environ.get("NEUROGRAPH_TEST_DATA", "/nowhere")) / "fly_left"
    for file in data.glob("*"):
        (folder / file.name).symlink_to(file)
    return data.is_dir()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pages_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = {package: importlib.util.find_spec(package) is not None for package in ("pyNN", "neo", "networkx")}
    reasons = pages.run(page, there | {"fly": real_data(tmp_path)})
    conditional = [reason for reason in reasons if "needs" in reason]
    if conditional:
        pytest.skip("all has run but " + "; ".join(conditional))


def test_what_is_never_run_is_listed_here() -> None:
    found = {name(page): [skip for skip in pages.skips(page) if not skip.startswith("if(")] for page in PAGES}
    assert {page: skips for page, skips in found.items() if skips} == NEVER_RUN


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_block_escapes(page: Path) -> None:
    """Blocks are fenced and say what they are, so that none is left out for being written in another way."""
    text = page.read_text()
    kinds = re.findall(r"^```(.+)$", text, re.MULTILINE)
    known = {"python", "bash", "text"} | ({"{toctree}", "{eval-rst}"} if name(page).startswith(tuple(BUILT)) else set())
    assert set(kinds) <= known
    outside = re.sub(r"^```.*?^```$|^<!--.*?-->$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.findall(r"(?:^|\n\n) {4}\S.*", outside)
