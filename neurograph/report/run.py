"""Where does the page of a run get its tables from: a folder, or a simulation that goes on."""

from pathlib import Path
from typing import Any

from neurograph.record import read_parquet
from neurograph.report.content import Content, content_of
from neurograph.report.page import Page
from neurograph.report.raster import Raster, read_raster
from neurograph.residency import Residency
from neurograph.run_folder import RATES, RESIDENCY, SERIES, SPIKES, read_statistics
from neurograph.simulation import Simulation
from neurograph_storage.errors import DataError
from neurograph_storage.publish import appearing


def folder_content(folder: Path) -> Content:
    """Return what a run's folder holds.

    Raises
    ------
    ArgumentError
        If it holds no run.
    DataError
        If a file of it is missing or damaged.
    """
    said = read_statistics(folder)
    spikes = folder / SPIKES
    # Of a run that was ended in a hurry, spikes are in parts.
    parts = spikes if spikes.exists() else spikes.with_name(spikes.name + ".partial")
    try:
        residency = folder / RESIDENCY
        tables = read_parquet(folder / RATES), read_parquet(folder / SERIES)
        there = read_parquet(residency) if residency.exists() else Residency().table()
        return content_of(said, *tables, there, read_raster(parts, list(said["circuit"]["populations"])))
    except (KeyError, TypeError) as error:
        raise DataError(f"the run in {folder} is damaged: {error!r}") from error


def simulation_content(sim: Simulation, said: dict[str, Any], raster: Raster) -> Content:
    """Return what a simulation comes to so far.

    Parameters
    ----------
    said : dict
        What `describe_run` returned; only its figures are taken anew.
    """
    now = {**said, "figures": sim.statistics.as_dict()}
    return content_of(now, sim.rates.table(), sim.series.table(), sim.residency.table(), raster)


def write_report(folder: Path, out: Path) -> int:
    """Write the page of a run's folder, and return its size in bytes.

    Raises
    ------
    ArgumentError, DataError
    """
    page = Page(folder_content(folder)).html().encode()
    with appearing(out) as partial:
        partial.write_bytes(page)
    return len(page)
