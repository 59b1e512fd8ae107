"""Build a synthetic circuit: ``python scripts/build_circuit.py RECIPE OUT [options]``, as ``neurograph build`` does."""

import sys

from neurograph.cli.main import call

if __name__ == "__main__":
    sys.exit(call(["build", *sys.argv[1:]]))
