"""Several processes that run one circuit have its rows in memory once."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import neurograph as ng

TMPFS, ROLLUP = Path("/dev/shm"), Path("/proc/self/smaps_rollup")
PROCESSES = 3
# Says how it stands once all rows have been touched, and stays until it is told to end.
CODE = """
import json, sys
from pathlib import Path
import neurograph as ng
with ng.Simulation(sys.argv[1], seed=int(sys.argv[2]), workers=1) as sim:
    sim.inject(sim.circuit.ids, 1e5)
    sim.run(30.0)
    print(len(sim.spikes), flush=True)
    for question in sys.stdin:
        found, ours = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}, False
        for line in Path("/proc/self/smaps").read_text().splitlines():
            name, value = line.split()[0], line.split()[1]
            if "-" in name:
                ours = "rows/words" in line
            elif ours and name[:-1] in found:
                found[name[:-1]] += int(value) * 1024
        print(json.dumps(found), flush=True)
"""


@pytest.fixture
def circuit() -> Iterator[ng.Circuit]:
    """Lie on a file system in memory, whose pages are never read from a disk."""
    folder = Path(tempfile.mkdtemp(dir=TMPFS))
    try:
        yield ng.build(folder / "c.zarr", ng.recipes.random(neurons=4000, synapses_per_neuron=1000), seed=1)
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(not (TMPFS.is_dir() and ROLLUP.is_file()), reason="no file system in memory, or no /proc")
def test_processes_share_the_pages_of_a_circuit(circuit: ng.Circuit) -> None:
    """All have all pages; together they hold each page once."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, circuit.path, str(seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(PROCESSES)
    ]  # fmt: skip
    try:
        spikes = [int(process.stdout.readline()) for process in started]
        found = []
        for process in started:
            process.stdin.write("?\n")
            process.stdin.flush()
            found.append(json.loads(process.stdout.readline()))
    finally:
        for process in started:
            process.communicate("")
    words = 2 * circuit.store.counts.words
    assert min(spikes) >= circuit.neurons
    for each in found:
        assert each["Rss"] >= words
        assert each["Private_Clean"] + each["Private_Dirty"] == 0
    # A page counts for each process as the part that is its share; page cache of the builder's own does not count.
    assert sum(each["Pss"] for each in found) <= 1.05 * max(each["Rss"] for each in found)
