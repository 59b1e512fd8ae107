"""What will a circuit of some size take: bytes, memory, time, and what limits it?

A cost model with a handful of constants, all of them figures of docs/benchmarks.md and docs/models.md (two cores of an
AMD EPYC); `calibrated` scales the processor's by a short run on this machine.

1. Synapses of a row to one target block with one delay stand together as a group. With D delays and B blocks that a row
   reaches there are at most D x B groups; K synapses strewn over them fill D B (1 - exp(-K / (D B))).
2. Raw, a synapse takes 4 (16-bit codes) or 3 bytes, a group 4 more, a block 6, a row 18. Compressed, a target takes the
   bits of its distance to the one before, a code its width, a group about a byte.
3. A second of biological time costs neurons x steps x (model + drive), and for each spike its synapses and its groups.
4. What does not stay in memory is read once for each spike, a row at a time: at the disk's speed for long rows, at
   half of it for rows of 8 KiB.
"""

import math
import os
from dataclasses import asdict, dataclass
from typing import Any

from neurograph.choices import find
from neurograph.memory import DEFAULT_SHARE, available_memory
from neurograph_storage.codec import COMPRESSED, check_codec
from neurograph_storage.errors import ArgumentError
from neurograph_storage.layout import MAX_BLOCK_NEURONS, MAX_BLOCKS, MAX_NEURONS, default_block_neurons

# Nanoseconds of one core.
SYNAPSE_NS, GROUP_NS = 1.2, 12.0
DRIVE_NS = {"poisson": 1.4, "none": 0.0}
MODEL_NS = {"LIFExp": 1.0, "LIFDelta": 0.8, "Izhikevich": 0.8, "LIFFrozen": 1.6, "LIFAlpha": 2.3, "LIFCond": 2.5,
            "AdEx": 14.5}  # fmt: skip
BUILT_PER_CORE_AND_SECOND = 11.65e6
# Bytes: of a neuron during a run, of its row beside the synapses, of a block and of a group in it.
NEURON_BYTES, ROW_BYTES, BLOCK_BYTES, GROUP_BYTES = 98, 18 + 14, 6, 4
# Bits of a compressed row: a target beyond its even gap, a code by its width, a group.
GAP_BITS, CODE_BITS, COMPRESSED_GROUP_BITS = 1.0, {8: 5.6, 16: 13.6}, 8.0
WEIGHT_BITS = (8, 16, 32, 48, 64)
READ_OVERHEAD = 8192
MIN_NEURONS_PER_CORE = 10_000
# A disk that is full is slow.
DISK_SHARE = 0.9


@dataclass(frozen=True, kw_only=True)
class Demand:
    """A circuit, and how active it is.

    Attributes
    ----------
    neurons, synapses_per_neuron : float
    rate : float
        Mean spikes of a neuron, Hz.
    delays : float
        How many steps of delay the synapses of a neuron are spread over.
    reach : float or None
        Over how many neurons, in storage order, those of a neuron are spread; all up to a million by default.
    max_delay : float
        ms.
    dt : float
        ms.
    model, drive, codec : str
    weight_bits : int
        8, or 16; 32, 48 or 64 where weights are exact and have so many digits of 16 bits.
    """

    neurons: float
    synapses_per_neuron: float
    rate: float
    delays: float = 40.0
    reach: float | None = None
    max_delay: float = 10.0
    dt: float = 0.1
    model: str = "LIFExp"
    drive: str = "poisson"
    codec: str = "raw"
    weight_bits: int = 16

    def __post_init__(self) -> None:
        find("neuron model", self.model, MODEL_NS)
        find("drive", self.drive, DRIVE_NS)
        check_codec(self.codec)
        if self.weight_bits not in WEIGHT_BITS:
            allowed = ", ".join(map(str, WEIGHT_BITS))
            raise ArgumentError(f"weight bits are {self.weight_bits}, allowed are {allowed}")
        for name in ("neurons", "delays", "max_delay", "dt"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ArgumentError(f"{name} is {getattr(self, name)}, it must be positive")
        for name in ("synapses_per_neuron", "rate"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ArgumentError(f"{name} is {getattr(self, name)}, it must be at least 0")

    @property
    def synapses(self) -> float:
        """All of them."""
        return self.neurons * self.synapses_per_neuron

    @property
    def digits(self) -> int:
        """Entries of a synapse."""
        return max(1, self.weight_bits // 16)

    @property
    def blocks(self) -> float:
        """Target blocks that a row reaches."""
        size = default_block_neurons(int(min(self.neurons, MAX_NEURONS)))
        reach = self.reach if self.reach is not None else min(self.neurons, 1e6)
        return max(1.0, min(reach, self.neurons) / min(size, MAX_BLOCK_NEURONS))

    @property
    def groups(self) -> float:
        """Delay groups of a row."""
        places = self.blocks * self.delays
        return self.digits * places * -math.expm1(-self.synapses_per_neuron / places)

    @property
    def row_bytes(self) -> float:
        """Bytes of a row on disk, its share of all arrays included."""
        touched = self.blocks * -math.expm1(-self.synapses_per_neuron / self.blocks)
        if self.codec != COMPRESSED:
            each = 3 if self.weight_bits == 8 else 4
            rows = each * self.digits * self.synapses_per_neuron + GROUP_BYTES * self.groups + BLOCK_BYTES * touched
            return rows + ROW_BYTES
        reach = self.reach if self.reach is not None else min(self.neurons, 1e6)
        span = min(reach, self.neurons) / self.blocks
        entries = self.digits * self.synapses_per_neuron
        distance = math.log2(max(span * self.groups / max(entries, 1.0), 1.0)) + GAP_BITS
        bits = entries * (distance + CODE_BITS[min(self.weight_bits, 16)])
        return (bits + COMPRESSED_GROUP_BITS * self.groups) / 8 + 2 * touched + ROW_BYTES

    @property
    def spike_ns(self) -> float:
        """Nanoseconds of a core for all that one spike delivers."""
        return self.digits * self.synapses_per_neuron * SYNAPSE_NS + self.groups * GROUP_NS


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine.

    Attributes
    ----------
    memory : float
        Bytes a run may have.
    cores : int
    disk_speed : float
        Bytes a second, read and written.
    disk_size, disks : float, int
        Bytes of an SSD, and how many fit in one machine.
    slowness : float
        How many times longer the processor takes than the one of the constants.
    workers : int or None
        Cores that a run uses; by default all, as far as each gets 10,000 neurons.
    """

    memory: float
    cores: int
    disk_speed: float = 1e9
    disk_size: float = 8e12
    disks: int = 4
    slowness: float = 1.0
    workers: int | None = None

    def busy_cores(self, neurons: float) -> float:
        """Return how many cores a run of this many neurons keeps busy."""
        return self.workers or min(self.cores, max(1.0, neurons // MIN_NEURONS_PER_CORE))

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ArgumentError(f"{name.replace('_', ' ')} is {value}, it must be positive")


def this_machine() -> Machine:
    """Return what there is here; the disk's speed is an assumption (`neurograph doctor` measures it)."""
    return Machine(memory=DEFAULT_SHARE * available_memory(), cores=usable_cores())


def usable_cores() -> int:
    """Return how many cores this process may use, as far as the system says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Plan:
    """What it takes; times in seconds, sizes in bytes.

    Attributes
    ----------
    machines, disks : int
        How many are needed to hold the state in memory and the synapses on SSDs.
    state_bytes, in_flight_bytes : float
        Memory that a run must have, and what of the synapses is under way at any time (rows of spikes not older than
        the longest delay).
    resident_share : float
        Part of the synapses that stays in memory.
    update_s, delivery_s, disk_s : float
        For a second of biological time: neurons, synapses, and reading, which goes on beside both.
    real_time_factor : float
        The larger of processor and disk.
    limit : str
        What takes longest.
    """

    synapses: float
    disk_bytes: float
    bytes_per_synapse: float
    machines: int
    disks: int
    state_bytes: float
    in_flight_bytes: float
    resident_share: float
    events_per_s: float
    build_s: float
    update_s: float
    delivery_s: float
    disk_s: float
    real_time_factor: float
    limit: str

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def plan(demand: Demand, machine: Machine) -> Plan:
    """Return what a circuit takes on as many machines as it needs."""
    disk_bytes = demand.neurons * demand.row_bytes
    state = demand.neurons * NEURON_BYTES
    in_flight = demand.neurons * demand.rate * demand.max_delay / 1000.0 * demand.row_bytes
    machines = max(
        math.ceil(demand.neurons / min(MAX_NEURONS, MAX_BLOCKS * MAX_BLOCK_NEURONS)),
        math.ceil((state + in_flight) / machine.memory),
        math.ceil(disk_bytes / (DISK_SHARE * machine.disk_size * machine.disks)),
    )
    free = max(machines * machine.memory - state - in_flight, 0.0)
    resident = min(1.0, free / disk_bytes) if disk_bytes else 1.0
    busy = machines * machine.busy_cores(demand.neurons / machines) / machine.slowness
    neuron_ns = MODEL_NS[demand.model] + DRIVE_NS[demand.drive]
    spikes = demand.neurons * demand.rate
    update = demand.neurons * 1000.0 / demand.dt * neuron_ns * 1e-9 / busy
    delivery = spikes * demand.spike_ns * 1e-9 / busy
    speed = machines * machine.disk_speed * demand.row_bytes / (demand.row_bytes + READ_OVERHEAD)
    disk = spikes * demand.row_bytes * (1.0 - resident) / speed
    built = demand.synapses / (BUILT_PER_CORE_AND_SECOND * machines * machine.cores / machine.slowness)
    return Plan(
        synapses=demand.synapses,
        disk_bytes=disk_bytes,
        bytes_per_synapse=disk_bytes / demand.synapses if demand.synapses else 0.0,
        machines=machines,
        disks=max(1, math.ceil(disk_bytes / (DISK_SHARE * machine.disk_size))),
        state_bytes=state,
        in_flight_bytes=in_flight,
        resident_share=resident,
        events_per_s=spikes * demand.synapses_per_neuron,
        build_s=max(built, disk_bytes / (machines * machine.disk_speed)),
        update_s=update,
        delivery_s=delivery,
        disk_s=disk,
        real_time_factor=max(update + delivery, disk),
        limit=_limit(update, delivery, disk),
    )


def _limit(update: float, delivery: float, disk: float) -> str:
    if disk > update + delivery:
        return "reading synapses from disk"
    return "delivering synaptic events" if delivery > update else "updating neurons"
