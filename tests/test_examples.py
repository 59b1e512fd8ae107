"""What the documents show works: every example prints what its .out file holds, and links lead somewhere."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))


def run_python(folder: Path, *arguments: object) -> str:
    done = subprocess.run([sys.executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_print_what_is_recorded(example: Path, tmp_path: Path) -> None:
    assert run_python(tmp_path, example) == example.with_suffix(".out").read_text()


def test_the_page_of_models_shows_the_model_of_the_example() -> None:
    (code,) = re.findall(r"```python\n(class .*?)```", (ROOT / "docs" / "models.md").read_text(), re.DOTALL)
    assert code in (ROOT / "docs" / "examples" / "own_model.py").read_text()


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "storage" / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_page_of_benchmarks_is_what_the_script_makes_of_the_results() -> None:
    script, docs = runpy.run_path(str(ROOT / "scripts" / "write_benchmarks.py")), ROOT / "docs"
    found = script["results_in"](docs / "results")
    links = {name: f"images/bench-{name}.png" for name in found}
    there = {name: link for name, link in links.items() if (docs / link).exists()}
    assert (docs / "benchmarks.md").read_text() == script["page_of"](found, there)


def test_every_figure_of_the_readme_is_a_measured_one() -> None:
    """A figure is a row of the table under "Figures", the same as in benchmarks.md; speeds stand nowhere else."""
    readme, page = ((ROOT / name).read_text() for name in ("README.md", "docs/benchmarks.md"))
    before, found = readme.split("## Figures")
    table, after = found.split("\n## ", 1)
    rows = re.findall(r"^\| .* \|.*\|$", table, re.MULTILINE)[1:]
    assert rows
    for row in rows:
        assert f"\n{row}" in page, f"{row} does not stand in benchmarks.md"
    speed = r"\d (times|x) (as fast|faster)|\d ?([GM]B/s|ns/event|M/s|M synapses/s|bytes/synapse|bytes a synapse)"
    assert not re.search(speed, before + after)
