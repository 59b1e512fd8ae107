"""The entropy bound, against theory."""

from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph_storage.entropy import EntropyBound, entropy_bound


def test_of_a_random_graph(tmp_path: Path) -> None:
    """Gaps of uniform targets are geometric; delays are uniform on 16 steps; there is one weight."""
    network = ng.Network()
    cells = network.population("cells", 5000, ng.LIFExp())
    network.connect(cells, cells, ng.FixedOutdegree(200), weight=3.0, delay=ng.Uniform(0.96, 2.54))
    bound = entropy_bound(ng.build(tmp_path / "c.zarr", network, seed=1).store)
    p = 200 / 5000
    geometric = -(p * np.log2(p) + (1 - p) * np.log2(1 - p)) / p
    assert bound.targets == pytest.approx(geometric, rel=0.02)
    assert bound.delays == pytest.approx(4.0, abs=0.05)
    assert bound.codes == 0.0
    assert bound.bytes == (bound.targets + bound.delays) / 8


def test_without_synapses(tmp_path: Path) -> None:
    network = ng.Network()
    network.population("cells", 5, ng.LIFExp())
    assert entropy_bound(ng.build(tmp_path / "a.zarr", network).store) == EntropyBound(0.0, 0.0, 0.0)
    assert entropy_bound(ng.build(tmp_path / "b.zarr", ng.Network()).store) == EntropyBound(0.0, 0.0, 0.0)
