"""How is damage to the small files of a circuit found, those that are no chunks of an array with checksums?

``files.json`` lists the CRC-32C of every metadata file and of every chunk of a checksum array, by path. Opening a
circuit compares what it reads; `neurograph_storage.verify` compares them all.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import google_crc32c

from neurograph_storage.errors import CorruptionError

MANIFEST = "files.json"


def _listed(folder: Path) -> Iterator[Path]:
    yield from sorted([*folder.rglob("zarr.json"), *folder.glob("checksums/*/c/*")])


def write_manifest(folder: Path) -> None:
    """List the files of a complete circuit as they are now."""
    sums = {str(path.relative_to(folder)): google_crc32c.value(path.read_bytes()) for path in _listed(folder)}
    (folder / MANIFEST).write_text(json.dumps(sums, indent=1, sort_keys=True) + "\n")


class Manifest:
    """The list of a circuit's files.

    Raises
    ------
    CorruptionError
        If the list is missing or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / MANIFEST
        try:
            self._sums: dict[str, int] = dict(json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise CorruptionError(f"list of files {self._path} cannot be read: {error}", path=self._path) from error

    def read(self, path: Path) -> bytes:
        """Return the content of a listed file.

        Raises
        ------
        CorruptionError
            If it is missing, not listed, or not what it was.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CorruptionError(f"file {path} cannot be read: {error.strerror}", path=path) from error
        if self._sums.get(str(path.relative_to(self._folder))) != google_crc32c.value(content):
            raise CorruptionError(f"file {path} is damaged, or {self._path} is: they disagree", path=path)
        return content

    def damaged(self) -> Iterator[CorruptionError]:
        """Yield an error for every file that is not what the list says, or that the list does not name."""
        for name in sorted({*self._sums, *(str(path.relative_to(self._folder)) for path in _listed(self._folder))}):
            try:
                self.read(self._folder / name)
            except CorruptionError as error:
                yield error
