"""``neurograph build``: a synthetic circuit from a recipe."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])

FULL_BITS = 16
_EACH = ("random", "modular", "sheet")


def _option(
    name: str, kind: Any, text: str, *, of: tuple[str, ...] = (), default: str | None = None
) -> Callable[[F], F]:
    """Return an option that is passed on to the recipe if given; ``default`` is what the recipe takes otherwise."""
    who = f"{', '.join(of)}: " if of else ""
    return click.option(name, type=kind, help=f"{who}{text}{f'  [default: {default}]' if default else ''}")


@click.command()
@click.argument("recipe")
@click.argument("out", type=click.Path())
@_option("--neurons", int, "number of neurons.", of=_EACH, default="10000")
@_option("--synapses-per-neuron", int, "outgoing synapses of each neuron.", of=_EACH, default="1000")
@_option("--scale", float, "scale of neurons and in-degrees.", of=("microcircuit", "multiarea"), default="1")
@_option("--areas", int, "number of areas.", of=("multiarea",), default="32")
@_option("--share", float, "synapses between areas, as a share of the drive's.", of=("multiarea",), default="0.5")
@_option("--drive", str, "poisson or dc.", of=("microcircuit", "multiarea"), default="poisson")
@_option("--modules", int, "number of modules.", of=("modular",), default="one for 5,000 neurons")
@_option("--inside", float, "share of synapses that stay in the module.", of=("modular",), default="0.9")
@_option(
    "--stimulus",
    float,
    "wake modules or stripes in turn by this share of extra drive.",
    of=("modular", "sheet"),
    default="0",
)
@_option("--dwell", float, "how long each turn lasts, in ms.", of=("modular", "sheet"), default="100")
@_option("--standing", float, "part of the usual drive that is always there.", of=("modular", "sheet"), default="1")
@_option("--delay", float, "mean of all delays, in ms, in place of the recipe's.", of=("modular", "sheet"))
@_option("--delay-std", float, "and their spread.", of=("modular", "sheet"), default="0")
@_option("--stripes", int, "stripes of the sheet that are woken.", of=("sheet",), default="20")
@_option("--extent", float, "side of the sheet, in mm.", of=("sheet",), default="4")
@_option("--sigma", float, "spread of connections, in mm.", of=("sheet",), default="0.3")
@_option("--speed", float, "conduction speed, in mm/ms.", of=("sheet",), default="0.3")
@_option("--dt", float, "Step in ms.", default="0.1")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides every random synapse.")
@click.option("--shuffle", is_flag=True, help="Store neurons in random order; hides the planted one, results stay.")
@click.option("--weight-bits", type=int, default=FULL_BITS, show_default=True, help="Width of weight codes, 16 or 8.")
@click.option("--codec", default="raw", show_default=True, help="Form of the rows on disk: raw or compressed.")
@click.option("--order", "order_by", metavar="METHOD", help="Store neurons in an order of `neurograph order`.")
@click.option("--memory", default="1GiB", show_default=True, help="Memory beyond what each neuron takes.")
@click.option("--jobs", type=click.IntRange(min=1), help="Worker threads; by default one for each processor.")
def build(
    recipe: str,
    out: str,
    seed: int,
    shuffle: bool,
    weight_bits: int,
    codec: str,
    order_by: str | None,
    memory: str,
    jobs: int | None,
    **rest: Any,
) -> None:
    r"""Build a synthetic circuit at OUT from RECIPE: random, modular, sheet, microcircuit or multiarea.

    \b
    Example:
      neurograph build modular cortex.zarr --neurons 100000 --synapses-per-neuron 1000 --seed 1
      neurograph build microcircuit column.zarr --scale 0.2
    """
    from neurograph.builder import build as build_circuit
    from neurograph.cli.progress import progress_bar
    from neurograph_storage.sizes import format_size

    network = _describe(recipe, seed, {name: value for name, value in rest.items() if value is not None})
    options: dict[str, Any] = {"seed": seed, "shuffle": shuffle, "codec": codec, "memory": memory, "jobs": jobs}
    if weight_bits != FULL_BITS:
        options["weight_bits"] = weight_bits
    with progress_bar("building", " synapses") as progress:
        if order_by is None:
            circuit = build_circuit(out, network, progress=progress, **options)
        else:
            from neurograph.ordering.order import build_ordered

            circuit = build_ordered(out, network, order_by=order_by, progress=progress, **options)
    size = sum(spec.nbytes for spec in circuit.store.specs.values())
    click.echo(f"{out}: {circuit.neurons:,} neurons, {circuit.synapses:,} synapses, {format_size(size)}")


def _describe(recipe: str, seed: int, given: dict[str, Any]) -> Any:
    """Return the recipe's network; refuse options that belong to another recipe."""
    import inspect

    from neurograph.choices import find
    from neurograph.recipes import RECIPES
    from neurograph_storage.errors import ArgumentError

    describe = find("recipe", recipe, RECIPES)
    allowed = inspect.signature(describe).parameters
    strange = given.keys() - allowed.keys()
    if strange:
        raise ArgumentError(f"--{min(strange).replace('_', '-')} does not go with the recipe {recipe}")
    return describe(**given, **({"seed": seed} if "seed" in allowed else {}))
