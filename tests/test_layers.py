"""Imports point one way: a module may import only modules that stand before it in this list."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent

ORDER = [
    "neurograph_storage",
    "neurograph_storage.errors",
    "neurograph_storage.sizes",
    "neurograph_storage.layout",
    "neurograph_storage.jit",
    "neurograph_storage.atomics",
    "neurograph_storage.libc",
    "neurograph_storage.stream",
    "neurograph_storage.bits",
    "neurograph_storage.compress",
    "neurograph_storage.decompress",
    "neurograph_storage.cut",
    "neurograph_storage.queueing",
    "neurograph_storage.fetching",
    "neurograph_storage.readers",
    "neurograph_storage.rows",
    "neurograph_storage.codec",
    "neurograph_storage.summary",
    "neurograph_storage.check",
    "neurograph_storage.checksum",
    "neurograph_storage.mapping",
    "neurograph_storage.reading",
    "neurograph_storage.ordered",
    "neurograph_storage.manifest",
    "neurograph_storage.publish",
    "neurograph_storage.bundle",
    "neurograph_storage.writer",
    "neurograph_storage.store",
    "neurograph_storage.loading",
    "neurograph_storage.heads",
    "neurograph_storage.guard",
    "neurograph_storage.verify",
    "neurograph_storage.entropy",
    "neurograph_storage.testing",
    "neurograph.choices",
    "neurograph.ids",
    "neurograph.edges",
    "neurograph.memory",
    "neurograph.tables",
    "neurograph.edge_files",
    "neurograph.edge_tables",
    "neurograph.edge_matrices",
    "neurograph.edge_sonata",
    "neurograph.survey",
    "neurograph.draws",
    "neurograph.choosing",
    "neurograph.normals",
    "neurograph.distributions",
    "neurograph.models.base",
    "neurograph.models.exponential",
    "neurograph.models.step_model",
    "neurograph.models.lif_exp",
    "neurograph.models.lif_frozen",
    "neurograph.models.lif_delta",
    "neurograph.models.lif_alpha",
    "neurograph.models.lif_cond",
    "neurograph.models.adex",
    "neurograph.models.izhikevich",
    "neurograph.models.threshold_unit",
    "neurograph.models.sources",
    "neurograph.models",
    "neurograph.inputs",
    "neurograph.presets",
    "neurograph.row_rules",
    "neurograph.sheet",
    "neurograph.rules",
    "neurograph.network",
    "neurograph.cortex",
    "neurograph.recipes",
    "neurograph.codes",
    "neurograph.scales",
    "neurograph.delays",
    "neurograph.degrees",
    "neurograph.row_kernels",
    "neurograph.sheet_kernels",
    "neurograph.row_fillers",
    "neurograph.runs",
    "neurograph.spill",
    "neurograph.listed",
    "neurograph.fillers",
    "neurograph.generate",
    "neurograph.multapses",
    "neurograph.listing",
    "neurograph.circuit",
    "neurograph.info",
    "neurograph.space",
    "neurograph.blueprint",
    "neurograph.builder",
    "neurograph.importing",
    "neurograph.initial",
    "neurograph.events",
    "neurograph.drive",
    "neurograph.normal_draws",
    "neurograph.noise",
    "neurograph.record",
    "neurograph.recording",
    "neurograph.inflight",
    "neurograph.rates",
    "neurograph.traces",
    "neurograph.formats",
    "neurograph.formats.extras",
    "neurograph.formats.tables",
    "neurograph.formats.matrices",
    "neurograph.formats.graphs",
    "neurograph.formats.sonata_config",
    "neurograph.formats.sonata_types",
    "neurograph.formats.sonata_models",
    "neurograph.formats.sonata_nodes",
    "neurograph.formats.sonata_chosen",
    "neurograph.formats.sonata_import",
    "neurograph.formats.sonata_places",
    "neurograph.formats.sonata_spikes",
    "neurograph.formats.sonata_export",
    "neurograph.formats.spike_files",
    "neurograph.formats.drives",
    "neurograph.formats.neo_objects",
    "neurograph.formats.export",
    "neurograph.reference_rows",
    "neurograph.reference",
    "neurograph.delivery",
    "neurograph.share",
    "neurograph.statistics",
    "neurograph.series",
    "neurograph.segments",
    "neurograph.kept",
    "neurograph.tails",
    "neurograph.work",
    "neurograph.stepping",
    "neurograph.epoch",
    "neurograph.streaming",
    "neurograph.executor",
    "neurograph.resources",
    "neurograph.interrupts",
    "neurograph.snapshot",
    "neurograph.recorders",
    "neurograph.identity",
    "neurograph.checkpoint",
    "neurograph.running",
    "neurograph.simulation",
    "neurograph.ordering",
    "neurograph.ordering.wiring",
    "neurograph.ordering.objective",
    "neurograph.ordering.sketch",
    "neurograph.ordering.bisection",
    "neurograph.ordering.community",
    "neurograph.ordering.activity",
    "neurograph.ordering.reads",
    "neurograph.ordering.methods",
    "neurograph.ordering.reordered",
    "neurograph.ordering.order",
    "neurograph.ordering.compare",
    "neurograph.planning",
    "neurograph.calibrating",
    "neurograph.plot",
    "neurograph.ordering.picture",
    "neurograph.throughput",
    "neurograph.bench.figures",
    "neurograph.run_folder",
    "neurograph.bench.disk",
    "neurograph.bench.child",
    "neurograph.bench.limited",
    "neurograph.machine",
    "neurograph.bench.settings",
    "neurograph.bench.trains",
    "neurograph.bench.peers",
    "neurograph.bench.storing",
    "neurograph.bench.kernels",
    "neurograph.bench.peers.nest_microcircuit",
    "neurograph.bench.microcircuit",
    "neurograph.bench.multiarea",
    "neurograph.bench.outofcore",
    "neurograph.bench.peers.nest_balanced",
    "neurograph.bench.peers.brian_balanced",
    "neurograph.bench.balanced",
    "neurograph.bench.ordering",
    "neurograph.bench.suites",
    "neurograph.bench",
    "neurograph",
    "neurograph.pynn.models",
    "neurograph.pynn.cells",
    "neurograph.pynn.network",
    "neurograph.pynn.simulator",
    "neurograph.pynn.electrodes",
    "neurograph.pynn.connectors",
    "neurograph.pynn.recording",
    "neurograph.pynn.populations",
    "neurograph.pynn.projections",
    "neurograph.pynn",
    "neurograph.pynn.__main__",
    "neurograph.pynn.trying",
    "neurograph.cli",
    "neurograph.cli.progress",
    "neurograph.cli.bench",
    "neurograph.cli.build",
    "neurograph.cli.completion",
    "neurograph.cli.doctor",
    "neurograph.cli.export",
    "neurograph.cli.load",
    "neurograph.cli.order",
    "neurograph.cli.inspect",
    "neurograph.cli.plan",
    "neurograph.cli.plot",
    "neurograph.cli.run",
    "neurograph.cli.main",
]


def modules() -> dict[str, Path]:
    found = {}
    for base in (ROOT, ROOT / "storage"):
        for package in ("neurograph", "neurograph_storage"):
            for file in (base / package).rglob("*.py"):
                name = ".".join(file.relative_to(base).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = file
    return found


def imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names & set(ORDER)


def test_every_module_has_its_place() -> None:
    assert sorted(modules()) == sorted(ORDER)


def test_imports_point_one_way() -> None:
    upward = [
        f"{name} imports {other}"
        for name, file in modules().items()
        for other in imports(file)
        if other != name and ORDER.index(other) > ORDER.index(name) and other != "neurograph"
    ]
    assert not upward


def test_the_storage_layer_knows_nothing_of_neurons() -> None:
    for name, file in modules().items():
        if name.startswith("neurograph_storage"):
            assert not {other for other in imports(file) if other.split(".")[0] == "neurograph"}, name
