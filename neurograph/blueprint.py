"""What is decided before the first row of a circuit is made?

Storage order, target blocks, the scales of weights; from these and the network follow the neuron table, the metadata,
and a fingerprint of everything that decides the circuit's bytes.
"""

import hashlib
import json
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.codes import Scale
from neurograph.delays import largest_rounding
from neurograph.distributions import describe
from neurograph.draws import PURPOSE_SHUFFLE, stream_keys
from neurograph.edges import EdgeStream, ListedValues
from neurograph.network import Network
from neurograph.scales import Scales, digits_of, network_scales
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.layout import MAX_BLOCK_NEURONS, MAX_BLOCKS, default_block_neurons


class Blueprint:
    """A network, and what is decided of how it will lie on disk.

    Parameters are those of `neurograph.build`.

    Attributes
    ----------
    order : (neurons,) int64
        Index of the neuron at each storage id.
    storage : (neurons,) uint32
        Storage id of each index.
    block_neurons : int
    scales : dict
        Of the weights of single synapses, see `neurograph.scales`.
    digits : int
        Codes of each weight.

    Raises
    ------
    ArgumentError, DataError
    """

    def __init__(
        self,
        network: Network,
        *,
        seed: int,
        shuffle: bool,
        weight_unit: float | None,
        weight_bits: int,
        exact: bool = False,
        block_neurons: int | None,
    ) -> None:
        self.network, self.seed, self._shuffle = network, seed, shuffle
        self._ids = _original_ids(network)
        self.order = _storage_order(network, seed, shuffle=shuffle)
        self.storage = np.empty(network.size, np.uint32)
        self.storage[self.order] = np.arange(network.size, dtype=np.uint32)
        self.block_neurons = _block(network.size, block_neurons)
        self.scales = network_scales(network, weight_unit, bits=weight_bits, exact=exact)
        self.digits = digits_of(self.scales)

    def neuron_table(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the neuron table, by name."""
        sizes = [setup.population.size for setup in self.network.setups]
        table: dict[str, NDArray[Any]] = {
            "neurons/id": self._ids,
            "neurons/storage": self.storage,
            "neurons/population": np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes),
        }
        for setup in self.network.setups:
            span = slice(setup.population.first, setup.population.first + setup.population.size)
            for state, value in setup.initial.items():
                if isinstance(value, np.ndarray):
                    if len(value) != setup.population.size:
                        raise ArgumentError(
                            f"{len(value)} values of {state} were given for {setup.population.size} neurons"
                        )
                    table.setdefault(f"initial/{state}", np.full(self.network.size, np.nan))[span] = value
        return table

    def metadata(self, scales: Scales) -> dict[str, Any]:
        """Return what the root attribute says of the circuit, with the scales that its codes have in the end."""
        network = self.network
        arrays = {s for setup in network.setups for s, v in setup.initial.items() if isinstance(v, np.ndarray)}
        return {
            "dt": network.dt,
            "populations": [
                {
                    "name": setup.population.name,
                    "size": setup.population.size,
                    **setup.population.model.describe(),
                    "initial": {s: describe(v) for s, v in setup.initial.items() if not isinstance(v, np.ndarray)},
                }
                for setup in network.setups
            ],
            "initial_arrays": sorted(arrays),
            "scales": {model: [_said(scale) for scale in of_model] for model, of_model in scales.items()},
            "drives": [{"first": p.first, "size": p.size, **drive.describe()} for p, drive in network.drives],
            "drive_defaults": dict(network.drive_defaults),
            "max_delay_change": largest_rounding(network),
            "provenance": {
                "recipe": dict(network.recipe),
                "seed": self.seed,
                "shuffle": self._shuffle,
                "neurograph": version("neurograph"),
                "numpy": np.__version__,
            },
        }

    def fingerprint(self, *form: object) -> str:
        """Return a digest of everything that decides the bytes of the circuit; ``form`` is what else does."""
        said = [self.metadata(self.scales), self.block_neurons, form, *([self.digits] if self.digits > 1 else [])]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode())
        digest.update(self.order.tobytes())
        for values in (self._ids, *(v for setup in self.network.setups for v in setup.initial.values())):
            digest.update(_bytes(values))
        for projection in self.network.projections:
            for part in (projection.source, projection.target, projection.receptor):
                digest.update(_bytes(part))
            for value in (*_decisive(projection.rule), projection.weight, projection.delay):
                digest.update(_bytes(value.array if isinstance(value, ListedValues) else value))
        return digest.hexdigest()


def _said(scale: Scale) -> dict[str, Any]:
    # How many digits there are is said once, for all.
    return {key: value for key, value in vars(scale).items() if key != "digits"}


def _bytes(value: object) -> bytes:
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()


def _decisive(rule: object) -> list[object]:
    """Return all that decides a rule's synapses."""
    return [rule.identity] if isinstance(rule, EdgeStream) else [*vars(rule).values(), type(rule)]


def _original_ids(network: Network) -> NDArray[np.int64]:
    parts = [setup.ids for setup in network.setups if setup.ids is not None]
    if parts and len(parts) < len(network.setups):
        raise ArgumentError("either every population has ids or none has")
    ids = np.concatenate(parts) if parts else np.arange(network.size, dtype=np.int64)
    if len(np.unique(ids)) != len(ids):
        values, counts = np.unique(ids, return_counts=True)
        raise DataError(f"neuron id {values[counts > 1][0]} is given more than once")
    return ids


def _storage_order(network: Network, seed: int, *, shuffle: bool) -> NDArray[np.int64]:
    if shuffle:
        return np.argsort(stream_keys(seed, PURPOSE_SHUFFLE, np.arange(network.size)), kind="stable")
    if network.storage_order is None:
        return np.arange(network.size)
    if not np.array_equal(np.sort(network.storage_order), np.arange(network.size)):
        raise ArgumentError("Network.storage_order must hold every index exactly once")
    return network.storage_order


def _block(neurons: int, given: int | None) -> int:
    block, smallest = default_block_neurons(neurons) if given is None else given, max(1, -(-neurons // MAX_BLOCKS))
    if not smallest <= block <= MAX_BLOCK_NEURONS:
        raise ArgumentError(f"block_neurons is {block}, allowed are {smallest} to {MAX_BLOCK_NEURONS}")
    return block
