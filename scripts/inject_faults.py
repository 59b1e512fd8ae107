"""Break things on purpose and count what is lost: ``python scripts/inject_faults.py FAULT FOLDER --rounds N --seed S``.

| fault | what is done | what must hold |
|---|---|---|
| kill-build, kill-import | ``kill -9`` at a random moment | complete, or refused by `open`; then the same bytes |
| kill-run | ``kill -9`` at a random moment, a checkpoint now and then | one interval is lost at most; the same spikes |
| flip | one bit of one file is turned | `verify` names the file; `run` does not deliver from it |
| full-build, full-import | a disk too small (root only) | nothing published, the size named; done once there is room |
| slow-disk | reads come late and in pieces, at random | the same spikes |
| limit-memory | a control group of the budget and 300 MiB (root only) | the same spikes |

``all`` mixes them, a fault drawn anew for each round. Ends with a table of what was tried and what was lost; exit
status 1 if anything was.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from faults.common import BUILD, DEGREE, IMPORT, NEURONS, Lost, Rounds
from faults.damage import flip_rounds
from faults.disks import can_mount, full_rounds, slow_rounds
from faults.killing import kill_rounds, kill_run_rounds
from faults.memory import limit_rounds
from neurograph.bench.limited import can_limit
from neurograph.cli.main import run_command

FAULTS = ["kill-build", "kill-import", "kill-run", "flip", "full-build", "full-import", "slow-disk", "limit-memory"]
ALL = "all"


def edge_list(folder: Path) -> Path:
    """Write a list of edges of which several runs must be sorted."""
    rng, path = np.random.default_rng(1), folder / "edges.parquet"
    count = NEURONS * DEGREE
    columns = {name: rng.integers(0, NEURONS, count) for name in ("source", "target")}
    pq.write_table(pa.table(columns | {"weight": rng.integers(1, 50, count)}), path, row_group_size=50_000)
    return path


def rounds_of(fault: str, folder: Path, rng: np.random.Generator) -> Rounds:
    """Return the rounds of one fault, in a folder of its own."""
    folder.mkdir(parents=True)
    command = [*IMPORT[:1], str(edge_list(folder)), *IMPORT[1:]] if fault.endswith("import") else BUILD
    kinds: dict[str, Callable[[], Rounds]] = {
        "kill-run": lambda: kill_run_rounds(folder, rng),
        "flip": lambda: flip_rounds(folder, rng),
        "slow-disk": lambda: slow_rounds(folder, rng),
        "limit-memory": lambda: limit_rounds(folder, rng),
    }
    if fault in kinds:
        return kinds[fault]()
    return kill_rounds(folder, rng, command) if fault.startswith("kill") else full_rounds(folder, command)


def possible() -> list[str]:
    """Return the faults that can be made here."""
    root = os.geteuid() == 0 and can_mount()
    groups = can_limit()
    return [f for f in FAULTS if (root or not f.startswith("full")) and (groups or f != "limit-memory")]


@click.command()
@click.argument("fault", type=click.Choice([ALL, *FAULTS]))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--rounds", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(fault: str, folder: Path, rounds: int, seed: int) -> int:
    """Inject FAULT for a number of rounds, in FOLDER, which is made and must not exist."""
    folder.mkdir(parents=True)
    rng, faults = np.random.default_rng(seed), possible() if fault == ALL else [fault]
    for missing in sorted(set(FAULTS) - set(faults)) if fault == ALL else []:
        click.echo(f"{missing} cannot be tried here")
    made: dict[str, Rounds] = {}
    tried, lost = dict.fromkeys(faults, 0), dict.fromkeys(faults, 0)
    for number in range(rounds):
        # Each at least once, if there are enough rounds.
        chosen = faults[number] if number < len(faults) else str(rng.choice(faults))
        tried[chosen] += 1
        try:
            if chosen not in made:
                made[chosen] = rounds_of(chosen, folder / chosen, rng)
            click.echo(f"{number + 1:>4}  {chosen:<13}{next(made[chosen])()}")
        except Lost as what:
            lost[chosen] += 1
            click.echo(f"{number + 1:>4}  {chosen:<13}LOST: {what}")
    if fault == ALL:
        click.echo(f"{'fault':<14}{'rounds':>7}{'lost':>6}")
        for name in faults:
            click.echo(f"{name:<14}{tried[name]:>7}{lost[name]:>6}")
    click.echo(f"{fault}: {rounds} rounds, {sum(lost.values())} lost")
    return 1 if any(lost.values()) else 0


if __name__ == "__main__":
    sys.exit(run_command(main, sys.argv[1:]))
