"""``neurograph order``: a circuit in another storage order, or what orders would give."""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("circuit", type=click.Path())
@click.argument("out", type=click.Path(), required=False)
@click.option(
    "--method",
    "methods",
    multiple=True,
    help="none, degree, rcm, multilevel, streaming, community or coactivity; several with --compare."
    "  [with --compare: all]",
)
@click.option("--compare", is_flag=True, help="Write no circuit: say what each method would give.")
@click.option("--spikes", type=click.Path(), help="Spikes of a run, for coactivity and --compare.")
@click.option("--pilot", type=float, default=200.0, show_default=True, metavar="MS",
              help="Length of the pilot run that is made where spikes are needed and not given.")  # fmt: skip
@click.option("--picture", type=click.Path(), help="With --compare: draw the figures to this PNG.")
@click.option("--pool", metavar="SIZE", help="With --compare: memory for rows.  [default: an eighth of the rows]")
@click.option("--json", "as_json", is_flag=True, help="With --compare: print one JSON object.")
@click.option("--codec", help="Form of the rows on disk: raw or compressed.  [default: as in CIRCUIT]")
@click.option("--memory", default="1GiB", show_default=True, help="Memory beyond what each neuron takes.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker threads; by default one for each processor.")
def order(
    circuit: str,
    out: str | None,
    methods: tuple[str, ...],
    compare: bool,
    spikes: str | None,
    pilot: float,
    codec: str | None,
    memory: str,
    jobs: int | None,
    **shown: Any,
) -> None:
    r"""Write CIRCUIT to OUT in another storage order, so that neurons that fire together are read together.

    Spikes, ids and everything else that you see stay as they are.

    \b
    Example:
      neurograph order cortex.zarr ordered.zarr --method streaming
      neurograph order cortex.zarr --compare --spikes spikes.parquet --picture orders.png
    """
    from neurograph.circuit import Circuit
    from neurograph.cli.progress import progress_bar
    from neurograph.ordering.order import order as order_circuit
    from neurograph_storage.errors import ArgumentError

    if compare:
        if out is not None or codec is not None:
            raise ArgumentError("--compare writes no circuit, so it takes neither OUT nor --codec")
        _compare(circuit, methods, spikes, pilot, memory, jobs, **shown)
        return
    if out is None or len(methods) != 1:
        raise ArgumentError("give OUT and one --method, or --compare")
    if shown["picture"] or shown["pool"] or shown["as_json"]:
        raise ArgumentError("--picture, --pool and --json go with --compare")
    with progress_bar("ordering", " synapses") as progress:
        done = order_circuit(
            Circuit(circuit), out, method=methods[0], spikes=spikes, pilot_ms=pilot, codec=codec, memory=memory,
            jobs=jobs, progress=progress,
        )  # fmt: skip
    click.echo(f"{out}: {done.neurons:,} neurons, {done.synapses:,} synapses, ordered by {methods[0]}")


def _compare(
    path: str,
    methods: tuple[str, ...],
    spikes: str | None,
    pilot: float,
    memory: str,
    jobs: int | None,
    *,
    picture: str | None,
    pool: str | None,
    as_json: bool,
) -> None:
    import json
    from dataclasses import asdict

    from neurograph.circuit import Circuit
    from neurograph.ordering.compare import compare
    from neurograph.ordering.methods import METHODS, check_method
    from neurograph.ordering.order import activity_of
    from neurograph_storage.errors import ArgumentError
    from neurograph_storage.sizes import parse_size

    if picture is not None and (Path(picture).suffix != ".png" or not Path(picture).parent.is_dir()):
        raise ArgumentError(f"pictures are PNG in a folder that exists, got {picture}")
    chosen = methods or tuple(METHODS)
    for method in chosen:
        check_method(method)
    opened = Circuit(path)
    opened.store.check_tables()
    activity = activity_of(opened, spikes, pilot)
    room = None if pool is None else parse_size(pool)
    lines = []
    for method in chosen:
        try:
            (line,) = compare(opened, (method,), activity, pool=room, memory=parse_size(memory), jobs=jobs)
        except ArgumentError as error:
            # Of all methods, those that need what is not there are left out; one that was asked for is not.
            if methods:
                raise
            click.echo(f"{method} left out: {error}", err=True)
            continue
        lines.append(line)
        if not as_json:
            click.echo((_HEAD if len(lines) == 1 else "") + _text(asdict(line)))
    if as_json:
        click.echo(json.dumps({"circuit": path, "spikes": len(activity), "methods": [asdict(line) for line in lines]}))
    if picture is not None:
        from neurograph.ordering.picture import plot_comparison

        plot_comparison(lines, Path(path).name, picture)


_HEAD = (
    f"{'':<12}{'time':>8}{'memory':>9} |{'partitions':^28}|{'raw, an event':^21}|{'compressed, an event':^21}\n"
    f"{'':<12}{'s':>8}{'MiB':>9} |{'a row':>9}{'a step':>9}{'a batch':>9} |"
    f"{'bytes':>10}{'requests':>10} |{'bytes':>10}{'requests':>10}\n"
)


def _text(line: dict[str, Any]) -> str:
    return (
        f"{line['method']:<12}{line['seconds']:>8.2f}{line['peak_bytes'] / 2**20:>9.0f} |"
        f"{line['partitions_per_row']:>9.2f}{line['partitions_per_step']:>9.2f}{line['partitions_per_batch']:>9.2f} |"
        f"{line['raw_bytes']:>10.2f}{line['raw_requests']:>10.5f} |"
        f"{line['compressed_bytes']:>10.2f}{line['compressed_requests']:>10.5f}"
    )
