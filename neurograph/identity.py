"""Is this the circuit that a run was begun on?

The digest of the *circuit* covers its description, its neurons and how many synapses it has, so a copy in another
storage order or codec, or cut into other blocks, has the same one. That of the *rows* covers every synapse, as they lie
on disk: rows in the same *form* with another digest were changed.
"""

import hashlib
import json
from typing import Any

from neurograph.circuit import Circuit
from neurograph_storage.errors import DataError
from neurograph_storage.store import ROW_WORDS

# What of the provenance says how a circuit was laid out or by which release, and not what it is.
_RECIPE = ("recipe", "seed")


def identity(circuit: Circuit) -> dict[str, str]:
    """Return digests of a circuit, of the form its rows are in, and of its rows."""
    store = circuit.store
    described = {key: value for key, value in store.circuit.items() if key != "provenance"}
    described["made"] = {key: store.circuit["provenance"].get(key) for key in _RECIPE}
    counts = [store.counts.neurons, store.counts.synapses, store.min_delay, store.max_delay, store.input_bound]
    by_index = [name for name in sorted(store.specs) if not name.startswith("rows/") and name != "neurons/storage"]
    form = [store.codec, store.block_neurons, _sums(circuit, "neurons/storage")]
    return {
        "circuit": _digest([described, counts, *(_sums(circuit, name) for name in by_index)]),
        "form": _digest(form),
        "rows": _digest([form, _sums(circuit, ROW_WORDS)]),
    }


def check_identity(circuit: Circuit, saved: dict[str, Any], what: str) -> None:
    """Refuse a circuit that is not the one of which ``saved`` is the identity.

    Raises
    ------
    DataError
    """
    found = identity(circuit)
    if found["circuit"] != saved["circuit"]:
        raise DataError(f"{what} was made with another circuit than {circuit.path}: neurons or description differ")
    if found["form"] == saved["form"] and found["rows"] != saved["rows"]:
        raise DataError(f"the synapses of {circuit.path} were changed after {what} was made; start a new run")


def _sums(circuit: Circuit, name: str) -> str:
    return hashlib.sha256(circuit.store.checksums(name).tobytes()).hexdigest()


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
