"""How are sizes in bytes written and read?

Binary units for what we print (KiB, MiB, GiB); both families are read, as people write them.
"""

import re

from neurograph_storage.errors import ArgumentError

KIB, MIB, GIB = 2**10, 2**20, 2**30

_UNITS = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS[_letter] = _UNITS[_letter + "ib"] = 1024**_power
    _UNITS[_letter + "b"] = 1000**_power

_PATTERN = re.compile(r"\s*(\d+(?:\.\d*)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_size(text: str | int) -> int:
    """Return bytes for ``"2GiB"``, ``"500MB"``, ``"1.5G"`` or a plain number.

    Raises
    ------
    ArgumentError
        If the text is not a positive size.

    Examples
    --------
    >>> parse_size("2GiB"), parse_size("500MB"), parse_size(4096)
    (2147483648, 500000000, 4096)
    """
    match = _PATTERN.fullmatch(str(text))
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None or float(match[1]) * unit < 1:
        raise ArgumentError(f"size {text!r} is not understood; write it like 2GiB, 500MB or 4096")
    return int(float(match[1]) * unit)


def format_size(size: float) -> str:
    """Return bytes as people read them.

    Examples
    --------
    >>> format_size(630_000_000)
    '600.8 MiB'
    """
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
