"""``neurograph import``: a circuit from a list of edges."""

import click


@click.command("import")
@click.argument("edges", type=click.Path())
@click.argument("out", type=click.Path())
@click.option("--preset", help="A published model that knows columns, neuron model, units and delay: shiu2024.")
@click.option("--source", metavar="COLUMN", help="Column of source ids.  [default: source]")
@click.option("--target", metavar="COLUMN", help="Column of target ids.  [default: target]")
@click.option("--weight", metavar="COLUMN", help="Column of weights; negative ones are inhibitory.  [default: weight]")
@click.option("--delay", metavar="COLUMN", help="Column of delays in ms.")
@click.option("--delay-ms", type=float, help="One delay for all synapses, in ms.")
@click.option("--neurons", type=click.Path(), help="Table of all neurons, one row each; its order is the index.")
@click.option(
    "--id",
    "id_column",
    metavar="COLUMN",
    help="Column of ids in the table of neurons.  [default: id, or the first]",
)
@click.option("--model", metavar="NAME", help="Neuron model with its default parameters.  [default: LIFExp]")
@click.option("--weight-unit", type=float, help="What 1 in the weight column means, in pA or mV.  [default: 1]")
@click.option("--population", metavar="NAME", help="Which edges of a SONATA file, if it has several populations.")
@click.option("--edge-types", type=click.Path(), help="Table of SONATA edge types: their weights and delays.")
@click.option(
    "--multapses",
    type=click.Choice(["keep", "sum"]),
    default="keep",
    show_default=True,
    help="Keep synapses of one pair of neurons apart, or add up those of one receptor and delay.",
)
@click.option("--codec", default="raw", show_default=True, help="Form of the rows on disk: raw or compressed.")
@click.option("--memory", default="1GiB", show_default=True, help="Memory beyond what each neuron takes.")
@click.option("--dt", type=float, help="Step in ms.  [default: 0.1]")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker threads; by default one for each processor.")
def import_command(
    edges: str,
    out: str,
    preset: str | None,
    source: str | None,
    target: str | None,
    weight: str | None,
    delay: str | None,
    delay_ms: float | None,
    neurons: str | None,
    id_column: str | None,
    model: str | None,
    weight_unit: float | None,
    population: str | None,
    edge_types: str | None,
    multapses: str,
    codec: str,
    memory: str,
    dt: float | None,
    jobs: int | None,
) -> None:
    r"""Import EDGES (.parquet, .csv, .csv.gz, .npz of SciPy, .h5 of SONATA) as a circuit at OUT.

    Edges may be more than memory holds. An import that was stopped goes on where it was when started again.

    \b
    Example:
      neurograph import connectivity.parquet fly.zarr --preset shiu2024
      neurograph import edges.csv mine.zarr --source pre --target post --weight pA --delay-ms 1.5
      neurograph import v1_v1_edges.h5 v1.zarr --edge-types v1_v1_edge_types.csv
    """
    from neurograph.choices import find
    from neurograph.cli.progress import progress_bar
    from neurograph.importing import edge_columns, import_edges
    from neurograph.models import MODELS

    with progress_bar("importing", " synapses") as progress:
        circuit = import_edges(
            edges,
            out,
            columns=edge_columns(preset, source=source, target=target, weight=weight, delay=delay),
            delay_ms=delay_ms,
            neurons=neurons,
            id_column=id_column,
            preset=preset,
            model=None if model is None else find("neuron model", model, MODELS)(),
            weight_unit=weight_unit,
            population=population,
            edge_types=edge_types,
            multapses=multapses,
            codec=codec,
            memory=memory,
            dt=dt,
            jobs=jobs,
            progress=progress,
        )
    click.echo(f"{out}: {circuit.neurons:,} neurons, {circuit.synapses:,} synapses")
    change = circuit.store.circuit["max_delay_change"]
    if change > 1e-9:
        click.echo(f"delays were rounded to steps of {circuit.dt:g} ms, by {change:g} ms at most", err=True)
