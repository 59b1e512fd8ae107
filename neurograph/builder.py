"""How does a network become a circuit on disk?

1. Fix storage order and scales (`neurograph.blueprint`); sort listed synapses by source; find the length of every row.
2. Workers generate batches of rows; the writer appends them in order, so the bytes do not depend on the workers.
3. Write the metadata, and publish.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from neurograph.blueprint import Blueprint
from neurograph.circuit import Circuit
from neurograph.generate import NetworkRows
from neurograph.listed import lists_of
from neurograph.memory import batch_synapses
from neurograph.multapses import SummedRows, models_of
from neurograph.network import Network
from neurograph.space import check_runs, check_space, named_disk_full
from neurograph.spill import MEMORY, RunStore
from neurograph_storage.codec import RAW, check_codec, encode
from neurograph_storage.errors import ArgumentError
from neurograph_storage.layout import batches
from neurograph_storage.ordered import in_order
from neurograph_storage.publish import publishing, refuse_existing
from neurograph_storage.rows import RowSource
from neurograph_storage.sizes import parse_size
from neurograph_storage.writer import CircuitWriter

BATCH_SYNAPSES = 2**20
JOURNAL_SECONDS = 5.0
MULTAPSES = ("keep", "sum")
WEIGHTS = ROUNDED, EXACT = ("rounded", "exact")

Progress = Callable[[int, int], object]


def build(
    path: str | os.PathLike[str],
    network: Network,
    *,
    seed: int = 0,
    shuffle: bool = False,
    weight_unit: float | None = None,
    weight_bits: int = 16,
    weights: str = ROUNDED,
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
    weights : {"rounded", "exact"}
        Round listed weights that have no common unit to 16 bits, and say by how much; or store every one exactly,
        which takes 4 bytes more a synapse for each 16 bits more that they need. Exact ones are not drawn.
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
    budget = check_options(out, codec, multapses, memory, weights)
    plan = Blueprint(
        network,
        seed=seed,
        shuffle=shuffle,
        weight_unit=weight_unit,
        weight_bits=weight_bits,
        exact=weights == EXACT,
        block_neurons=block_neurons,
    )
    if multapses == "sum" and plan.digits > 1:
        raise ArgumentError("weights that need more than 16 bits to be exact cannot be summed: keep multapses apart")
    lists = [(part, sources, count * plan.digits) for part, sources, count in lists_of(network)]
    with publishing(out, plan.fingerprint(codec, multapses)) as folder, named_disk_full(out):
        table = plan.neuron_table()
        writer = CircuitWriter(folder, table, block_neurons=plan.block_neurons, codec=codec, digits=plan.digits)
        with closing(RunStore(folder, budget)) as runs:
            check_runs(out, runs.missing_bytes(lists), sum(count for *_, count in lists) if writer.rows == 0 else 0)
            drawn, scales = _drawn_rows(plan, runs, budget), plan.scales
            made, batch = drawn.lengths(), batch_synapses(BATCH_SYNAPSES, budget, jobs)
            source: RowSource = drawn
            if multapses == "sum":
                models, exact = models_of(network, plan.storage, list(scales)), weight_unit is not None
                source = summed = SummedRows(drawn, scales, models, exact=exact, batch=batch, jobs=jobs)
                scales = summed.scales
            lengths = source.lengths()
            check_space(out, lengths, source, codec=codec, done=writer.rows)
            cuts = [(writer.rows + low, writer.rows + high) for low, high in batches(made[writer.rows :], batch)]
            append_rows(writer, source, codec, int(lengths.sum()), cuts, jobs, progress)
        writer.finish(plan.metadata(scales))
    return Circuit(out)


def _drawn_rows(plan: Blueprint, runs: RunStore, budget: int) -> NetworkRows:
    return NetworkRows(
        plan.network,
        seed=plan.seed,
        storage=plan.storage,
        scales=plan.scales,
        block_neurons=plan.block_neurons,
        runs=runs,
        memory=budget,
    )


def check_options(out: Path, codec: str, multapses: str, memory: str | int, weights: str = ROUNDED) -> int:
    """Refuse at once what would be refused later; return the memory budget in bytes.

    Raises
    ------
    CircuitExistsError, ArgumentError
    """
    refuse_existing(out)
    check_codec(codec)
    if multapses not in MULTAPSES:
        raise ArgumentError(f"multapses is {multapses!r}, allowed are {' and '.join(MULTAPSES)}")
    if weights not in WEIGHTS:
        raise ArgumentError(f"weights is {weights!r}, allowed are {' and '.join(WEIGHTS)}")
    return parse_size(memory)


def append_rows(
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
