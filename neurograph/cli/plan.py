"""``neurograph plan``: what a circuit will take, before it is built."""

from typing import Any

import click

_SUFFIXES = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}


class Number(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A positive number as people write it: 100000, 1e6, 3k, 24G."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        text = str(value).replace("_", "").replace(",", "").strip().lower()
        factor = _SUFFIXES.get(text[-1:], 1.0)
        try:
            number = float(text[:-1] if factor != 1.0 else text) * factor
        except ValueError:
            self.fail(f"{value!r} is not a number; write it like 100000, 1e6 or 3k", param, ctx)
        return number


_NUMBER = Number()


@click.command()
@click.option("--neurons", type=_NUMBER, required=True, help="Number of neurons, such as 77169, 1e6 or 3e10.")
@click.option("--synapses-per-neuron", type=_NUMBER, required=True, help="Outgoing synapses of each neuron.")
@click.option("--rate", type=_NUMBER, required=True, metavar="HZ", help="Mean rate of a neuron.")
@click.option("--delays", type=_NUMBER, help="Steps of delay that a neuron's synapses spread over.  [default: 40]")
@click.option("--reach", type=_NUMBER, help="Neurons that a neuron's targets spread over.  [default: all, up to 1e6]")
@click.option("--max-delay", type=float, metavar="MS", help="Longest delay.  [default: 10]")
@click.option("--dt", type=float, metavar="MS", help="Step.  [default: 0.1]")
@click.option("--model", metavar="NAME", help="Neuron model.  [default: LIFExp]")
@click.option("--drive", metavar="KIND", help="Input of each neuron, poisson or none.  [default: poisson]")
@click.option("--codec", metavar="CODEC", help="Form of the rows on disk, raw or compressed.  [default: raw]")
@click.option("--weight-bits", type=int, help="Width of weight codes, 16 or 8; exact ones 32 to 64.  [default: 16]")
@click.option("--memory", metavar="SIZE", help="Memory of a run, such as 64GiB.  [default: 60 % of this machine's]")
@click.option("--cores", type=click.IntRange(min=1), help="Cores of a machine.  [default: this one's]")
@click.option("--workers", type=click.IntRange(min=1), help="Cores of a run.  [default: all, with 10,000 neurons each]")
@click.option("--disk-speed", metavar="SIZE", help="Bytes a second from disk, such as 3GB.  [default: 1GB, assumed]")
@click.option("--disk-size", metavar="SIZE", help="Size of an SSD.  [default: 8TB]")
@click.option("--disks", type=click.IntRange(min=1), help="SSDs in a machine.  [default: 4]")
@click.option("--calibrate", is_flag=True, help="First measure this machine's processor, in some seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(calibrate: bool, as_json: bool, **given: Any) -> None:
    r"""Say how many bytes a circuit takes, how much memory, how long it runs, and what limits it.

    \b
    Example:
      neurograph plan --neurons 77169 --synapses-per-neuron 3870 --rate 3.3
      neurograph plan --neurons 3e10 --synapses-per-neuron 6667 --rate 1 --codec compressed --memory 512GiB --cores 64
    """
    import json
    from dataclasses import asdict, replace

    from neurograph.planning import Demand, this_machine
    from neurograph.planning import plan as make_plan
    from neurograph_storage.sizes import parse_size

    chosen = {name: value for name, value in given.items() if value is not None}
    sizes = {name: parse_size(chosen.pop(name)) for name in ("memory", "disk_speed", "disk_size") if name in chosen}
    described = {name: chosen.pop(name) for name in ("cores", "workers", "disks") if name in chosen}
    machine, demand = replace(this_machine(), **sizes, **described), Demand(**chosen)
    if calibrate:
        from neurograph.calibrating import calibrated

        machine = calibrated(machine)
    found = make_plan(demand, machine)
    if as_json:
        click.echo(json.dumps({"demand": asdict(demand), "machine": asdict(machine), "plan": found.as_dict()}))
    else:
        click.echo(_text(demand, machine, found))


def _text(demand: Any, machine: Any, plan: Any) -> str:
    from neurograph_storage.sizes import format_size

    disks = f", {plan.disks:,} SSDs of {format_size(machine.disk_size)}" if plan.disks > 1 else ""
    resident = f"{100 * plan.resident_share:.3g} % of the synapses stay in memory"
    times = f"neurons {plan.update_s:.3g}, synapses {plan.delivery_s:.3g}, disk {plan.disk_s:.3g} (beside both)"
    lines = [
        f"{demand.neurons:,.0f} neurons, {plan.synapses:,.3g} synapses at {demand.rate:g} Hz: "
        f"{plan.events_per_s:,.3g} synaptic events in a biological second",
        f"  on disk          {format_size(plan.disk_bytes)}, {plan.bytes_per_synapse:.2f} bytes a synapse{disks}",
        f"  memory           {format_size(plan.state_bytes)} for neurons, {format_size(plan.in_flight_bytes)} for "
        f"synapses under way; {resident}",
        f"  machines         {plan.machines:,} with {format_size(machine.memory)} for the run, {machine.cores} cores "
        f"and {machine.disks} SSDs each",
        f"  build            {_seconds(plan.build_s)}",
        f"  real-time factor {plan.real_time_factor:,.3g}: {times}",
        f"  limit            {plan.limit}",
    ]
    if plan.machines > 1:
        lines.append("Spikes between machines are not in this plan: this release runs on one.")
    return "\n".join(lines)


def _seconds(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.3g} s"
