"""What have others published for the models that we run?

Not measured here: on other machines, of which memory and price class are stated; each with where it can be read.
Real-time factors are seconds of wall time a second of biological time.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """One published figure."""

    system: str
    model: str
    machine: str
    real_time_factor: float
    held: str
    price: str
    source: str


MICROCIRCUIT, MULTIAREA = "microcircuit", "multi-area model of macaque cortex"
PUBLISHED = (
    Published("NEST", MICROCIRCUIT, "2 EPYC 7702, 128 cores", 0.67, "14 GB", "server",
              "Kurth et al. 2022"),
    Published("NEST 3.3, Poisson drive", MICROCIRCUIT, "JURECA-DC node, 128 cores", 1.267, "14 GB",
              "server", "Golosio et al. 2023"),
    Published("GeNN", MICROCIRCUIT, "Titan RTX", 0.70, "3.1 GB of the GPU", "consumer GPU",
              "Knight et al. 2021"),
    Published("GeNN 4.8", MICROCIRCUIT, "RTX 4090", 0.272, "not stated", "consumer GPU",
              "Golosio et al. 2023"),
    Published("NEST GPU", MICROCIRCUIT, "RTX 2080 Ti", 1.055, "not stated", "consumer GPU",
              "Golosio et al. 2021"),
    Published("SpiNNaker", MICROCIRCUIT, "12 boards", 1.0, "on the boards", "special machine", "Rhodes et al. 2019"),
    Published("neuroAIx", MICROCIRCUIT, "35 FPGA boards", 0.05, "on the boards", "special machine",
              "Kauth et al. 2023"),
    Published("NEST", MULTIAREA, "160 nodes of JURECA", 31.0, "1.4 TB", "cluster", "Knight and Nowotny 2021"),
    Published("GeNN, nothing stored", MULTIAREA, "Titan RTX", 485.0, "12 GB of the GPU", "consumer GPU",
              "Knight and Nowotny 2021"),
)  # fmt: skip
# Neurons and synapses of the model of macaque cortex, for comparison with other sizes.
MULTIAREA_SYNAPSES = 24.2e9


def published(model: str) -> list[Published]:
    """Return the figures of a model."""
    return [found for found in PUBLISHED if found.model == model]
