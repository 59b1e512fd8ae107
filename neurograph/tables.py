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
        return integers(self._column(name), name, self.path)

    def numbers(self, name: str) -> NDArray[Any]:
        """Return a column of finite numbers; int64 if stored as integers, else float64."""
        return numbers(self._column(name), name, self.path)

    def texts(self, name: str) -> NDArray[Any]:
        """Return a column of text, (rows,) object."""
        column = _complete(self._column(name), name, self.path, 0)
        if len(column) and not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise DataError(f"column {name!r} of {self.path} is stored as {column.type}; it must be text")
        return np.array(column.to_pylist(), object)

    def _column(self, name: str) -> Any:
        check_column(name, self.names, self.path)
        return self._table[name]


def check_column(name: str, names: list[str], path: Path) -> None:
    """Refuse a column that is not there exactly once.

    Raises
    ------
    DataError
    """
    if names.count(name) > 1:
        raise DataError(f"{path} has more than one column {name!r}")
    if name not in names:
        raise DataError(f"{path} has no column {name!r}; it has {', '.join(map(repr, names))}")


def integers(column: Any, name: str, path: Path, first: int = 0) -> NDArray[np.int64]:
    """Return an Arrow column that must be stored as integers, (rows,) int64; ``first`` is the number of its first row.

    Raises
    ------
    DataError
    """
    column = _complete(column, name, path, first)
    if len(column) and not pa.types.is_integer(column.type):
        raise DataError(
            f"column {name!r} of {path} is stored as {column.type}; it must be integer: "
            "ids beyond 2^53 are damaged by floats, write the table again with int64"
        )
    return _numpy(column, name, path, pa.int64()).astype(np.int64)


def numbers(column: Any, name: str, path: Path, first: int = 0) -> NDArray[Any]:
    """Return an Arrow column of finite numbers; int64 if stored as integers, else float64.

    Raises
    ------
    DataError
    """
    column = _complete(column, name, path, first)
    if len(column) and not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise DataError(f"column {name!r} of {path} is stored as {column.type}; it must hold numbers")
    whole = pa.types.is_integer(column.type)
    values = _numpy(column, name, path, pa.int64() if whole else pa.float64())
    check_finite(values, f"column {name!r} of {path}", first)
    return values


def check_finite(values: NDArray[Any], what: str, first: int = 0) -> None:
    """Refuse values that are not finite.

    Raises
    ------
    DataError
    """
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(f"{what} holds {values[row]} in row {first + row}; it must be finite")


def _complete(column: Any, name: str, path: Path, first: int) -> Any:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"column {name!r} of {path} has no value in row {first + row}")
    return column


def _numpy(column: Any, name: str, path: Path, kind: Any) -> NDArray[Any]:
    try:
        values: NDArray[Any] = column.cast(kind).to_numpy()
    except pa.ArrowException as error:
        raise DataError(f"column {name!r} of {path} holds a number beyond {kind}: {error}") from error
    return values
