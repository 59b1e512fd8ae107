"""How does a network become a circuit on disk?

1. Fix storage order, scales of the weights, and the length of every row; sort listed synapses by source.
2. Workers generate batches of rows; the writer appends them in order, so the bytes do not depend on the workers.
3. Describe populations, drives and provenance in the metadata, and publish.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.circuit import Circuit
from neurograph.delays import largest_rounding
from neurograph.distributions import describe
from neurograph.draws import PURPOSE_SHUFFLE, stream_keys
from neurograph.edges import EdgeStream, ListedValues
from neurograph.generate import NetworkRows
from neurograph.listed import lists_of
from neurograph.memory import batch_synapses
from neurograph.multapses import SummedRows, models_of
from neurograph.network import Network
from neurograph.scales import Scales, network_scales
from neurograph.space import check_runs, check_space, named_disk_full
from neurograph.spill import MEMORY, RunStore
from neurograph_storage.codec import RAW, check_codec, encode
from neurograph_storage.errors import ArgumentError, DataError
from neurograph_storage.layout import MAX_BLOCK_NEURONS, MAX_BLOCKS, batches, default_block_neurons
from neurograph_storage.ordered import in_order
from neurograph_storage.publish import publishing, refuse_existing
from neurograph_storage.rows import RowSource
from neurograph_storage.sizes import parse_size
from neurograph_storage.writer import CircuitWriter

BATCH_SYNAPSES = 2**20
JOURNAL_SECONDS = 5.0
MULTAPSES = ("keep", "sum")

Progress = Callable[[int, int], object]


def build(
    path: str | os.PathLike[str],
    network: Network,
    *,
    seed: int = 0,
    shuffle: bool = False,
    weight_unit: float | None = None,
    weight_bits: int = 16,
    block_neurons: int | None = None,
    codec: str = RAW,
    multapses: str = "keep",
    memory: str | int = MEMORY,
    jobs: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Circuit:
    """Build a circuit and open it.

    Parameters
    ----------
    path : path
        Must not exist; appears only when complete. A build that was killed or ran out of disk goes on where it was
        when the same build is started again.
    seed : int
        Decides every random synapse.
    shuffle : bool
        Store neurons in random order, to hide the order a recipe planted. Results do not change.
    weight_unit : float, optional
        Demand that constant and listed weights are exact multiples of this; drawn ones are rounded to it.
    weight_bits : {16, 8}
        Width of weight codes; 8 saves a byte a synapse and rounds drawn weights to 1/127 of the largest.
    block_neurons : int, optional
        Neurons in a target block, at most 65,536; by default as many as that allows, in at least two blocks. A run uses
        no more workers than there are blocks.
    codec : {"raw", "compressed"}
        Form of the rows on disk: raw ones are mapped in place, compressed ones take about 0.6 times the room and are
        turned into plain ones when a run begins.
    multapses : {"keep", "sum"}
        Keep synapses that join one pair of neurons apart, or add those of one receptor and delay up.
    memory : str or int
        Bytes, or text such as ``"1GiB"``, that building may take beyond what it must know of each neuron. What does
        not fit is sorted on the disk. The bytes of the circuit are the same for any.
    jobs : int, optional
        Worker threads; by default one for each processor. The bytes are the same for any number.
    progress : callable
        Called with the number of synapses just written, and of those there will be.

    Raises
    ------
    CircuitExistsError, CircuitLockedError, DiskSpaceError, ArgumentError, DataError
    """
    out = Path(path).absolute()
    _check_ids(network)
    order = _storage_order(network, seed, shuffle=shuffle)
    storage = np.empty(network.size, np.uint32)
    storage[order] = np.arange(network.size, dtype=np.uint32)
    block = default_block_neurons(network.size) if block_neurons is None else block_neurons
    smallest = max(1, -(-network.size // MAX_BLOCKS))
    if not smallest <= block <= MAX_BLOCK_NEURONS:
        raise ArgumentError(f"block_neurons is {block}, allowed are {smallest} to {MAX_BLOCK_NEURONS}")
    budget = check_options(out, codec, multapses, memory)
    scales = network_scales(network, weight_unit, bits=weight_bits)
    lists = lists_of(network)
    meta = _metadata(network, scales, seed, shuffle=shuffle)
    with publishing(out, _fingerprint(network, meta, order, [block, codec, multapses])) as folder, named_disk_full(out):
        writer = CircuitWriter(folder, _neuron_table(network, storage), block_neurons=block, codec=codec)
        with closing(RunStore(folder, budget)) as runs:
            check_runs(out, runs.missing_bytes(lists), sum(count for *_, count in lists) if writer.rows == 0 else 0)
            drawn = NetworkRows(
                network, seed=seed, storage=storage, scales=scales, block_neurons=block, runs=runs, memory=budget
            )
            made, batch = drawn.lengths(), batch_synapses(BATCH_SYNAPSES, budget, jobs)
            source: RowSource = drawn
            if multapses == "sum":
                models = models_of(network, storage, list(scales))
                source = summed = SummedRows(
                    drawn, scales, models, exact=weight_unit is not None, batch=batch, jobs=jobs
                )
                meta = _metadata(network, summed.scales, seed, shuffle=shuffle)
            lengths = source.lengths()
            check_space(out, lengths, source, codec=codec, done=writer.rows)
            cuts = [(writer.rows + low, writer.rows + high) for low, high in batches(made[writer.rows :], batch)]
            _append_rows(writer, source, codec, int(lengths.sum()), cuts, jobs, progress)
        writer.finish(meta)
    return Circuit(out)


def check_options(out: Path, codec: str, multapses: str, memory: str | int) -> int:
    """Refuse at once what would be refused later; return the memory budget in bytes.

    Raises
    ------
    CircuitExistsError, ArgumentError
    """
    refuse_existing(out)
    check_codec(codec)
    if multapses not in MULTAPSES:
        raise ArgumentError(f"multapses is {multapses!r}, allowed are {' and '.join(MULTAPSES)}")
    return parse_size(memory)


def _append_rows(
    writer: CircuitWriter,
    source: RowSource,
    codec: str,
    total: int,
    cuts: list[tuple[int, int]],
    jobs: int | None,
    progress: Progress,
) -> None:
    """Append all rows that are not there yet, with a journal every few seconds."""
    progress(writer.synapses, total)
    last_journal = time.monotonic()
    # Threads: the kernels release the GIL, and rows need not be copied.
    for encoded in in_order(lambda cut: encode(source.rows(*cut), codec), cuts, jobs):
        progress(writer.append(encoded), total)
        if time.monotonic() - last_journal > JOURNAL_SECONDS:
            writer.checkpoint()
            last_journal = time.monotonic()


def _fingerprint(network: Network, meta: dict[str, Any], order: NDArray[np.int64], form: list[Any]) -> str:
    """Return a digest of everything that decides the bytes of the circuit."""
    digest = hashlib.sha256(json.dumps([meta, form], sort_keys=True, default=str).encode())
    digest.update(order.tobytes())
    for values in (_ids(network), *(v for setup in network.setups for v in setup.initial.values())):
        digest.update(values.tobytes() if isinstance(values, np.ndarray) else repr(values).encode())
    for projection in network.projections:
        for part in (projection.source, projection.target, projection.receptor):
            digest.update(repr(part).encode())
        for value in (*_decisive(projection.rule), projection.weight, projection.delay):
            given = value.array if isinstance(value, ListedValues) else value
            digest.update(given.tobytes() if isinstance(given, np.ndarray) else repr(given).encode())
    return digest.hexdigest()


def _decisive(rule: object) -> list[object]:
    """Return all that decides a rule's synapses."""
    return [rule.identity] if isinstance(rule, EdgeStream) else [*vars(rule).values(), type(rule)]


def _check_ids(network: Network) -> None:
    given = [setup.ids is not None for setup in network.setups]
    if any(given) and not all(given):
        raise ArgumentError("either every population has ids or none has")
    ids = _ids(network)
    if len(np.unique(ids)) != len(ids):
        values, counts = np.unique(ids, return_counts=True)
        raise DataError(f"neuron id {values[counts > 1][0]} is given more than once")


def _ids(network: Network) -> NDArray[np.int64]:
    parts = [setup.ids for setup in network.setups if setup.ids is not None]
    return np.concatenate(parts) if parts else np.arange(network.size, dtype=np.int64)


def _storage_order(network: Network, seed: int, *, shuffle: bool) -> NDArray[np.int64]:
    if shuffle:
        return np.argsort(stream_keys(seed, PURPOSE_SHUFFLE, np.arange(network.size)), kind="stable")
    if network.storage_order is None:
        return np.arange(network.size)
    if not np.array_equal(np.sort(network.storage_order), np.arange(network.size)):
        raise ArgumentError("Network.storage_order must hold every index exactly once")
    return network.storage_order


def _neuron_table(network: Network, storage: NDArray[np.uint32]) -> dict[str, NDArray[Any]]:
    sizes = [setup.population.size for setup in network.setups]
    table: dict[str, NDArray[Any]] = {
        "neurons/id": _ids(network),
        "neurons/storage": storage,
        "neurons/population": np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes),
    }
    for setup in network.setups:
        span = slice(setup.population.first, setup.population.first + setup.population.size)
        for state, value in setup.initial.items():
            if isinstance(value, np.ndarray):
                if len(value) != setup.population.size:
                    raise ArgumentError(
                        f"{len(value)} values of {state} were given for {setup.population.size} neurons"
                    )
                table.setdefault(f"initial/{state}", np.full(network.size, np.nan))[span] = value
    return table


def _metadata(network: Network, scales: Scales, seed: int, *, shuffle: bool) -> dict[str, Any]:
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
        "scales": {model: [vars(scale) for scale in of_model] for model, of_model in scales.items()},
        "drives": [{"first": p.first, "size": p.size, **drive.describe()} for p, drive in network.drives],
        "drive_defaults": dict(network.drive_defaults),
        "max_delay_change": largest_rounding(network),
        "provenance": {
            "recipe": dict(network.recipe),
            "seed": seed,
            "shuffle": shuffle,
            "neurograph": version("neurograph"),
            "numpy": np.__version__,
        },
    }
