"""The pages as a browser shows them: with nothing from elsewhere, without errors, on a phone too.

They need an installed Chromium and the extra ``browser``; where the environment variable NEUROGRAPH_BROWSER names the
browser, that either is missing is a failure.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import neurograph as ng
from neurograph.cli.main import call

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECTIONS = ("activity", "throughput", "disk", "residency-map", "prefetching")
WIDTHS = {"desktop": (1200, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    wanted = os.environ.get("NEUROGRAPH_BROWSER")
    path = wanted or next((found for name in NAMES if (found := shutil.which(name))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        if wanted:
            pytest.fail("NEUROGRAPH_BROWSER is set, but there is no playwright; install the extra 'browser'")
        pytest.skip("install the extra 'browser' to test pages in a browser")
    if path is None:
        pytest.skip("install chromium to test pages in it")
    with sync_playwright() as driver:
        # The sandbox refuses to work for root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        opened = driver.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()


class Watched:
    """A page, and all it asked for and complained about."""

    def __init__(self, browser: Any, size: tuple[int, int]) -> None:
        self.page = browser.new_page(viewport=dict(zip(("width", "height"), size, strict=True)))
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def is_drawn(self, section: str) -> bool:
        """Return whether a section has more than text on white: some colour that is no grey."""
        shot = Image.open(io.BytesIO(self.page.locator(f"#{section}").screenshot())).convert("RGB")
        colours = shot.getcolors(2**24) or []
        return sum(count for count, rgb in colours if max(rgb) - min(rgb) > 60) > 300

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.fixture(scope="module")
def circuit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = ng.recipes.modular(neurons=5000, synapses_per_neuron=400, stimulus=0.25)
    path = tmp_path_factory.mktemp("circuit") / "modular.zarr"
    ng.build(path, network, seed=1)
    return path


@pytest.fixture(scope="module")
def report(circuit: Path) -> Path:
    folder = circuit.parent / "run"
    assert call(["run", str(circuit), "--duration", "300", "--memory", "6MiB", "--save", str(folder)]) == 0
    assert call(["report", str(folder)]) == 0
    return circuit.parent / "run.html"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_report_in_a_browser(browser: Any, report: Path, width: str) -> None:
    watched = Watched(browser, WIDTHS[width])
    watched.page.goto(report.as_uri())
    watched.page.wait_for_function("() => Bokeh.documents.length === 1 && Bokeh.documents[0].is_idle")
    assert watched.page.inner_text("h1") == "Run of modular.zarr"
    assert [section for section in SECTIONS if not watched.is_drawn(section)] == []
    assert "modular.zarr" in watched.page.inner_text("#made")
    assert watched.overflow <= 0
    assert watched.asked == [report.as_uri()]
    assert watched.complaints == []


def test_a_live_page_follows_the_run_to_its_end(browser: Any, circuit: Path) -> None:
    options = ["--duration", "1e7", "--memory", "6MiB", "--live", "--port", "0"]
    command = [sys.executable, "-c", "from neurograph.cli.main import main; main()", "run", str(circuit), *options]
    # Where the tests themselves run in the background, SIGINT is ignored, and that is handed down.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as process:
        try:
            assert process.stderr is not None
            url = next(line.split()[-1] for line in process.stderr if line.startswith("live view at"))
            watched = Watched(browser, WIDTHS["phone"])
            watched.page.goto(url)
            times = []
            for version in (1, 3):
                watched.page.wait_for_function(f"() => document.body.dataset.version >= {version}", timeout=40_000)
                times.append(watched.page.inner_text("#status"))
            assert times[0].startswith("Running, at ")
            assert times[0] != times[1]
            assert [section for section in SECTIONS if not watched.is_drawn(section)] == []
            assert watched.overflow <= 0
            process.send_signal(signal.SIGINT)
            watched.page.wait_for_function("() => !document.getElementById('status').textContent.startsWith('Running')")
            assert "interrupted" in watched.page.inner_text("#status")
            assert process.wait() == 130
        finally:
            process.kill()
    assert {asked.split("?")[0] for asked in watched.asked} == {url, url + "state"}
    assert watched.complaints == []
