"""``neurograph run``: simulate a circuit."""

import click

COMPILING = "compiling the kernels, which is done once and then kept: some 15 s"


@click.command()
@click.argument("circuit", type=click.Path())
@click.option("--duration", type=float, required=True, metavar="MS", help="Simulated time, in ms.")
@click.option("--memory", metavar="SIZE", help="Memory budget, such as 4GiB.  [default: 60 % of what there is]")
@click.option(
    "--workers",
    type=int,
    help="Threads; results are the same for any number.  [default: by circuit and machine]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides noise and start values.")
@click.option(
    "--drive",
    type=click.Path(),
    help="Events from outside: a table of step or time_ms, index or neuron, [receptor], [weight]; or SONATA spikes.",
)
@click.option("--spikes", type=click.Path(), help="Write spikes to this file: .parquet, .csv or .h5 (SONATA).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with all figures.")
def run(
    circuit: str,
    duration: float,
    memory: str | None,
    workers: int | None,
    seed: int,
    drive: str | None,
    spikes: str | None,
    as_json: bool,
) -> None:
    r"""Simulate CIRCUIT.

    \b
    Example:
      neurograph run cortex.zarr --duration 1000 --seed 1 --spikes spikes.parquet
    """
    import json

    from neurograph.circuit import Circuit
    from neurograph.cli.progress import progress_bar
    from neurograph.formats.drives import read_drive
    from neurograph.formats.spike_files import check_spike_path, write_spikes
    from neurograph.simulation import Simulation

    if spikes is not None:
        check_spike_path(spikes)
    opened = Circuit(circuit)
    events = None if drive is None else read_drive(drive, opened)
    with Simulation(opened, memory=memory, workers=workers, seed=seed, drive=events) as sim:
        with progress_bar("running", " steps", waiting=COMPILING) as progress:
            sim.run(duration, progress=progress)
        if spikes is not None:
            write_spikes(spikes, sim.spikes, opened)
        figures = sim.statistics
    if as_json:
        click.echo(json.dumps(figures.as_dict()))
        return
    rate = figures.spikes / max(opened.neurons, 1) / max(duration / 1000.0, 1e-12)
    wall = f"{figures.wall_s:.2f} s of wall time"
    click.echo(f"{figures.duration_ms:g} ms in {wall} (real-time factor {figures.real_time_factor:.2f})")
    click.echo(f"{figures.spikes:,} spikes, mean rate {rate:.2f} Hz")
    click.echo(f"{figures.synaptic_events:,} synaptic events, {figures.events_per_s / 1e6:.1f} million a second")
    if spikes is not None:
        click.echo(f"spikes written to {spikes}")
