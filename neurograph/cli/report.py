"""``neurograph report``: a page that shows a run."""

import click


@click.command()
@click.argument("run", type=click.Path())
@click.argument("out", type=click.Path(), required=False)
def report(run: str, out: str | None) -> None:
    r"""Write a page about RUN, a folder that run --save wrote, to OUT (by default RUN.html).

    One file that any browser shows, without a network: activity, throughput, bytes read and waiting, which parts of the
    circuit were in memory, and the machine and command that made it.

    \b
    Example:
      neurograph run cortex.zarr --duration 1000 --save run1
      neurograph report run1
    """
    from pathlib import Path

    from neurograph.report.run import write_report
    from neurograph_storage.errors import ArgumentError
    from neurograph_storage.sizes import format_size

    folder = Path(run)
    target = Path(out) if out is not None else folder.with_name(folder.resolve().name + ".html")
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise ArgumentError(f"cannot write a page to {target}: give a file in a folder that exists")
    size = write_report(folder, target)
    click.echo(f"page of {format_size(size)} written to {target}")
