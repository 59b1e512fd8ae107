"""Fixtures that several test files need: small circuits, single projections, and the folder of real data."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng

Build = Callable[..., ng.Circuit]


@pytest.fixture
def build_small(tmp_path: Path) -> Build:
    """Build a recipe at a size that the reference can follow: ``build_small("modular", seed=3, shuffle=True)``."""

    def build(recipe: str = "random", *, name: str | None = None, seed: int = 1, **options: object) -> ng.Circuit:
        shuffle = bool(options.pop("shuffle", False))
        settings = {key: options.pop(key) for key in ("jobs", "block_neurons", "codec") if key in options}
        parameters = {"neurons": 200, "synapses_per_neuron": 40} | options
        network = getattr(ng.recipes, recipe)(**parameters)
        path = tmp_path / f"{name or recipe}.zarr"
        return ng.build(path, network, seed=seed, shuffle=shuffle, **settings)

    return build


Synapses = dict[str, np.ndarray]


@pytest.fixture
def connect(tmp_path: Path) -> Callable[..., Synapses]:
    """Build one projection, by default from population a to b, and return its synapses.

    They are source and target index, delay in ms, and weight; ``between`` names others than (a, b).
    """

    def build(
        rule: object, sizes: tuple[int, int] = (100, 60), *, between: object = None, seed: int = 1, **options: object
    ) -> Synapses:
        network = ng.Network()
        ends = tuple(network.population(name, size, ng.LIFExp()) for name, size in zip("ab", sizes, strict=True))
        source, target = between(*ends) if between else ends
        network.connect(source, target, rule, **{"weight": 2.0, "delay": 1.5} | options)
        circuit = ng.build(tmp_path / "c.zarr", network, seed=seed)
        found, index = circuit.store.rows(0, circuit.neurons).synapses(), circuit.index_of_storage
        return {
            "source": index[found.row],
            "target": index[found.target],
            "delay": found.delay * circuit.dt,
            "weight": found.code * circuit.scales["LIFExp"][found.receptor],
        }

    return build


@pytest.fixture(scope="session")
def fly_data() -> Path:
    """Return the folder of the fly hemisphere, or skip; where data is promised, its absence is a failure."""
    folder = os.environ.get("NEUROGRAPH_TEST_DATA")
    if folder and (Path(folder) / "fly_left").is_dir():
        return Path(folder) / "fly_left"
    if folder:
        pytest.fail(f"NEUROGRAPH_TEST_DATA is {folder!r}, but there is no folder fly_left in it")
    pytest.skip("set NEUROGRAPH_TEST_DATA to the folder that holds fly_left to run this on real data")
