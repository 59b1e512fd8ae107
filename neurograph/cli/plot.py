"""``neurograph plot``: look at spikes, at traces, or at how a circuit is wired."""

from pathlib import Path

import click


@click.command()
@click.argument("what", type=click.Path())
@click.argument("out", type=click.Path(), required=False)
@click.option("--start", type=float, metavar="MS", help="Draw from this time on.")
@click.option("--stop", type=float, metavar="MS", help="Draw up to this time.")
@click.option("--neurons", type=click.IntRange(min=1), default=1000, show_default=True, help="Neurons in the raster.")
@click.option("--circuit", type=click.Path(), help="The circuit, to give rates per neuron, silent ones included.")
def plot(
    what: str, out: str | None, start: float | None, stop: float | None, neurons: int, circuit: str | None
) -> None:
    r"""Draw WHAT to OUT (.png, .svg or .pdf; by default beside WHAT, as .png).

    \b
    Of spikes (.parquet, .csv, SONATA .h5) or the folder of a run: raster and population rates.
    Of a trace (trace-N.parquet): the variable against time.
    Of a circuit: degrees, delays, and which parts project to which.

    \b
    Example:
      neurograph plot spikes.parquet raster.png --start 200 --stop 400
      neurograph plot cortex.zarr wiring.png
    """
    from neurograph.plot_traces import is_trace, plot_traces

    source = Path(what)
    target = out or str(source.with_name(source.name.removesuffix(".gz")).with_suffix(".png"))
    if (source / "zarr.json").exists():
        from neurograph.circuit import Circuit
        from neurograph.plot_circuit import plot_circuit

        _refuse({"--start": start, "--stop": stop, "--circuit": circuit}, "a circuit")
        plot_circuit(Circuit(source), target)
    elif is_trace(source):
        _refuse({"--circuit": circuit}, "a trace")
        plot_traces(source, target, start=start, stop=stop)
    else:
        _plot_spikes(source, target, start, stop, neurons, circuit)
    click.echo(f"picture written to {target}")


def _refuse(options: dict[str, object], what: str) -> None:
    from neurograph_storage.errors import ArgumentError

    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ArgumentError(f"{given[0]} says nothing of {what}; leave it out")


def _plot_spikes(
    source: Path, out: str, start: float | None, stop: float | None, neurons: int, circuit: str | None
) -> None:
    from neurograph.circuit import Circuit
    from neurograph.formats.spike_files import read_spikes
    from neurograph.plot import ONLY_POPULATION, Activity, plot_activity
    from neurograph.run_folder import SPIKES, STATISTICS, read_statistics

    opened, sizes = None if circuit is None else Circuit(circuit), None
    if (source / STATISTICS).exists():
        sizes = read_statistics(source)["circuit"]["populations"]
        source = source / SPIKES
    if opened is not None:
        sizes = {population.name: population.size for population in opened.populations.values()}
    if sizes is not None and len(sizes) == 1:
        # Spike files do not name the population where there is only one.
        sizes = {ONLY_POPULATION: sum(sizes.values())}
    activity = Activity(*read_spikes(source, opened))
    plot_activity(activity, out, start=start, stop=stop, max_neurons=neurons, sizes=sizes)
