"""Run PyNN's own examples and system-test scenarios, unchanged, and write the table of docs/pynn.md.

    python scripts/try_pynn.py FOLDER

FOLDER is an unpacked source release of PyNN (``pip download --no-binary :all: --no-deps PyNN``, then unpack).
"""

import sys
from pathlib import Path

from neurograph.pynn.trying import table, try_all


def main() -> int:
    """Print the table; return 0."""
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "examples").is_dir():
        sys.stderr.write(f"{__doc__}\n")
        return 2
    print(table(try_all(Path(sys.argv[1]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
