"""``neurograph plot``: look at spikes."""

import click


@click.command()
@click.argument("spikes", type=click.Path())
@click.argument("out", type=click.Path(), required=False)
@click.option("--start", type=float, metavar="MS", help="Draw from this time on.")
@click.option("--stop", type=float, metavar="MS", help="Draw up to this time.")
@click.option("--neurons", type=click.IntRange(min=1), default=1000, show_default=True, help="Neurons in the raster.")
@click.option("--circuit", type=click.Path(), help="The circuit, to give rates per neuron, silent ones included.")
def plot(
    spikes: str, out: str | None, start: float | None, stop: float | None, neurons: int, circuit: str | None
) -> None:
    r"""Draw raster and population rates of SPIKES, a file that run wrote, to OUT (.png, .svg or .pdf).

    \b
    Example:
      neurograph plot spikes.parquet raster.png --start 200 --stop 400
    """
    from pathlib import Path

    from neurograph.circuit import Circuit
    from neurograph.plot import ONLY_POPULATION, Activity, plot_activity
    from neurograph.record import read_spikes

    target = out or str(Path(spikes).with_suffix(".png"))
    sizes = None if circuit is None else {p.name: p.size for p in Circuit(circuit).populations.values()}
    if sizes is not None and len(sizes) == 1:
        # Spike files do not name the population where there is only one.
        sizes = {ONLY_POPULATION: sum(sizes.values())}
    plot_activity(Activity(*read_spikes(spikes)), target, start=start, stop=stop, max_neurons=neurons, sizes=sizes)
    click.echo(f"picture written to {target}")
