"""When is compiled code, kept on disk, out of date?

Numba looks at the file of the one function that it kept. What a kernel calls is compiled into it, mostly from other
files, and a changed layout of an array concerns all: so code is kept only as long as all of our files with kernels stay
as they are. Which release made it, and when its files were written, does not matter.
"""

import importlib.util
import zlib
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGES = ("neurograph_storage", "neurograph")


@cache
def checksum() -> int:
    """Return a checksum of the text of all our modules that compile something."""
    specs = [importlib.util.find_spec(name) for name in _PACKAGES]
    folders = [Path(folder) for spec in specs if spec for folder in spec.submodule_search_locations or ()]
    texts = (path.read_bytes() for folder in folders for path in sorted(folder.rglob("*.py")))
    value = 0
    for text in texts:
        if b"jit" in text or b"numba" in text:
            value = zlib.crc32(text, value)
    return value


def keep_while_unchanged(function: Any) -> None:
    """Have numba compile a function anew if what it kept was made when any of our modules was another."""
    file = getattr(function._cache, "_cache_file", None)
    # A function that is not kept has no file.
    if file is not None:
        file._source_stamp = (*file._source_stamp, checksum())
