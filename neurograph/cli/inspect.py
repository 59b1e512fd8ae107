"""``neurograph info`` and ``neurograph verify``: look at a stored circuit."""

from typing import Any

import click


@click.command()
@click.argument("circuit", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def info(circuit: str, as_json: bool) -> None:
    r"""Say what is in CIRCUIT: counts, bytes by array, delays, populations, how exactly weights are stored.

    \b
    Example:
      neurograph info cortex.zarr
    """
    import json

    from neurograph.circuit import Circuit
    from neurograph.info import describe_circuit

    facts = describe_circuit(Circuit(circuit))
    click.echo(json.dumps(facts) if as_json else _text(facts))


def _text(facts: dict[str, Any]) -> str:
    from neurograph_storage.sizes import format_size

    delay, partitions, provenance = facts["delay_ms"], facts["partitions"], facts["provenance"]
    total = sum(facts["bytes_per_synapse"].values())
    recipe = provenance["recipe"].get("name", "a network described in Python")
    lines = [
        f"{facts['path']}  (format {facts['format_version']}, rows {facts['codec']})",
        f"  neurons         {facts['neurons']:,}",
        f"  synapses        {facts['synapses']:,}",
        f"  delays          {delay['min']:g} to {delay['max']:g} ms in steps of {facts['dt_ms']:g} ms",
        f"  size            {format_size(facts['bytes'])}, {total:.2f} bytes a synapse",
        *(f"    {name:<20}{value:8.3f} bytes a synapse" for name, value in facts["bytes_per_synapse"].items()),
        f"  entropy bound   {_bound(facts['entropy_bits_per_synapse'])}",
        f"  partitions      {partitions['count']:,} of {partitions['rows']:,} rows",
        "  populations",
        *(f"    {p['name']:<16}{p['size']:>12,}  {p['model']}" for p in facts["populations"]),
        "  weights",
        *(_receptor_line(receptor, facts["weight_digits"]) for receptor in facts["receptors"]),
        *_disk_lines(facts["disk"]),
        f"  made by         {recipe}, seed {provenance['seed']}, neurograph {provenance['neurograph']}",
    ]
    return "\n".join(lines)


def _disk_lines(disk: dict[str, float] | None) -> list[str]:
    if disk is None:
        return []
    rates = f"{disk['reads_per_s']:,.0f} reads or {disk['bytes_per_s'] / 1e6:,.0f} MB a second"
    alone = f"{1e6 * disk['latency_s']:.0f} us for one alone"
    return [f"  disk            {rates}, {alone}; rows up to {disk['gap_bytes']:,.0f} bytes apart are read together"]


def _bound(bits: dict[str, float]) -> str:
    parts = ", ".join(f"{name} {value:.2f}" for name, value in bits.items())
    return f"{sum(bits.values()) / 8:.2f} bytes a synapse (bits: {parts})"


def _receptor_line(receptor: dict[str, Any], digits: int) -> str:
    unit = receptor["unit"]
    error = f"largest error {receptor['max_error']:.3g} {unit}, RMS {receptor['rms_error']:.3g} {unit}"
    exact = error if receptor["max_error"] > 0 else "exact" if digits == 1 else f"exact, in {digits} codes of 16 bits"
    return f"    {receptor['receptor']:<16}in steps of {receptor['scale']:.6g} {unit}: {exact}"


@click.command()
@click.argument("circuit", type=click.Path())
def verify(circuit: str) -> int:
    r"""Check every checksum and every invariant of CIRCUIT; exit 1 and name the file if it is damaged.

    \b
    Example:
      neurograph verify cortex.zarr
    """
    from neurograph.circuit import Circuit
    from neurograph.cli.progress import progress_bar
    from neurograph_storage.verify import verify as violations

    opened = Circuit(circuit)
    sizes = [population.size for population in opened.populations.values()]
    receptors = [len(model.receptors) for model in opened.models]
    total = sum(spec.nbytes for spec in opened.store.specs.values())
    with progress_bar("verifying", "B", total) as progress:
        found = list(violations(opened.store, sizes, receptors, progress))
    for violation in found:
        click.echo(f"Error: {violation}", err=True)
    if not found:
        click.echo(f"{circuit}: sound, all checksums and invariants hold")
    return 1 if found else 0
