"""How does a user's file of edges become a circuit?

1. Open it, whatever its format (`neurograph.edge_files`), and pass over it once (`neurograph.survey`).
2. Find each neuron's place: in the neuron table, by the preset's index columns, or in order of id.
3. Describe it as a `Network` of one population, whose edge rule reads the file piece by piece, and build that.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurograph.builder import ROUNDED, Progress, build, check_options
from neurograph.choices import find
from neurograph.circuit import Circuit
from neurograph.edge_files import EdgeFile
from neurograph.edge_matrices import MatrixEdges
from neurograph.edge_sonata import SonataEdges
from neurograph.edge_tables import TableEdges
from neurograph.edges import EdgePiece, EdgeStream
from neurograph.ids import IdIndex, Ids
from neurograph.models import LIFExp, Model
from neurograph.network import Network
from neurograph.presets import PRESETS, Preset
from neurograph.spill import MEMORY
from neurograph.survey import scaled, survey_edges
from neurograph.tables import SUFFIXES, Table
from neurograph_storage.codec import RAW
from neurograph_storage.errors import ArgumentError, DataError


@dataclass(frozen=True, kw_only=True)
class EdgeColumns:
    """Which columns of the edge table mean what.

    Attributes
    ----------
    source, target, weight : str
    delay : str or None
        Column of delays in ms; None if all have one delay.
    """

    source: str = "source"
    target: str = "target"
    weight: str = "weight"
    delay: str | None = None


def edge_columns(preset: str | None = None, **given: str | None) -> EdgeColumns:
    """Return the columns given, the others as the preset or the defaults say; keywords as in `EdgeColumns`."""
    known = find("preset", preset, PRESETS) if preset else None
    names = {"source": known.source, "target": known.target, "weight": known.weight} if known else {}
    return EdgeColumns(**names | {key: name for key, name in given.items() if name is not None})


def import_edges(
    edges: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    columns: EdgeColumns | None = None,
    delay_ms: float | None = None,
    neurons: str | os.PathLike[str] | None = None,
    id_column: str | None = None,
    preset: str | None = None,
    model: Model | None = None,
    weight_unit: float | None = None,
    population: str | None = None,
    edge_types: str | os.PathLike[str] | None = None,
    multapses: str = "keep",
    weights: str = ROUNDED,
    codec: str = RAW,
    memory: str | int = MEMORY,
    dt: float | None = None,
    jobs: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Circuit:
    """Import a list of edges and open the circuit.

    Parameters
    ----------
    edges : path
        ``.parquet``, ``.csv``, ``.csv.gz``, ``.npz`` (SciPy sparse: row = source, column = target), or ``.h5``
        (SONATA). It is read in pieces, two or three times.
    out : path
        Must not exist; appears only when complete. An import that was killed or ran out of disk goes on where it was
        when the same import of the same unchanged file is started again.
    columns : EdgeColumns, optional
        By default those of the preset, or ``source``, ``target``, ``weight``.
    delay_ms : float, optional
        One delay for all synapses, if the file has none.
    neurons : path, optional
        Table that lists every neuron; its order is the order of indices. By default the neurons that edges name.
    id_column : str, optional
        Column of original ids in the neuron table; by default ``id``, else the first.
    preset : str, optional
        A published model, see `neurograph.presets`.
    model : Model, optional
        `LIFExp` with its defaults, unless a preset says otherwise.
    weight_unit : float, optional
        What 1 in the weight column means, in the receptor's unit (1 by default); whole numbers are stored exactly.
    population : str, optional
        Which edges of a SONATA file, if it has several populations of them.
    edge_types : path, optional
        Table of SONATA edge types, with weights and delays that the file does not give by synapse.
    multapses : {"keep", "sum"}
        Keep synapses that join one pair of neurons apart, or add up those of one receptor and delay.
    weights : {"rounded", "exact"}
        What to do where weights have no common unit, see `neurograph.build`.
    codec : {"raw", "compressed"}
        Form of the rows on disk, see `neurograph.build`.
    memory : str or int
        Bytes, or text such as ``"1GiB"``, that the import may take beyond what it must know of each neuron.
    dt : float, optional
        Step in ms, 0.1 by default.

    Raises
    ------
    ArgumentError, DataError, CircuitExistsError
    """
    check_options(Path(out).absolute(), codec, multapses, memory, weights)
    known = find("preset", preset, PRESETS) if preset else None
    unit = weight_unit if weight_unit is not None else known.weight_unit if known else 1.0
    if not (np.isfinite(unit) and unit > 0):
        raise ArgumentError(f"weight unit is {unit}, it must be positive")
    network = Network(dt=dt if dt is not None else known.dt if known else 0.1)
    columns = columns or edge_columns(preset)
    file = _open(Path(edges), columns, known if neurons is None else None, population, edge_types)
    delay = known.delay if known and delay_ms is None and not file.has_delay else delay_ms
    if (delay is None) != file.has_delay:
        raise ArgumentError("give either one delay for all synapses (--delay-ms) or a column of delays (--delay)")
    table = None if neurons is None else _table_ids(neurons, id_column)
    survey = survey_edges(file, unit, find_ids=table is None)
    ids = survey.ids if table is None else table
    assert ids is not None
    network.recipe = {"name": "import", "edges": Path(edges).name, "preset": preset, "multapses": multapses}
    network.drive_defaults = known.drive_defaults if known else {}
    cells = network.population("neurons", len(ids), model or (known.model if known else LIFExp()), ids=ids)
    rule = FileEdges(file, survey.count, ids, ids, unit)
    delays = survey.delay if survey.delay is not None else delay
    assert delays is not None
    network.connect(cells, cells, rule, weight=survey.weight, delay=delays)
    # Whole numbers are stored as they are, or refused; what must be exact may take more than 16 bits.
    demanded = unit if survey.whole and weights == ROUNDED else None
    return build(
        out, network, weight_unit=demanded, multapses=multapses, weights=weights, codec=codec, memory=memory, jobs=jobs,
        progress=progress,
    )  # fmt: skip


class FileEdges(EdgeStream):
    """The synapses of a file, their ids looked up and their weights scaled.

    Parameters
    ----------
    sources, targets : (neurons,) int64
        Ids that the file uses, unique, in the order of the populations on both sides.
    unit : float
        What a weight of 1 in the file means, in the receptor's unit.
    """

    def __init__(self, file: EdgeFile, count: int, sources: Ids, targets: Ids, unit: float) -> None:
        self.count, self.identity = count, repr([*file.identity, unit])
        self._file, self._unit = file, unit
        self._sources = IdIndex(sources)
        self._targets = self._sources if targets is sources else IdIndex(targets)

    def pieces(self, start: int = 0) -> Iterator[EdgePiece]:
        """See `EdgeStream`."""
        for piece in self._file.pieces(start):
            source = self._find(self._sources, piece.source, "source", start)
            target = self._find(self._targets, piece.target, "target", start)
            yield EdgePiece(source, target, scaled(piece.weight, self._unit), piece.delay)
            start += len(piece.source)
        if start != self.count:
            raise DataError(f"{self._file.path} had {self.count} edges at first and has {start} now; leave it alone")

    def _find(self, table: IdIndex, ids: Ids, what: str, first: int) -> Ids:
        index, unknown = table.find(ids)
        if unknown < len(ids):
            raise DataError(
                f"{what} id {ids[unknown]} in row {first + unknown} of the edges is not in the neuron table"
            )
        return index


def _open(
    path: Path,
    columns: EdgeColumns,
    preset: Preset | None,
    population: str | None,
    edge_types: str | os.PathLike[str] | None,
) -> EdgeFile:
    """Open a file of edges by its ending."""
    if not path.name.endswith((*SUFFIXES, ".npz", ".h5")):
        endings = ", ".join((*SUFFIXES, ".npz", ".h5"))
        raise ArgumentError(f"{path} is not an edge list that can be read; allowed endings: {endings}")
    if not path.is_file():
        raise ArgumentError(f"no file {path}")
    if path.suffix in (".npz", ".h5") and columns != EdgeColumns():
        what = "a matrix" if path.suffix == ".npz" else "a SONATA file"
        raise ArgumentError(f"{path} is {what} and has no columns to name; one delay for all is given by --delay-ms")
    if path.suffix == ".h5":
        return SonataEdges(path, population, None if edge_types is None else Path(edge_types))
    if population is not None or edge_types is not None:
        raise ArgumentError(f"{path} is not a SONATA file, so --population and --edge-types say nothing")
    if path.suffix == ".npz":
        return MatrixEdges(path)
    names = (columns.source, columns.target, columns.weight, columns.delay)
    return TableEdges(path, names, (preset.source_index, preset.target_index) if preset else None)


def _table_ids(neurons: str | os.PathLike[str], id_column: str | None) -> Ids:
    table = Table(neurons)
    if not table.names:
        raise DataError(f"{neurons} has no columns")
    return table.integers(id_column or ("id" if "id" in table.names else table.names[0]))
