"""How are the edges of a SONATA file read in pieces?

    /edges/<population>/source_node_id, target_node_id, edge_type_id      one entry a synapse
    /edges/<population>/0/syn_weight, delay, nsyns                        likewise, each only if it differs by synapse

What the file does not say of each synapse is looked up by edge type in a table of types (columns ``edge_type_id``,
``syn_weight``, ``delay``, ``nsyns``, separated by spaces). ``nsyns`` contacts of one weight count as their sum.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from neurograph.choices import find
from neurograph.edge_files import FilePiece, file_identity
from neurograph.edges import PIECE
from neurograph.ids import Ids
from neurograph.tables import check_column, check_finite, integers, numbers
from neurograph_storage.errors import ArgumentError, DataError

_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError)

# Where a value of a synapse comes from: a dataset of its own, or a value for each edge type.
Source = str | NDArray[Any]


class SonataEdges:
    """Edges in a SONATA file; a `neurograph.edge_files.EdgeFile`.

    Parameters
    ----------
    path : Path
    population : str, optional
        Which edges, if the file has several populations of them.
    types : Path, optional
        Table of edge types.
    within : bool
        Refuse edges from one population of nodes to another.
    factors : mapping, optional
        What the weights of an edge type are multiplied with, by its id; 1 for the others.

    Attributes
    ----------
    ends : (str, str)
        Names of the populations of sources and targets.

    Raises
    ------
    ArgumentError, DataError
    """

    ids: Ids | None = None
    counted = True

    def __init__(
        self,
        path: Path,
        population: str | None = None,
        types: Path | None = None,
        *,
        within: bool = True,
        factors: Mapping[int, float] | None = None,
    ) -> None:
        self.path, self._types_path, self._factors = path, types, dict(factors or {})
        self._types = _EdgeTypes(types) if types is not None else None
        self._group = "/"
        self._group = self._guarded(self._choose, population)
        self.ends: tuple[str, str] = self._guarded(self._name_ends)
        if within and self.ends[0] != self.ends[1]:
            raise DataError(
                f"edges in {path} lead from population {self.ends[0]!r} to {self.ends[1]!r}; "
                "only those within one population can be imported from a file of edges: import the network's .json"
            )
        self.count: int = self._guarded(self._check_lengths)
        self._weight, self._delay, self._contacts = (self._find(name) for name in ("syn_weight", "delay", "nsyns"))
        if self._weight is None:
            raise DataError(
                f"{path} has no syn_weight, neither of each synapse nor by edge type; give the types with --edge-types"
            )
        self.has_delay = self._delay is not None

    @property
    def identity(self) -> list[Any]:
        """See `EdgeFile`."""
        types = file_identity(self._types_path) if self._types_path is not None else None
        return [*file_identity(self.path), self._group, types, sorted(self._factors.items())]

    def pieces(self, start: int = 0) -> Iterator[FilePiece]:
        """See `EdgeFile`."""
        for low in range(start, self.count, PIECE):
            yield self._guarded(self._piece, low)

    def weights(self) -> Iterator[NDArray[Any]]:
        """See `EdgeFile`."""
        for low in range(0, self.count, PIECE):
            yield self._guarded(self._weights, low)

    def delays(self) -> Iterator[NDArray[np.float64]]:
        """See `EdgeFile`."""
        assert self._delay is not None
        for low in range(0, self.count, PIECE):
            yield self._guarded(self._delays, low)

    def widen(self) -> bool:
        """See `EdgeFile`; types are known."""
        return False

    def types(self, start: int) -> Ids:
        """Return the edge types of the piece that begins with synapse ``start``, (synapses,) int64."""
        found: Ids = self._guarded(self._ids, "edge_type_id", start)
        return found

    def _piece(self, group: Any, low: int) -> FilePiece:
        source, target = (self._ids(group, name, low) for name in ("source_node_id", "target_node_id"))
        delay = None if self._delay is None else self._delays(group, low)
        return FilePiece(source, target, self._weights(group, low), delay)

    def _weights(self, group: Any, low: int) -> NDArray[Any]:
        assert self._weight is not None
        weights = self._values(group, self._weight, "syn_weight", low)
        if self._contacts is not None:
            weights = weights * self._values(group, self._contacts, "nsyns", low)
        if self._factors:
            types = self._ids(group, "edge_type_id", low)
            for kind, factor in self._factors.items():
                weights = np.where(types == kind, weights * factor, weights)
        return weights

    def _delays(self, group: Any, low: int) -> NDArray[np.float64]:
        assert self._delay is not None
        return self._values(group, self._delay, "delay", low).astype(np.float64)

    def _values(self, group: Any, source: Source, name: str, low: int) -> NDArray[Any]:
        """Return a value of each synapse of a piece, int64 or float64."""
        if isinstance(source, str):
            values: NDArray[Any] = group[source][low : low + PIECE]
            if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
                raise DataError(f"{name} in {self.path} is stored as {values.dtype}; it must hold numbers")
            values = values.astype(np.int64 if np.issubdtype(values.dtype, np.integer) else np.float64)
            check_finite(values, f"{name} in {self.path}", low)
            return values
        assert self._types is not None
        return self._types.of(source, self._ids(group, "edge_type_id", low), name, low)

    def _ids(self, group: Any, name: str, low: int) -> Ids:
        values = group[name][low : low + PIECE]
        if not np.issubdtype(values.dtype, np.integer):
            raise DataError(f"{name} in {self.path} is stored as {values.dtype}; it must be integer")
        if len(values) and (values.min() < 0 or values.max() > np.iinfo(np.int64).max):
            raise DataError(f"{name} in {self.path} holds {values.max()}, which is no node id")
        return np.asarray(values, np.int64)

    def _find(self, name: str) -> Source | None:
        """Return where a value comes from; None if from nowhere."""
        if self._guarded(lambda group: f"0/{name}" in group):
            return f"0/{name}"
        return None if self._types is None else self._types.values(name)

    def _choose(self, file: Any, population: str | None) -> str:
        """Return the path of the edges meant."""
        if "edges" not in file or not isinstance(file["edges"], h5py.Group):
            raise DataError(f"{self.path} has no group 'edges', so it is not a file of SONATA edges")
        there = {name: f"edges/{name}" for name, group in file["edges"].items() if isinstance(group, h5py.Group)}
        if population is not None:
            return find("population of edges", population, there)
        if len(there) != 1:
            raise ArgumentError(
                f"{self.path} has {len(there)} populations of edges: {', '.join(there)}; choose one with --population"
            )
        return next(iter(there.values()))

    def _name_ends(self, group: Any) -> tuple[str, str]:
        ends = (group["source_node_id"].attrs, group["target_node_id"].attrs)
        source, target = (str(_text(end.get("node_population", end.get("network", "")))) for end in ends)
        return source, target

    def _check_lengths(self, group: Any) -> int:
        """Return the number of synapses, if all datasets have as many."""
        lengths = {name: group[name].shape for name in ("source_node_id", "target_node_id")}
        inner = group.get("0", {})
        lengths |= {name: inner[name].shape for name in ("syn_weight", "delay", "nsyns") if name in inner}
        lengths |= {name: group[name].shape for name in ("edge_type_id",) if name in group}
        count = lengths["source_node_id"]
        if len(count) != 1 or any(shape != count for shape in lengths.values()):
            raise DataError(f"datasets of {group.name} in {self.path} do not fit each other: {lengths}")
        if "1" in group:
            raise DataError(
                f"{group.name} in {self.path} has more than one group of synapses; only group 0 can be read"
            )
        for low in range(0, count[0], PIECE):
            if "edge_group_index" in group and (
                not np.array_equal(
                    group["edge_group_index"][low : low + PIECE], np.arange(low, min(low + PIECE, count[0]))
                )
            ):
                raise DataError(f"edge_group_index of {group.name} in {self.path} must count up from 0")
        return int(count[0])

    def _guarded(self, read: Callable[..., Any], *arguments: Any) -> Any:
        """Return what ``read`` gets of the open group of edges.

        Raises
        ------
        DataError
            For whatever a damaged file makes HDF5 say.
        """
        try:
            with h5py.File(self.path, "r") as file:
                return read(file[self._group], *arguments)
        except (ArgumentError, DataError):
            raise
        except _DAMAGE as error:
            raise DataError(f"{self.path} cannot be read as SONATA edges, it may be damaged: {error}") from error


class _EdgeTypes:
    """A table of edge types."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ArgumentError(f"no file {path}")
        self._path = path
        try:
            self._table = pa_csv.read_csv(path, parse_options=pa_csv.ParseOptions(delimiter=" "))
        except (OSError, EOFError, UnicodeError, pa.ArrowException) as error:
            raise DataError(f"{path} cannot be read: {(str(error).splitlines() or [''])[0]}") from error
        check_column("edge_type_id", self._table.column_names, path)
        ids = integers(self._table["edge_type_id"], "edge_type_id", path)
        self._order = np.argsort(ids)
        self._ids = ids[self._order]
        if len(np.unique(ids)) < len(ids):
            raise DataError(f"{path} has an edge_type_id more than once")

    def values(self, name: str) -> NDArray[Any] | None:
        """Return a column, ordered by type; None if there is none."""
        if name not in self._table.column_names:
            return None
        check_column(name, self._table.column_names, self._path)
        return numbers(self._table[name], name, self._path)[self._order]

    def of(self, values: NDArray[Any], types: Ids, name: str, first: int) -> NDArray[Any]:
        """Return the value of each synapse, by its type."""
        place = np.minimum(np.searchsorted(self._ids, types), len(self._ids) - 1)
        unknown = np.flatnonzero(self._ids[place] != types) if len(self._ids) else np.arange(len(types))
        if len(unknown):
            row = int(unknown[0])
            raise DataError(f"{self._path} has no edge type {types[row]}, whose {name} synapse {first + row} needs")
        found: NDArray[Any] = values[place]
        return found


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
