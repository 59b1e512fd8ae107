"""What does a table of SONATA types say: of nodes, or of edges?

Text, one type a line, columns separated by spaces; ``NULL``, ``None`` and nothing mean that a type has no such value.
"""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from neurograph_storage.errors import ArgumentError, DataError

_NOTHING = ("", "NULL", "None", "nan", "NaN")


def read_types(path: str, key: str) -> dict[int, Mapping[str, str]]:
    """Return what each type says, as text, by the id in column ``key``.

    Raises
    ------
    ArgumentError, DataError
    """
    if not Path(path).is_file():
        raise ArgumentError(f"no file {path}")
    try:
        header = Path(path).read_text(encoding="utf-8").splitlines()[:1]
        names = header[0].split() if header else []
        table = pa_csv.read_csv(
            path,
            parse_options=pa_csv.ParseOptions(delimiter=" "),
            convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {(str(error).splitlines() or [''])[0]}") from error
    if key not in table.column_names:
        raise DataError(f"{path} has no column {key!r}; it has {', '.join(map(repr, table.column_names))}")
    rows = [{k: v for k, v in row.items() if v is not None and v not in _NOTHING} for row in table.to_pylist()]
    try:
        types: dict[int, Mapping[str, str]] = {int(row[key]): row for row in rows}
    except (KeyError, ValueError) as error:
        raise DataError(f"column {key!r} of {path} must hold whole numbers: {error}") from error
    if len(types) < len(rows):
        raise DataError(f"{path} has a {key} more than once")
    return types
