"""``neurograph build``: a synthetic circuit from a recipe."""

from typing import Any

import click

# Parameters that only some recipes have; each is passed on if given.
_RECIPE_OPTIONS = ("dt", "modules", "inside", "stimulus", "dwell", "extent", "sigma", "speed")


@click.command()
@click.argument("recipe")
@click.argument("out", type=click.Path())
@click.option("--neurons", type=int, default=10_000, show_default=True, help="Number of neurons.")
@click.option(
    "--synapses-per-neuron",
    type=int,
    default=1_000,
    show_default=True,
    help="Outgoing synapses of each neuron.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Decides every random synapse.")
@click.option(
    "--shuffle",
    is_flag=True,
    help="Store neurons in random order; hides the planted order, results stay the same.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Worker threads; by default one for each processor.")
@click.option("--weight-bits", type=int, default=16, show_default=True, help="Width of weight codes, 16 or 8.")
@click.option("--dt", type=float, help="Step in ms.  [default: 0.1]")
@click.option("--modules", type=int, help="modular: number of modules.  [default: one for 5,000 neurons]")
@click.option("--inside", type=float, help="modular: share of synapses that stay in the module.  [default: 0.9]")
@click.option(
    "--stimulus", type=float, help="modular: wake modules in turn by this share of extra drive.  [default: 0]"
)
@click.option("--dwell", type=float, help="modular: how long each module's turn lasts, in ms.  [default: 100]")
@click.option("--extent", type=float, help="sheet: side of the sheet, in mm.  [default: 4]")
@click.option("--sigma", type=float, help="sheet: spread of connections, in mm.  [default: 0.3]")
@click.option("--speed", type=float, help="sheet: conduction speed, in mm/ms.  [default: 0.3]")
def build(
    recipe: str,
    out: str,
    neurons: int,
    synapses_per_neuron: int,
    seed: int,
    shuffle: bool,
    weight_bits: int,
    jobs: int | None,
    **rest: Any,
) -> None:
    r"""Build a synthetic circuit at OUT from RECIPE: random, modular or sheet.

    \b
    Example:
      neurograph build modular cortex.zarr --neurons 100000 --synapses-per-neuron 1000 --seed 1
    """
    from neurograph.builder import build as build_circuit
    from neurograph.cli.progress import progress_bar
    from neurograph.info import describe_circuit
    from neurograph_storage.sizes import format_size

    network = _describe(recipe, neurons=neurons, synapses_per_neuron=synapses_per_neuron, **_given(recipe, rest))
    with progress_bar("building", neurons * synapses_per_neuron, " synapses") as progress:
        circuit = build_circuit(
            out, network, seed=seed, shuffle=shuffle, weight_bits=weight_bits, jobs=jobs, progress=progress
        )
    size = describe_circuit(circuit)["bytes"]
    click.echo(f"{out}: {circuit.neurons:,} neurons, {circuit.synapses:,} synapses, {format_size(size)}")


def _given(recipe: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe's own options that were given; refuse those of another recipe."""
    import inspect

    from neurograph.recipes import RECIPES
    from neurograph_storage.errors import ArgumentError

    if recipe not in RECIPES:
        raise ArgumentError(f"no recipe {recipe!r}; choose from {', '.join(RECIPES)}")
    given = {name: options[name] for name in _RECIPE_OPTIONS if options[name] is not None}
    strange = given.keys() - inspect.signature(RECIPES[recipe]).parameters.keys()
    if strange:
        raise ArgumentError(f"--{min(strange)} does not go with the recipe {recipe}")
    return given


def _describe(recipe: str, **parameters: Any) -> Any:
    from neurograph.recipes import RECIPES

    return RECIPES[recipe](**parameters)
