"""Runs a PyNN script as it stands: ``python -m neurograph.pynn SCRIPT.py neurograph [ARGUMENTS]``."""

import runpy
import sys

import neurograph.pynn  # noqa: F401 (makes the simulator known to PyNN)


def main() -> int:
    """Run the script that the first argument names; return the exit status."""
    if len(sys.argv) < 2:
        sys.stderr.write("usage: python -m neurograph.pynn SCRIPT.py neurograph [ARGUMENTS]\n")
        return 2
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
