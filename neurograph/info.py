"""What is in a circuit, as figures?"""

from typing import Any

from neurograph.circuit import Circuit
from neurograph_storage.calibration import read_calibration
from neurograph_storage.entropy import entropy_bound


def describe_circuit(circuit: Circuit) -> dict[str, Any]:
    """Return a JSON object: counts, bytes, entropy, delays, partitions, populations, scales of weights, provenance."""
    store, meta = circuit.store, circuit.store.circuit
    store.check_tables()
    counts = store.counts
    arrays = {name: spec.nbytes for name, spec in store.specs.items()}
    rows = store.attributes["partition_rows"]
    return {
        "path": str(circuit.path),
        "codec": store.codec,
        "format_version": store.attributes["format_version"],
        "neurons": counts.neurons,
        "synapses": circuit.synapses,
        "target_blocks": {"count": -(-counts.neurons // store.block_neurons), "neurons": store.block_neurons},
        "dt_ms": circuit.dt,
        "delay_ms": {
            "min": store.min_delay * circuit.dt,
            "max": store.max_delay * circuit.dt,
            "largest_rounding": meta["max_delay_change"],
        },
        "bytes": sum(arrays.values()),
        "bytes_per_synapse": {name: size / max(circuit.synapses, 1) for name, size in arrays.items()},
        "entropy_bits_per_synapse": vars(entropy_bound(store)),
        "partitions": {"count": -(-counts.neurons // rows), "rows": rows},
        "populations": [
            {key: population[key] for key in ("name", "size", "model", "parameters")}
            for population in meta["populations"]
        ],
        "receptors": receptor_facts(circuit),
        "weight_digits": store.digits,
        "disk": _disk_facts(circuit),
        "drives": len(meta["drives"]),
        "input_bound": store.input_bound,
        "provenance": meta["provenance"],
    }


def _disk_facts(circuit: Circuit) -> dict[str, float] | None:
    """Return what was measured of the disk when the circuit was first streamed, or None."""
    found = read_calibration(circuit.store.path)
    return None if found is None else {
        "latency_s": found.latency_s, "reads_per_s": found.reads_per_s, "bytes_per_s": found.bytes_per_s,
        "gap_bytes": found.gap,
    }  # fmt: skip


def receptor_facts(circuit: Circuit) -> list[dict[str, Any]]:
    """Return name, unit, scale and rounding error of each receptor of each model."""
    models = {type(model).__name__: type(model) for model in circuit.models}
    return [
        {"model": name, "receptor": receptor.name, "unit": receptor.unit, "scale": scale["unit"],
         "max_error": scale["max_error"], "rms_error": scale["rms_error"]}
        for name, scales in circuit.store.circuit["scales"].items()
        for receptor, scale in zip(models[name].receptors, scales, strict=True)
    ]  # fmt: skip
