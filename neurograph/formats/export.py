"""In which formats can a circuit be written, by the ending of the path?

| ending | what |
|---|---|
| `.parquet`, `.csv`, `.csv.gz` | a table of synapses (`neurograph.formats.tables`) |
| `.npz` | SciPy's sparse matrix of weights (`neurograph.formats.matrices`) |
| none, or `.sonata` | a folder: a SONATA network (`neurograph.formats.sonata_export`) |
"""

import os
from pathlib import Path

from neurograph.circuit import Circuit
from neurograph.formats.matrices import write_matrix
from neurograph.formats.sonata_export import export_sonata
from neurograph.formats.tables import Progress, write_edges, write_neurons
from neurograph.tables import SUFFIXES
from neurograph_storage.errors import ArgumentError
from neurograph_storage.publish import refuse_existing

FOLDERS = ("", ".sonata")


def export_circuit(
    circuit: Circuit | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    neurons: str | os.PathLike[str] | None = None,
    progress: Progress = lambda _done, _total: None,
) -> None:
    """Write a circuit in the format that the ending of ``out`` tells; memory is that of a batch of rows.

    Weights are written as they are stored, code times scale, exactly; reading them again gives the same circuit.

    Parameters
    ----------
    out : path
        ``.parquet``, ``.csv``, ``.csv.gz``: all synapses; ``.npz``: a sparse matrix of weights, without delays and
        receptors; a folder (no ending, or ``.sonata``): a SONATA network. It must not exist, and appears when complete.
    neurons : path, optional
        Also write the table of neurons, to ``.parquet``, ``.csv`` or ``.csv.gz``.
    progress : callable
        Called with the number of synapses just written, and of those there will be.

    Raises
    ------
    ArgumentError, CircuitExistsError, CorruptionError
    """
    opened = circuit if isinstance(circuit, Circuit) else Circuit(circuit)
    target = Path(out).absolute()
    table = None if neurons is None else Path(neurons).absolute()
    if table is not None and not table.name.endswith(SUFFIXES):
        raise ArgumentError(f"the table of neurons cannot be written to {neurons}; allowed: {', '.join(SUFFIXES)}")
    for path in (target, *([table] if table else [])):
        refuse_existing(path)
        if not path.parent.is_dir():
            raise ArgumentError(f"cannot write {path}: there is no folder {path.parent}")
    if target.name.endswith(SUFFIXES):
        write_edges(opened, target, progress)
    elif target.suffix == ".npz":
        write_matrix(opened, target, progress)
    elif target.suffix in FOLDERS:
        export_sonata(opened, target, progress=progress)
    else:
        allowed = ", ".join((*SUFFIXES, ".npz"))
        raise ArgumentError(f"{out} has no ending of a format; allowed are {allowed}, and none for a SONATA folder")
    if table is not None:
        write_neurons(opened, table)
