"""The site can be made, without a warning, and then needs nothing from elsewhere."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import neurograph as ng

ROOT = Path(__file__).parent.parent
GALLERY = ROOT / "docs" / "gallery"
GOLDEN = ROOT / "tests" / "golden" / "fly"
# Each script in a form of seconds.
SMALL = {
    "areas": ["--areas", "2", "--scale", "0.02", "--duration", "150"],
    "balanced": ["--neurons", "1000", "--duration", "200"],
    "fly": ["--edges", str(GOLDEN / "edges.csv"), "--drive", str(GOLDEN / "drive.csv"), "--duration", "100"],
    "microcircuit": ["--scale", "0.02", "--duration", "150"],
    "waves": ["--neurons", "1000", "--duration", "160"],
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("sphinx") is None:
        pytest.skip("needs the extra docs")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", "--builder", "html"]
    done = subprocess.run([*command, str(ROOT / "docs"), str(out)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def test_the_site_is_made_without_warnings_and_asks_for_nothing_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loaded = re.findall(r'<(?:link|script|img|source|iframe)\b[^>]*\b(?:href|src)="([^"]*)"', page.read_text())
        assert not [address for address in loaded if re.match(r"(https?:)?//", address)], page
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", style.read_text()), style


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    anchors = {page: set(re.findall(r'\bid="([^"]+)"', page.read_text())) for page in site.rglob("*.html")}
    for page in anchors:
        for address in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', page.read_text()):
            if re.match(r"[a-z]+:", address):
                continue
            path, _, anchor = address.partition("#")
            target = Path(os.path.normpath(page.parent / path)) if path else page
            assert target.exists(), f"{page.name} links to {address}"
            assert not anchor or anchor in anchors.get(target, {anchor}), f"{page.name} links to {address}"


def test_the_reference_has_all_that_is_public() -> None:
    text = "".join(page.read_text() for page in (ROOT / "docs" / "reference").glob("*.md"))
    missing = [name for name in ng.__all__ if not re.search(rf"\b{name}\b", text)]
    assert not missing


@pytest.mark.parametrize("script", sorted(GALLERY.glob("*.py")), ids=lambda path: path.stem)
def test_the_gallery_draws(script: Path, tmp_path: Path) -> None:
    out = tmp_path / "picture.png"
    command = [sys.executable, "-W", "error", str(script), *SMALL[script.stem], "--out", str(out)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes().startswith(b"\x89PNG")


def test_pictures_are_small() -> None:
    large = [picture.name for picture in (ROOT / "docs" / "images").iterdir() if picture.stat().st_size > 165_000]
    assert not large
