"""``neurograph doctor``: what this machine can do."""

from typing import Any

import click


@click.command()
@click.argument("folder", type=click.Path(), default=".")
@click.option("--size", default="256MiB", show_default=True, help="Bytes written to FOLDER, read back, and removed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(folder: str, size: str, as_json: bool) -> None:
    r"""Say how fast the disk of FOLDER is, how much memory there is, how pages are set up, and what is installed.

    \b
    Example:
      neurograph doctor /fast/disk
    """
    import json
    from pathlib import Path

    from neurograph.machine import examine
    from neurograph_storage.sizes import MIB, parse_size

    found = examine(Path(folder), max(MIB, parse_size(size) // MIB * MIB))
    click.echo(json.dumps(found) if as_json else _text(found))


def _text(found: dict[str, Any]) -> str:
    from neurograph_storage.sizes import format_size

    memory, disk, processor = found["memory"], found["disk"], found["processor"]
    limit = "no limit" if memory["limit_bytes"] is None else f"limited to {format_size(memory['limit_bytes'])}"
    ahead = "unknown" if disk["read_ahead_kib"] is None else f"{disk['read_ahead_kib']} KiB"
    speeds = [
        f"{what} {disk[key] / 1e6:,.0f} MB/s"
        for what, key in (
            ("writes", "write_bytes_per_s"),
            ("reads", "read_bytes_per_s"),
            ("reads pieces of 64 KiB", "random_read_bytes_per_s"),
        )
        if key in disk
    ]
    lines = [
        f"processor   {processor['name']}, {processor['usable_cores']} of {processor['cores']} cores",
        f"memory      {format_size(memory['physical_bytes'])}, {limit}; a run takes "
        f"{format_size(memory['default_budget_bytes'])} unless told otherwise",
        f"pages       {memory['page_bytes']:,} bytes, huge pages: {memory['huge_pages'] or 'unknown'}",
        f"disk        {disk['folder']}: {format_size(disk['free_bytes'])} free, {', '.join(speeds) or 'not tested'}",
        f"read-ahead  {ahead}",
        "versions    " + ", ".join(f"{name} {number}" for name, number in found["versions"].items() if number),
        *(f"note        {note}" for note in found["advice"]),
    ]
    return "\n".join(lines)
