"""``neurograph import``: a circuit from a list of edges, or from a SONATA network."""

from typing import Any

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
@click.option(
    "--weights",
    type=click.Choice(["rounded", "exact"]),
    default="rounded",
    show_default=True,
    help="Where weights have no common unit: round them to 16 bits, or take 4 bytes a synapse more for 16 bits more.",
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
    weights: str,
    codec: str,
    memory: str,
    dt: float | None,
    jobs: int | None,
) -> None:
    r"""Import EDGES (.parquet, .csv, .csv.gz, .npz of SciPy, .h5 or .json of SONATA) as a circuit at OUT.

    A .json is the configuration of a SONATA network; the spikes of its inputs are given to run by --drive.
    Edges may be more than memory holds. An import that was stopped goes on where it was when started again.

    \b
    Example:
      neurograph import connectivity.parquet fly.zarr --preset shiu2024
      neurograph import edges.csv mine.zarr --source pre --target post --weight pA --delay-ms 1.5
      neurograph import v1_v1_edges.h5 v1.zarr --edge-types v1_v1_edge_types.csv
      neurograph import circuit_config.json v1.zarr
    """
    from neurograph.cli.progress import progress_bar

    common = {"multapses": multapses, "weights": weights, "codec": codec, "memory": memory, "dt": dt, "jobs": jobs}
    table = {
        "source": source,
        "target": target,
        "weight": weight,
        "delay": delay,
        "delay_ms": delay_ms,
        "neurons": neurons,
        "id_column": id_column,
        "preset": preset,
        "model": model,
        "weight_unit": weight_unit,
        "population": population,
        "edge_types": edge_types,
    }
    with progress_bar("importing", " synapses") as progress:
        load = _load_network if edges.endswith(".json") else _load_edges
        circuit = load(edges, out, table, {**common, "progress": progress})
    click.echo(f"{out}: {circuit.neurons:,} neurons, {circuit.synapses:,} synapses")
    change = circuit.store.circuit["max_delay_change"]
    if change > 1e-9:
        click.echo(f"delays were rounded to steps of {circuit.dt:g} ms, by {change:g} ms at most", err=True)
    _say_errors(circuit)


def _load_network(config: str, out: str, table: dict[str, Any], common: dict[str, Any]) -> Any:
    from neurograph.formats.sonata_import import import_sonata
    from neurograph_storage.errors import ArgumentError

    given = [name for name, value in table.items() if value is not None]
    if given:
        option = given[0].replace("_column", "").replace("_", "-")
        raise ArgumentError(f"{config} is a SONATA network and says all of that itself, so --{option} says nothing")
    return import_sonata(config, out, **common)


def _load_edges(edges: str, out: str, table: dict[str, Any], common: dict[str, Any]) -> Any:
    from neurograph.choices import find
    from neurograph.importing import edge_columns, import_edges
    from neurograph.models import MODELS

    preset, model = table["preset"], table.pop("model")
    names = {name: table.pop(name) for name in ("source", "target", "weight", "delay")}
    return import_edges(
        edges,
        out,
        columns=edge_columns(preset, **names),
        model=None if model is None else find("neuron model", model, MODELS)(),
        **table,
        **common,
    )


def _say_errors(circuit: Any) -> None:
    """Say how far stored weights are from those of the files, if they are."""
    from neurograph.info import receptor_facts

    for said in receptor_facts(circuit):
        if said["max_error"] > 0:
            errors = f"{said['max_error']:.3g} {said['unit']} at most, {said['rms_error']:.3g} RMS"
            click.echo(f"weights onto {said['receptor']} were rounded, by {errors}", err=True)
