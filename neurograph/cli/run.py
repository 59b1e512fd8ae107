"""``neurograph run``: simulate a circuit."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from neurograph.simulation import Simulation

COMPILING = "compiling the kernels, which is done once and then kept: up to a minute"
INTERRUPTED, TERMINATED = 130, 143
PORT = 8642


@click.command()
@click.argument("circuit", type=click.Path())
@click.option("--duration", type=float, required=True, metavar="MS", help="Simulated time from the beginning, in ms.")
@click.option("--memory", metavar="SIZE", help="Memory budget, such as 4GiB.  [default: 60 % of what there is]")
@click.option(
    "--workers",
    type=int,
    help="Threads; results are the same for any number.  [default: by circuit and machine]",
)
@click.option(
    "--prefetch",
    metavar="POLICY",
    default="exact",
    show_default=True,
    help="What is read before it is needed, if rows do not fit: none, exact, layout, learned or oracle.",
)
@click.option("--known", type=click.Path(), metavar="FILE", help="Spikes of an earlier run, for --prefetch oracle.")
@click.option("--seed", type=int, help="Decides noise and start values.  [default: 0]")
@click.option(
    "--drive",
    type=click.Path(),
    help="Events from outside: a table of step or time_ms, index or neuron, [receptor], [weight]; or SONATA spikes.",
)
@click.option(
    "--spikes",
    type=click.Path(),
    help="Write spikes to this file: .parquet, as they come; .csv or .h5 (SONATA), at the end.",
)
@click.option(
    "--checkpoint", type=click.Path(), metavar="FILE", help="At the end, write all that the run needs to go on."
)
@click.option("--checkpoint-every", type=float, metavar="MS", help="And each time so many ms have been simulated.")
@click.option("--resume", type=click.Path(), metavar="FILE", help="Take up the run of this checkpoint.")
@click.option(
    "--save",
    type=click.Path(),
    metavar="FOLDER",
    help="Keep spikes, rates, figures and their course over time in this folder.",
)
@click.option("--live", is_flag=True, help="Show the run in a browser while it goes on; on this machine only.")
@click.option("--port", type=click.IntRange(0, 65535), help="For --live; 0 for any.  [default: 8642]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all figures.")
def run(
    circuit: str,
    duration: float,
    spikes: str | None,
    checkpoint: str | None,
    checkpoint_every: float | None,
    save: str | None,
    live: bool,
    port: int | None,
    as_json: bool,
    **options: Any,
) -> int:
    r"""Simulate CIRCUIT.

    Ctrl-C ends a run between two steps: spikes so far are kept, and with --checkpoint it can be taken up.

    \b
    Example:
      neurograph run cortex.zarr --duration 1000 --seed 1 --spikes spikes.parquet
      neurograph run cortex.zarr --duration 60000 --save run1 --checkpoint run1.check --checkpoint-every 1000
      neurograph run cortex.zarr --duration 60000 --save run1 --resume run1.check
      neurograph run cortex.zarr --duration 60000 --live
    """
    from neurograph.cli.progress import progress_bar
    from neurograph.interrupts import Terminated, termination

    _check(duration, checkpoint, checkpoint_every)
    if port is not None and not live:
        raise click.UsageError("--port needs --live")
    with termination():
        sim, folder = _begin(circuit, spikes=spikes, save=save, **options)
        ended, status = "complete", 0
        try:
            with sim, _shown(sim, live, port) as show, progress_bar("running", " steps", waiting=COMPILING) as progress:

                def told(done: int, of: int) -> None:
                    progress(done, of)
                    show()

                _advance(sim, duration, told, checkpoint, checkpoint_every)
        except KeyboardInterrupt as stop:
            ended, status = "interrupted", TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
        except Exception as error:
            if sim.spike_file is not None and sim.spike_file.exists():
                click.echo(f"spikes up to {sim.now:g} ms are in {sim.spike_file}", err=True)
            _keep(sim, spikes, folder, str(error), failed=True)
            raise
        _keep(sim, spikes, folder, ended, failed=False)
    if as_json:
        click.echo(json.dumps(sim.statistics.as_dict()))
    elif not status:
        _tell(sim, spikes)
    if status:
        click.echo(f"Error: {_how_to_go_on(sim, ended, checkpoint)}", err=True)
    return status


def _check(duration: float, checkpoint: str | None, checkpoint_every: float | None) -> None:
    """Refuse what cannot be, before anything is opened or made."""
    from neurograph.checkpoint import check_checkpoint_path
    from neurograph_storage.errors import ArgumentError

    if not 0 <= duration < float("inf"):
        raise ArgumentError(f"duration is {duration} ms, it must be at least 0")
    if checkpoint is not None:
        check_checkpoint_path(checkpoint)
    elif checkpoint_every is not None:
        raise ArgumentError("--checkpoint-every needs --checkpoint, the file to write to")


def _as_they_come(spikes: str) -> bool:
    """Return whether spikes go to a file while the run goes on, rather than from memory at its end."""
    return spikes.endswith(".parquet")


def _begin(
    circuit: str, *, spikes: str | None, save: str | None, resume: str | None, seed: int | None, drive: str | None,
    memory: str | None, workers: int | None, prefetch: str, known: str | None,
) -> "tuple[Simulation, Path | None]":  # fmt: skip
    """Return the simulation, new or taken up, and the folder that it is saved in."""
    from neurograph.checkpoint import Checkpoint
    from neurograph.circuit import Circuit
    from neurograph.events import lost_spikes
    from neurograph.foresight import Prefetch
    from neurograph.formats.drives import read_drive
    from neurograph.formats.spike_files import ENDINGS, load_spikes
    from neurograph.record import check_spike_path
    from neurograph.run_folder import SPIKES, prepare_folder
    from neurograph.simulation import Simulation

    if spikes is not None:
        check_spike_path(spikes, ENDINGS)
    opened = Circuit(circuit)
    policy = Prefetch(prefetch, None if known is None else load_spikes(known, opened))
    events = None if drive is None else read_drive(drive, opened)
    if events is not None and (lost := lost_spikes(opened, events)):
        click.echo(f"{lost:,} of {len(events.step):,} events of {drive} tell a source to spike in a step in which it"
                   " does already, and say nothing: a smaller dt keeps them apart", err=True)  # fmt: skip
    saved = None if resume is None else Checkpoint(resume)
    folder = None if save is None else prepare_folder(save, goes_on=saved is not None)
    file: str | Path | bool | None = spikes if spikes is not None or folder is None else folder / SPIKES
    if spikes is not None and not _as_they_come(spikes):
        file = True
    try:
        if saved is None:
            new = Simulation(
                opened,
                memory=memory,
                workers=workers,
                seed=seed or 0,
                drive=events,
                spikes=file or False,
                prefetch=policy,
            )
            return new, folder
        goes_on = None if saved.position else False
        taken_up = Simulation.resume(
            saved,
            opened,
            memory=memory,
            workers=workers,
            seed=seed,
            drive=events,
            spikes=file or goes_on,
            prefetch=policy,
        )
        return taken_up, folder
    except BaseException:
        if folder is not None:
            with suppress(OSError):
                folder.rmdir()
        raise


def _advance(
    sim: "Simulation", duration: float, progress: Any, checkpoint: str | None, checkpoint_every: float | None
) -> None:
    """Run up to a time; if that is interrupted between two steps, write a checkpoint there."""
    from neurograph_storage.errors import ArgumentError

    if duration < sim.now - sim.circuit.dt / 2:
        raise ArgumentError(f"duration is {duration:g} ms, but the checkpoint is at {sim.now:g} ms: give more")
    try:
        rest = max(0.0, duration - sim.now)
        sim.run(rest, progress=progress, checkpoint=checkpoint, checkpoint_every=checkpoint_every)
    except KeyboardInterrupt:
        if checkpoint is not None and sim.can_go_on:
            sim.checkpoint(checkpoint)
        raise


@contextmanager
def _shown(sim: "Simulation", live: bool, port: int | None) -> "Iterator[Callable[[], None]]":
    """Yield what is to be called while the run goes on, for a browser to follow it."""
    if not live:
        yield lambda: None
        return
    from neurograph.report.live import LiveView

    with LiveView(sim, port=PORT if port is None else port, command=_command()) as view:
        click.echo(f"live view at {view.url}", err=True)
        yield view.show


def _command() -> str:
    return shlex.join(["neurograph", *sys.argv[1:]])


def _keep(sim: "Simulation", spikes: str | None, folder: Path | None, ended: str, *, failed: bool) -> None:
    """Write what is written at the end; where the run failed, an error in that is said and does not hide the first."""
    from neurograph.formats.spike_files import write_spikes
    from neurograph.run_folder import write_run
    from neurograph_storage.errors import NeuroGraphError

    writes: list[Callable[[], object]] = []
    if spikes is not None and not _as_they_come(spikes):
        writes.append(lambda: write_spikes(spikes, sim.spikes, sim.circuit))
    if folder is not None:
        writes.append(lambda: write_run(folder, sim, ended=ended, command=_command()))
    for write in writes:
        try:
            write()
        except (NeuroGraphError, OSError) as error:
            if not failed:
                raise
            click.echo(f"what there was before the error cannot be written either: {error}", err=True)


def _how_to_go_on(sim: "Simulation", ended: str, checkpoint: str | None) -> str:
    parts = [f"{ended} at {sim.now:g} ms"]
    if sim.spike_file is not None and sim.spike_file.exists():
        parts.append(f"spikes so far are in {sim.spike_file}")
    if checkpoint is not None and sim.can_go_on:
        parts.append(f"go on with --resume {checkpoint}")
    return "; ".join(parts)


def _tell(sim: "Simulation", spikes: str | None) -> None:
    figures = sim.statistics
    rate = figures.spikes / max(figures.neurons, 1) / max(figures.duration_ms / 1000.0, 1e-12)
    wall = f"{figures.wall_s:.2f} s of wall time"
    click.echo(f"{figures.duration_ms:g} ms in {wall} (real-time factor {figures.real_time_factor:.2f})")
    click.echo(f"{figures.spikes:,} spikes, mean rate {rate:.2f} Hz")
    click.echo(f"{figures.synaptic_events:,} synaptic events, {figures.events_per_s / 1e6:.1f} million a second")
    if sim.spike_file is not None or spikes is not None:
        click.echo(f"spikes written to {sim.spike_file or spikes}")
