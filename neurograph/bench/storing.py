"""Suite ``build``: how fast is a circuit built, how small is it, and how fast is it checked?"""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurograph.bench.child import run_command
from neurograph.bench.disk import forget, read_plainly
from neurograph.bench.figures import Figure, figure, in_turns, ratios
from neurograph.bench.parts import Part
from neurograph.bench.settings import Settings
from neurograph.circuit import Circuit
from neurograph.listed import pack_all
from neurograph_storage.compress import compress
from neurograph_storage.entropy import entropy_bound
from neurograph_storage.guard import RowGuard
from neurograph_storage.rows import Rows
from neurograph_storage.stream import encode
from neurograph_storage.verify import verify

_SAMPLE_ROWS = 1000
_READERS = 4


def building_parts(folder: Path, settings: Settings) -> list[Part]:
    """Return the parts of the suite; circuits stay in ``folder``, those found there are used again."""
    scale, rounds = settings.scale, settings.rounds
    parts = [Part(name="building", measure=partial(_built, folder, settings.up_to), uses=("up_to",))]
    parts.append(Part(name="bytes", measure=partial(_sizes, folder, scale), uses=("scale",)))
    for codec, bits in (("raw", 16), ("raw", 8), ("compressed", 8)):
        measure = partial(_verified, folder, scale, codec, bits, rounds)
        parts.append(Part(name=f"verify, {codec}, {bits} bits", measure=measure, uses=("scale", "rounds")))
    measure = partial(_guarded, folder, scale, rounds)
    return [*parts, Part(name="checks of a run", measure=measure, uses=("scale", "rounds"))]


def _sizes(folder: Path, scale: float) -> Iterator[Figure]:
    for codec in ("raw", "compressed"):
        for bits in (16, 8):
            yield _size(_microcircuit(folder, scale, codec, bits), codec, bits)
    yield from _bound(_microcircuit(folder, scale, "raw", 16))


def _built(folder: Path, synapses: int) -> Iterator[Figure]:
    out = folder / f"random-{synapses}.zarr"
    shutil.rmtree(out, ignore_errors=True)
    neurons = synapses // 1000
    child = run_command(["build", "random", str(out), "--neurons", str(neurons), "--synapses-per-neuron", "1000"])
    shutil.rmtree(out)
    note = f"`random`, {synapses:,} synapses, 1,000 a neuron, the whole process"
    yield figure("build rate", [synapses / child.seconds / 1e6], "M synapses/s", asked="at least 20", note=note)
    yield figure("peak memory of that build", [child.peak_rss / 2**20], "MiB", asked="at most 1,536")


def _microcircuit(folder: Path, scale: float, codec: str, bits: int) -> Circuit:
    out = folder / f"microcircuit-{scale:g}-{codec}-{bits}.zarr"
    if not out.exists():
        run_command(
            ["build", "microcircuit", str(out), "--scale", str(scale), "--codec", codec, "--weight-bits", str(bits)]
        )
    return Circuit(out)


def _size(circuit: Circuit, codec: str, bits: int) -> Figure:
    asked = {("raw", 16): "at most 4.5", ("compressed", 8): "at most 2.5"}.get((codec, bits), "")
    nbytes = sum(spec.nbytes for spec in circuit.store.specs.values())
    bound = entropy_bound(circuit.store)
    note = f"microcircuit, {circuit.synapses:,} synapses; entropy bound of targets, delays and codes {bound.bytes:.2f}"
    return figure(
        f"{codec}, {bits}-bit codes, all arrays", [nbytes / circuit.synapses], "bytes/synapse", asked=asked, note=note
    )


def _bound(circuit: Circuit) -> Iterator[Figure]:
    """Compare targets and delays alone with the bound, in our form and in those of others, on sampled rows."""
    store, bound = circuit.store, entropy_bound(circuit.store)
    bits, share = bound.targets + bound.delays, "times the bound"
    starts = range(0, store.neurons, max(_SAMPLE_ROWS // 10, store.neurons // 10))
    samples = [store.rows(start, min(start + _SAMPLE_ROWS // 10, store.neurons)) for start in starts]
    synapses = sum(int(rows.lengths().sum()) for rows in samples)
    ours = sum(_bits_without_codes(rows) for rows in samples) / synapses
    note = f"same rows of the microcircuit, bound {bits:.2f} bits a synapse"
    yield figure(
        "compressed targets and delays", [ours / bits], share, asked="at most 1.1", note=f"{note}, ours {ours:.2f}"
    )
    for name, theirs in _others(samples).items():
        value = theirs / synapses
        yield figure(f"the same by {name}", [value / bits], share, note=f"{note}, this {value:.2f}")


def _bits_without_codes(rows: Rows) -> int:
    found, block = rows.synapses(), rows.block_neurons
    place = (found.target // block << 16 | found.target % block).astype(np.uint32)
    packed = pack_all(place, found.delay, found.receptor, np.ones(len(place), np.int64))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(found.row, minlength=len(rows.starts) - 1))])
    starts, words = encode(packed, offsets.astype(np.int64))
    return 16 * len(compress(words, starts, block)[1])


def _others(samples: list[Rows]) -> dict[str, int]:
    """Return the bits of sorted gaps and delays of all rows, as general compressors store the two columns."""
    from numcodecs import Blosc

    gaps, delays = _columns(samples)
    codecs: dict[str, Any] = {"Blosc (zstd 9, byte shuffle)": Blosc(cname="zstd", clevel=9, shuffle=Blosc.SHUFFLE)}
    try:
        from numcodecs.pcodec import PCodec

        codecs["PCodec"] = PCodec(level=8)
    except ImportError:
        pass
    return {name: 8 * sum(len(codec.encode(column)) for column in (gaps, delays)) for name, codec in codecs.items()}


def _columns(samples: list[Rows]) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    gaps, delays = [], []
    for rows in samples:
        found = rows.synapses()
        order = np.lexsort((found.target, found.row))
        new_row = np.diff(found.row[order], prepend=-1) != 0
        gaps.append(np.where(new_row, found.target[order], np.diff(found.target[order], prepend=0)))
        delays.append(found.delay[order])
    return np.concatenate(gaps).astype(np.uint32), np.concatenate(delays).astype(np.uint16)


def _verified(folder: Path, scale: float, codec: str, bits: int, rounds: int) -> Iterator[Figure]:
    circuit = _microcircuit(folder, scale, codec, bits)
    sizes = [population.size for population in circuit.populations.values()]
    receptors = [len(model.receptors) for model in circuit.models]
    actions: dict[str, Callable[[], object]] = {
        "verify": lambda: _sound(circuit, sizes, receptors),
        "read": partial(read_plainly, circuit.path, _READERS),
    }
    nbytes = sum(spec.nbytes for spec in circuit.store.specs.values())
    _sound(circuit, sizes, receptors)
    for state, before in (("cold", partial(forget, circuit.path)), ("warm", lambda: None)):
        times = in_turns(actions, rounds, before)
        share = ratios(times["read"], times["verify"])
        middle = np.median(times["verify"])
        asked = "at least 0.8" if (state, circuit.store.codec) == ("cold", "raw") else ""
        note = f"microcircuit, {nbytes / middle / 1e9:.2f} GB/s, {circuit.synapses / middle / 1e6:.0f} M synapses/s"
        yield figure(
            f"verify, {circuit.store.codec}, {bits}-bit codes, {state}", share, "of preadv", asked=asked, note=note
        )


def _sound(circuit: Circuit, sizes: list[int], receptors: list[int]) -> None:
    assert not list(verify(circuit.store, sizes, receptors))


def _guarded(folder: Path, scale: float, rounds: int) -> Iterator[Figure]:
    """Cost of checking granules when a row is first needed, and of asking again."""
    circuit = _microcircuit(folder, scale, "raw", 16)
    rows = np.arange(circuit.neurons, dtype=np.uint32)
    guard = RowGuard(circuit.store)
    guard.admit(rows)
    actions: dict[str, Callable[[], object]] = {
        "first": lambda: RowGuard(circuit.store).admit(rows),
        "read": partial(read_plainly, circuit.path, 1),
        "again": partial(_ask, guard, [rows[k : k + 30] for k in range(0, 30_000, 30)]),
    }
    times = in_turns(actions, rounds)
    share = ratios(times["read"], times["first"])
    yield figure("check at first touch, all rows, warm", share, "of preadv, one thread")
    yield figure("asking again, 30 rows", [t * 1e6 / 1000 for t in times["again"]], "us")


def _ask(guard: RowGuard, groups: list[NDArray[np.uint32]]) -> None:
    for rows in groups:
        guard.admit(rows)
