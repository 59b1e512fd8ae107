"""How is a table of edges read in pieces?

Parquet by batches within its row groups, CSV (also gzipped) block by block, both through Arrow and only the columns
that are needed. In CSV ids are read as integers and nothing else; weights as integers, until one is not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurograph.edge_files import FilePiece, file_identity
from neurograph.edges import PIECE
from neurograph.ids import Ids
from neurograph.tables import check_column, integers, numbers
from neurograph_storage.errors import DataError

# Arrow reads a column of a row group, and a block of CSV, this many bytes at a time.
_BUFFER, _BLOCK = 2**18, 2**18

Columns = tuple[str, str, str, str | None]


class TableEdges:
    """Edges in a Parquet or CSV file; a `neurograph.edge_files.EdgeFile`.

    Parameters
    ----------
    path : Path
    columns : (source, target, weight, delay)
        Names of the columns; no delay if None.
    index_columns : (str, str), optional
        Columns that give the row in the neuron table of sources and targets; ignored if one is missing.
    """

    ids: Ids | None = None
    counted = False

    def __init__(self, path: Path, columns: Columns, index_columns: tuple[str, str] | None = None) -> None:
        self.path, self._columns = path, columns
        self._parquet = path.suffix == ".parquet"
        # Of CSV only; int64 until a pass over the file finds otherwise.
        self._weight_type = pa.int64()
        self._names = self._read_names()
        for name in (name for name in columns if name is not None):
            check_column(name, self._names, path)
        indexed = index_columns is not None and set(index_columns) <= set(self._names)
        self._index = index_columns if indexed else None
        for name in self._index or ():
            check_column(name, self._names, path)
        self.has_delay = columns[3] is not None

    @property
    def identity(self) -> list[Any]:
        """See `EdgeFile`."""
        return [*file_identity(self.path), self._columns, self._index]

    def pieces(self, start: int = 0) -> Iterator[FilePiece]:
        """See `EdgeFile`."""
        source, target, weight, delay = self._columns
        names = [name for name in (*self._columns, *(self._index or ())) if name is not None]
        for row, batch in self._batches(names, start):
            yield FilePiece(
                integers(batch(source), source, self.path, row),
                integers(batch(target), target, self.path, row),
                numbers(batch(weight), weight, self.path, row),
                None if delay is None else numbers(batch(delay), delay, self.path, row).astype(np.float64),
                *(integers(batch(name), name, self.path, row) for name in self._index or ()),
            )

    def weights(self) -> Iterator[NDArray[Any]]:
        """See `EdgeFile`."""
        return self._numbers(self._columns[2])

    def delays(self) -> Iterator[NDArray[np.float64]]:
        """See `EdgeFile`."""
        assert self._columns[3] is not None
        return (values.astype(np.float64) for values in self._numbers(self._columns[3]))

    def widen(self) -> bool:
        """See `EdgeFile`."""
        before, self._weight_type = self._weight_type, pa.float64()
        return not self._parquet and before == pa.int64()

    def _numbers(self, name: str) -> Iterator[NDArray[Any]]:
        for row, batch in self._batches([name], 0):
            yield numbers(batch(name), name, self.path, row)

    def _read_names(self) -> list[str]:
        """Return the names of all columns."""
        with _named_damage(self.path):
            if self._parquet:
                with pq.ParquetFile(self.path) as file:
                    return list(file.schema_arrow.names)
            with pa_csv.open_csv(self.path, pa_csv.ReadOptions(block_size=_BLOCK)) as reader:
                return list(reader.schema.names)

    def _batches(self, names: list[str], start: int) -> Iterator[tuple[int, Any]]:
        """Yield the number of the first row of each batch, and a function that gives its column of a name."""
        with _named_damage(self.path):
            row = 0
            for skipped, batch in self._parquet_batches(names, start) if self._parquet else self._csv_batches(names):
                row += skipped
                drop = min(max(start - row, 0), batch.num_rows)
                for low in range(drop, batch.num_rows, PIECE):
                    piece = batch.slice(low, PIECE)
                    yield row + low, lambda name, piece=piece: piece.column(piece.schema.get_field_index(name))
                row += batch.num_rows

    def _parquet_batches(self, names: list[str], start: int) -> Iterator[tuple[int, Any]]:
        """Yield rows left out before each batch, and the batch; row groups that end before ``start`` are left out."""
        with pq.ParquetFile(self.path, buffer_size=_BUFFER, pre_buffer=False) as file:
            skipped, group = 0, 0
            sizes = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
            while group < len(sizes) and skipped + sizes[group] <= start:
                skipped, group = skipped + sizes[group], group + 1
            groups = list(range(group, len(sizes)))
            for batch in file.iter_batches(PIECE, row_groups=groups, columns=sorted(set(names))):
                yield skipped, batch
                skipped = 0

    def _csv_batches(self, names: list[str]) -> Iterator[tuple[int, Any]]:
        kinds = {name: pa.int64() for name in names}
        kinds |= {self._columns[2]: self._weight_type, **({self._columns[3]: pa.float64()} if self._columns[3] else {})}
        kinds = {name: kinds[name] for name in names}
        convert = pa_csv.ConvertOptions(column_types=kinds, include_columns=list(kinds))
        with pa_csv.open_csv(self.path, pa_csv.ReadOptions(block_size=_BLOCK), convert_options=convert) as reader:
            for batch in reader:
                yield 0, batch


@contextmanager
def _named_damage(path: Path) -> Iterator[None]:
    """Turn what Arrow says of a damaged file into a `DataError`."""
    try:
        yield
    except (OSError, EOFError, UnicodeError, pa.ArrowException) as error:
        if isinstance(error, pa.ArrowInvalid) and "conversion error" in str(error):
            problem = "holds something else than numbers, or ids that are not integers"
        else:
            problem = "cannot be read, it may be truncated"
        raise DataError(f"{path} {problem}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
