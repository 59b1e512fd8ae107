"""Pictures: what is drawn, from what."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import neurograph as ng
from neurograph import plot
from neurograph.plot import Activity, plot_activity


def activity() -> Activity:
    rng = np.random.default_rng(1)
    neurons = rng.integers(0, 300, 5000)
    return Activity(rng.uniform(0.0, 400.0, 5000), neurons, np.where(neurons < 200, "E", "I").astype(object))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_every_format(tmp_path: Path, suffix: str) -> None:
    plot_activity(activity(), tmp_path / f"r{suffix}")
    assert (tmp_path / f"r{suffix}").stat().st_size > 5000


def test_a_picture_is_large_and_not_empty(tmp_path: Path) -> None:
    plot_activity(activity(), tmp_path / "r.png")
    with Image.open(tmp_path / "r.png") as image:
        assert image.size[0] >= 1000
        assert len(image.convert("RGB").getcolors(2**20) or []) > 10


def test_axes_say_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(plot, "Figure", lambda **options: drawn.append(Figure(**options)) or drawn[-1])
    plot_activity(activity(), tmp_path / "r.png", start=100.0, stop=300.0, max_neurons=90, sizes={"E": 400, "I": 100})
    raster, rate = drawn[0].axes
    assert raster.get_ylabel() == "90 of 300 neurons that fired"
    assert (rate.get_xlabel(), rate.get_ylabel()) == ("time (ms)", "rate (Hz)")
    assert raster.get_xlim() == (100.0, 300.0)
    assert [text.get_text() for text in raster.texts] == ["E", "I"]
    e_rate, i_rate = (line.get_ydata().mean() for line in rate.lines)
    # 5,000 spikes in 400 ms, two thirds of them from "E": per neuron of the sizes given.
    assert e_rate == pytest.approx(5000 * 2 / 3 / 0.4 / 400, rel=0.1)
    assert i_rate == pytest.approx(5000 / 3 / 0.4 / 100, rel=0.1)


def test_no_spikes_can_be_drawn(tmp_path: Path) -> None:
    plot_activity(Activity(np.empty(0), np.empty(0, np.int64), None), tmp_path / "r.png")
    assert (tmp_path / "r.png").exists()


def test_impossible_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ng.ArgumentError, match=r"allowed are \.png, \.svg, \.pdf"):
        plot_activity(activity(), tmp_path / "r.bmp")
    with pytest.raises(ng.ArgumentError, match="from 50.0 to 20.0 ms is empty"):
        plot_activity(activity(), tmp_path / "r.png", start=50.0, stop=20.0)
