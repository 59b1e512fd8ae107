"""Where do measured figures go, and which are there already?

``SUITE.json`` holds each figure with every run, and for each part of the suite the settings, the command, the machine
and the time it took; it is replaced as a whole after every figure, so that whatever ends a suite loses no more than the
part it was in. ``SUITE.csv`` is the same as a table.
"""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neurograph.bench.figures import Figure, machine
from neurograph_storage.errors import DataError
from neurograph_storage.publish import appearing

_COLUMNS = ("what", "value", "unit", "asked", "note")


class Record:
    """The figures of one suite, on the disk.

    Parameters
    ----------
    folder : Path
    suite, command : str
    fresh : bool
        Whether to begin with nothing, whatever is there.

    Raises
    ------
    DataError
        If what is there cannot be read.
    """

    def __init__(self, folder: Path, suite: str, command: str, *, fresh: bool = False) -> None:
        self.path, self._command = folder / f"{suite}.json", command
        self._content: dict[str, Any] = {"suite": suite, "parts": {}, "figures": []}
        if self.path.exists() and not fresh:
            self._content |= self._read()
        # Older files tell no parts apart: their figures cannot be gone on with.
        known = self._content["parts"]
        self._content["figures"] = [f for f in self._content["figures"] if known.get(f.get("part"), {}).get("complete")]
        self._content |= {"command": command, "machine": machine()}

    def holds(self, part: str, settings: dict[str, Any]) -> bool:
        """Return whether a part was measured to its end under these settings."""
        found = self._content["parts"].get(part)
        return bool(found and found.get("complete") and found["settings"] == settings)

    def seconds(self, part: str) -> float:
        """Return how long a part took."""
        return float(self._content["parts"][part]["seconds"])

    def begin(self, part: str, settings: dict[str, Any]) -> None:
        """Forget what is known of a part."""
        self._content["figures"] = [row for row in self._content["figures"] if row["part"] != part]
        described = {"settings": settings, "command": self._command, "machine": machine(), "complete": False}
        self._content["parts"][part] = described
        self.save()

    def add(self, part: str, figure: Figure) -> None:
        """Write a figure."""
        self._content["figures"].append(asdict(figure) | {"part": part})
        self.save()

    def finish(self, part: str, seconds: float) -> None:
        """Note that a part is complete."""
        self._content["parts"][part] |= {"complete": True, "seconds": round(seconds, 3)}
        self.save()

    def fail(self, part: str, why: str) -> None:
        """Note that a part could not be measured."""
        self._content["parts"][part]["failed"] = why
        self.save()

    def _read(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
        except ValueError as error:
            raise DataError(f"{self.path} is not a suite's figures: {error}; --fresh starts over") from error
        return {name: found[name] for name in ("parts", "figures") if name in found}

    def save(self) -> None:
        """Write all there is."""
        with appearing(self.path) as new:
            new.write_text(json.dumps(self._content, indent=1) + "\n")
        with self.path.with_suffix(".csv").open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(_COLUMNS)
            table.writerows([[row[name] for name in _COLUMNS] for row in self._content["figures"]])
