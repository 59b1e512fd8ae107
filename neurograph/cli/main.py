"""The ``neurograph`` command: groups the commands and turns errors into one line and an exit status.

Exit status: 0 done, 1 the data is bad, 2 the arguments are bad, 130 interrupted.
"""

import sys
from collections.abc import Sequence

import click

from neurograph.cli.bench import bench
from neurograph.cli.build import build
from neurograph.cli.completion import completion
from neurograph.cli.doctor import doctor
from neurograph.cli.export import export
from neurograph.cli.inspect import info, verify
from neurograph.cli.load import import_command
from neurograph.cli.order import order
from neurograph.cli.own_models import models_option
from neurograph.cli.plan import plan
from neurograph.cli.plot import plot
from neurograph.cli.report import report
from neurograph.cli.run import run
from neurograph_storage.errors import ArgumentError, NeuroGraphError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="neurograph")
def cli() -> None:
    r"""Simulate neural circuits larger than memory.

    \b
    Example:
      neurograph build modular cortex.zarr --neurons 20000 --synapses-per-neuron 500
      neurograph run cortex.zarr --duration 500 --spikes spikes.parquet
      neurograph plot spikes.parquet raster.png
    """


for _command in (
    bench,
    build,
    completion,
    doctor,
    export,
    import_command,
    info,
    order,
    plan,
    plot,
    report,
    run,
    verify,
):
    cli.add_command(_command)
for _command in (export, import_command, info, order, plot, run, verify):
    # Before --help, which is added last.
    _command.params.append(models_option())
for _command in (cli, *cli.commands.values()):
    # Docstrings are raw text, in which click's mark of lines that are to stay as they are is two characters.
    _command.help = (_command.help or "").replace("\\b", "\b")


def call(arguments: Sequence[str]) -> int:
    """Run ``neurograph`` with these arguments and return its exit status."""
    return run_command(cli, arguments, name="neurograph")


def run_command(command: click.Command, arguments: Sequence[str], name: str | None = None) -> int:
    """Run any command with the errors and exit status of ours."""
    try:
        status = command.main(list(arguments), prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except NeuroGraphError as error:
        return _fail(str(error), 2 if isinstance(error, ArgumentError) else 1)
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), 1)
    return status if isinstance(status, int) else 0


def _fail(message: str, status: int) -> int:
    click.echo(f"Error: {message}", err=True)
    return status


def main() -> None:
    """Entry point of the ``neurograph`` script."""
    sys.exit(call(sys.argv[1:]))
