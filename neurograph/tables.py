"""How are the columns of a user's table read and checked?

Parquet and CSV (also gzipped) through Arrow. Ids must be stored as integers: they exceed 2^53, beyond which a
float no longer tells neighbours apart. Every complaint names file, column and, where there is one, the row.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurograph_storage.errors import ArgumentError, DataError

SUFFIXES = (".parquet", ".csv", ".csv.gz")


class Table:
    """A table in memory, its columns given out after checks.

    Parameters
    ----------
    path : path
        ``.parquet``, ``.csv`` or ``.csv.gz``.

    Raises
    ------
    ArgumentError
        If the file does not exist or its name has another ending.
    DataError
        If the file cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise ArgumentError(f"no file {self.path}")
        if not self.path.name.endswith(SUFFIXES):
            raise ArgumentError(f"{self.path} is not a table that can be read; allowed endings: {', '.join(SUFFIXES)}")
        try:
            parquet = self.path.suffix == ".parquet"
            self._table = pq.read_table(self.path) if parquet else pa_csv.read_csv(self.path)
        except (OSError, EOFError, pa.ArrowException) as error:
            raise DataError(f"{self.path} cannot be read, it may be truncated: {str(error).splitlines()[0]}") from error

    @property
    def names(self) -> list[str]:
        """Column names."""
        names: list[str] = self._table.column_names
        return names

    def integers(self, name: str) -> NDArray[np.int64]:
        """Return a column that must be stored as integers, (rows,) int64."""
        column = self._complete(name)
        if len(column) and not pa.types.is_integer(column.type):
            raise DataError(
                f"column {name!r} of {self.path} is stored as {column.type}; it must be integer: "
                "ids beyond 2^53 are damaged by floats, write the table again with int64"
            )
        return self._numpy(column, name, pa.int64()).astype(np.int64)

    def numbers(self, name: str) -> NDArray[Any]:
        """Return a column of finite numbers; int64 if stored as integers, else float64."""
        column = self._complete(name)
        if len(column) and not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            raise DataError(f"column {name!r} of {self.path} is stored as {column.type}; it must hold numbers")
        whole = pa.types.is_integer(column.type)
        values = self._numpy(column, name, pa.int64() if whole else pa.float64())
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise DataError(f"column {name!r} of {self.path} holds {values[row]} in row {row}; it must be finite")
        return values

    def texts(self, name: str) -> NDArray[Any]:
        """Return a column of text, (rows,) object."""
        column = self._complete(name)
        if len(column) and not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise DataError(f"column {name!r} of {self.path} is stored as {column.type}; it must be text")
        return np.array(column.to_pylist(), object)

    def _complete(self, name: str) -> Any:
        if self.names.count(name) > 1:
            raise DataError(f"{self.path} has more than one column {name!r}")
        if name not in self.names:
            raise DataError(f"{self.path} has no column {name!r}; it has {', '.join(map(repr, self.names))}")
        column = self._table[name]
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy())[0])
            raise DataError(f"column {name!r} of {self.path} has no value in row {row}")
        return column

    def _numpy(self, column: Any, name: str, kind: Any) -> NDArray[Any]:
        try:
            values: NDArray[Any] = column.cast(kind).to_numpy()
        except pa.ArrowInvalid as error:
            raise DataError(f"column {name!r} of {self.path} holds a number beyond {kind}: {error}") from error
        return values
