"""``neurograph export``: a circuit, or the spikes of one, in another format."""

import click


@click.command()
@click.argument("source", type=click.Path())
@click.argument("out", type=click.Path())
@click.option("--neurons", type=click.Path(), help="Also write the table of all neurons (.parquet or .csv) here.")
@click.option("--circuit", type=click.Path(), help="If SOURCE is a file of spikes: whose they are.")
def export(source: str, out: str, neurons: str | None, circuit: str | None) -> None:
    r"""Write SOURCE, a circuit, to OUT in the format of its ending; or SOURCE, a file of spikes, to another one.

    \b
    Circuits: .parquet, .csv, .csv.gz (synapses), .npz (SciPy), none or .sonata (a folder: a SONATA network).
    Spikes: .parquet, .csv, .csv.gz, .h5 (SONATA).
    \b
    Example:
      neurograph export cortex.zarr edges.parquet --neurons neurons.parquet
      neurograph export cortex.zarr cortex.sonata
      neurograph export spikes.parquet spikes.h5 --circuit cortex.zarr
    """
    from pathlib import Path

    from neurograph.cli.progress import progress_bar
    from neurograph.formats.export import export_circuit
    from neurograph_storage.errors import ArgumentError

    if Path(source).is_file():
        if circuit is None:
            raise ArgumentError(f"{source} is a file of spikes; say whose they are with --circuit")
        _spikes(source, out, circuit)
        return
    with progress_bar("exporting", " synapses") as progress:
        export_circuit(source, out, neurons=neurons, progress=progress)
    click.echo(f"{source} written to {out}")


def _spikes(source: str, out: str, circuit: str) -> None:
    from neurograph.circuit import Circuit
    from neurograph.formats.spike_files import ENDINGS, load_spikes, write_spikes
    from neurograph.record import check_spike_path

    check_spike_path(out, ENDINGS)
    opened = Circuit(circuit)
    spikes = load_spikes(source, opened)
    write_spikes(out, spikes, opened)
    click.echo(f"{len(spikes):,} spikes written to {out}")
