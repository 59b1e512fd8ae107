"""Writes small SONATA networks in the layout of the public examples 300_intfire and 300_pointneurons.

Names of files, groups, datasets, columns and configuration keys are theirs; sizes, connections and numbers are ours.
"""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

RNG_SEED = 5


def nodes(path: Path, population: str, types: np.ndarray, **values: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group(f"nodes/{population}")
        group["node_id"] = np.arange(len(types), dtype=np.uint64)
        group["node_type_id"] = types.astype(np.uint64)
        group["node_group_id"] = np.zeros(len(types), np.uint16)
        group["node_group_index"] = np.arange(len(types), dtype=np.uint64)
        group.create_group("0/dynamics_params")
        for name, column in values.items():
            group[f"0/{name}"] = column


def edges(
    path: Path, ends: tuple[str, str], source: np.ndarray, target: np.ndarray, types: np.ndarray, **values: np.ndarray
) -> None:
    order = np.lexsort((source, target))
    with h5py.File(path, "w") as file:
        group = file.create_group(f"edges/{ends[0]}_to_{ends[1]}")
        for end, name, ids in zip(("source", "target"), ends, (source, target), strict=True):
            group[f"{end}_node_id"] = ids[order].astype(np.uint64)
            group[f"{end}_node_id"].attrs["node_population"] = name
        group["edge_type_id"] = types[order].astype(np.uint32)
        group["edge_group_id"] = np.zeros(len(source), np.uint16)
        group["edge_group_index"] = np.arange(len(source), dtype=np.uint32)
        for name, column in values.items():
            group[f"0/{name}"] = column[order]


def spikes(path: Path, population: str | None, times: np.ndarray, ids: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes" if population is None else f"spikes/{population}")
        group["timestamps"] = times
        group["node_ids" if population else "gids"] = ids.astype(np.uint64)
        group.attrs["sorting"] = "by_time"


def _pairs(rng: np.random.Generator, sources: int, targets: int, probability: float) -> tuple[np.ndarray, np.ndarray]:
    source, target = np.nonzero(rng.random((sources, targets)) < probability)
    return source, target


def _folders(folder: Path) -> None:
    for name in ("network", "inputs", "models", "synapses"):
        (folder / name).mkdir(parents=True)


def _json(path: Path, said: Any) -> None:
    path.write_text(json.dumps(said))


def pointneurons(folder: Path, *, dt: float = 0.1) -> Path:
    """Write a network of NEST's iaf_psc_alpha with inputs from outside; return the simulation's configuration."""
    _folders(folder)
    rng = np.random.default_rng(RNG_SEED)
    internal = np.repeat([100, 101, 102], [20, 12, 8])
    internal[[3, 25]] = internal[[25, 3]]  # types need not be together
    excitatory = internal != 102
    nodes(folder / "network/internal_nodes.h5", "internal", internal, x=rng.random(40), y=rng.random(40))
    nodes(folder / "network/external_nodes.h5", "external", np.full(10, 100))
    (folder / "network/internal_node_types.csv").write_text(
        "node_type_id ei model_template model_type dynamics_params model_name\n"
        "100 e nest:iaf_psc_alpha point_process 1_point.json Scnn1a\n"
        "101 e nest:iaf_psc_alpha point_process 2_point.json Rorb\n"
        "102 i nest:iaf_psc_alpha point_process 3_point.json PV1\n"
    )
    (folder / "network/external_node_types.csv").write_text("node_type_id ei model_type\n100 e virtual\n")
    for k, tau_m in enumerate((22.0, 20.0, 9.0), start=1):
        said = {"I_e": 0.0, "tau_m": tau_m, "C_m": 180.0, "t_ref": 3.0, "E_L": -77.0, "V_th": -54.0, "V_reset": -59.0}
        _json(folder / f"models/{k}_point.json", said)
    source, target = _pairs(rng, 40, 40, 0.3)
    types = 100 + (~excitatory[target]) + 2 * (~excitatory[source])
    weight = np.array([12.5, 17.0, -37.5, -15.0])[types - 100]
    edges(folder / "network/internal_internal_edges.h5", ("internal",) * 2, source, target, types, syn_weight=weight)
    source, target = _pairs(rng, 10, 40, 0.7)
    types = 100 + (~excitatory[target]).astype(int)
    weight = np.where(excitatory[target], 150.0, 165.0)
    ends = ("external", "internal")
    edges(folder / "network/external_internal_edges.h5", ends, source, target, types, syn_weight=weight)
    rows = "ExcToExc.json nest:static_synapse\n"
    (folder / "network/internal_internal_edge_types.csv").write_text(
        "edge_type_id target_query source_query delay dynamics_params model_template\n"
        + "".join(f"{100 + k} ei=='e' ei=='i' {2.0 + k} {rows}" for k in range(4))
    )
    (folder / "network/external_internal_edge_types.csv").write_text(
        "edge_type_id target_query source_query delay dynamics_params model_template\n"
        f"100 ei=='e' * 2.0 {rows}101 ei=='i' * 2.0 {rows}"
    )
    _json(folder / "synapses/ExcToExc.json", {})
    spikes(
        folder / "inputs/external_spike_trains.h5",
        "external",
        np.sort(rng.random(300) * 99 + 1),
        rng.integers(0, 10, 300),
    )
    _json(folder / "node_sets.json", {"external": {"population": "external"}})
    names = ("internal", "external")
    pairs = ("internal_internal", "external_internal")
    _json(
        folder / "circuit_config.json",
        {
            "manifest": {"$NETWORK_DIR": "./network", "$COMPONENT_DIR": "${configdir}"},
            "components": {
                "point_neuron_models_dir": "$COMPONENT_DIR/models",
                "synaptic_models_dir": "$COMPONENT_DIR/synapses",
            },
            "networks": {
                "nodes": [
                    {"nodes_file": f"$NETWORK_DIR/{n}_nodes.h5", "node_types_file": f"$NETWORK_DIR/{n}_node_types.csv"}
                    for n in names
                ],
                "edges": [
                    {"edges_file": f"$NETWORK_DIR/{n}_edges.h5", "edge_types_file": f"$NETWORK_DIR/{n}_edge_types.csv"}
                    for n in pairs
                ]
                + [{"edges_file": "$NETWORK_DIR/not_there.h5", "edge_types_file": "", "enabled": False}],
            },
        },
    )
    simulation = {
        "manifest": {"$BASE_DIR": ".", "$OUTPUT_DIR": "$BASE_DIR/output", "$INPUT_DIR": "$BASE_DIR/inputs"},
        "run": {"tstop": 100.0, "dt": dt, "nsteps_block": 5000},
        "target_simulator": "NEST",
        "network": "$BASE_DIR/circuit_config.json",
        "conditions": {"celsius": 34.0, "v_init": -80},
        "node_sets_file": "node_sets.json",
        "inputs": {
            "external_spike_trains": {
                "input_type": "spikes",
                "module": "h5",
                "input_file": "$INPUT_DIR/external_spike_trains.h5",
                "node_set": "external",
            },
            "old": {"input_type": "spikes", "module": "nwb", "input_file": "$INPUT_DIR/old.nwb", "enabled": False},
        },
        "output": {"log_file": "log.txt", "output_dir": "$OUTPUT_DIR", "spikes_file": "spikes.h5"},
    }
    _json(folder / "simulation_config.json", simulation)
    return folder / "simulation_config.json"


def intfire(folder: Path) -> Path:
    """Write a network of NEURON's IntFire1 with weights, signs and contacts by edge type; return config.json."""
    _folders(folder)
    rng = np.random.default_rng(RNG_SEED)
    v1 = np.repeat([100, 101], [24, 6])
    nodes(folder / "network/v1_nodes.h5", "v1", v1)
    nodes(folder / "network/lgn_nodes.h5", "lgn", np.repeat([100, 101, 102], 3), positions=rng.random((9, 2)))
    (folder / "network/v1_node_types.csv").write_text(
        "node_type_id ei location model_template model_type dynamics_params pop_name\n"
        "100 e VisL4 nrn:IntFire1 point_process IntFire1_exc_1.json LIF_exc\n"
        "101 i VisL4 nrn:IntFire1 point_process IntFire1_inh_1.json LIF_inh\n"
    )
    (folder / "network/lgn_node_types.csv").write_text(
        "node_type_id model_type ei location pop_name\n"
        "100 virtual e LGN tON\n101 virtual e LGN tOFF\n102 virtual e LGN tONOFF\n"
    )
    _json(folder / "models/IntFire1_exc_1.json", {"tau": 0.024, "refrac": 0.003})
    _json(folder / "models/IntFire1_inh_1.json", {"tau": 0.007, "refrac": 0.003})
    _json(folder / "synapses/instanteneousExc.json", {"level_of_detail": "instanteneous", "sign": 1})
    _json(folder / "synapses/instanteneousInh.json", {"level_of_detail": "instanteneous", "sign": -1})
    columns = "edge_type_id target_query source_query delay weight_function syn_weight dynamics_params\n"
    (folder / "network/v1_v1_edge_types.csv").write_text(
        columns + "100 model_type=='point_process'&ei=='i' ei=='i' 2.0 wmax 0.01 instanteneousInh.json\n"
        "101 model_type=='point_process'&ei=='e' ei=='i' 2.0 wmax 0.15 instanteneousInh.json\n"
        "102 pop_name=='LIF_inh' ei=='e' 2.0 wmax 0.3 instanteneousExc.json\n"
        "103 pop_name=='LIF_exc' ei=='e' 2.04 wmax 0.002 instanteneousExc.json\n"
    )
    (folder / "network/lgn_v1_edge_types.csv").write_text(
        columns + "100 pop_name=='LIF_exc' * 2.0 wmax 0.045 instanteneousExc.json\n"
        "101 pop_name=='LIF_inh' * 2.0 wmax 0.015 instanteneousExc.json\n"
    )
    source, target = _pairs(rng, 30, 30, 0.7)
    types = np.where(source >= 24, np.where(target >= 24, 100, 101), np.where(target >= 24, 102, 103))
    contacts = rng.integers(1, 4, len(source)).astype(np.uint16)
    edges(folder / "network/v1_v1_edges.h5", ("v1", "v1"), source, target, types, nsyns=contacts)
    source, target = _pairs(rng, 9, 30, 0.9)
    types = 100 + (target >= 24).astype(int)
    contacts = np.full(len(source), 10, np.uint16)
    edges(folder / "network/lgn_v1_edges.h5", ("lgn", "v1"), source, target, types, nsyns=contacts)
    spikes(folder / "inputs/lgn_spikes.h5", None, np.sort(rng.random(200) * 100), rng.integers(0, 9, 200))
    _json(folder / "config.json", {"network": "./circuit_config.json", "simulation": "./simulation_config.json"})
    _json(folder / "node_sets.json", {"LGN": {"population": "lgn"}})
    _json(
        folder / "circuit_config.json",
        {
            "manifest": {"$NETWORK_DIR": "./network", "$COMPONENT_DIR": "."},
            "components": {
                "morphologies_dir": "$COMPONENT_DIR/morphologies",
                "synaptic_models_dir": "$COMPONENT_DIR/synapses",
                "point_neuron_models_dir": "$COMPONENT_DIR/models",
            },
            "networks": {
                "nodes": [
                    {"nodes_file": f"$NETWORK_DIR/{n}_nodes.h5", "node_types_file": f"$NETWORK_DIR/{n}_node_types.csv"}
                    for n in ("v1", "lgn")
                ],
                "edges": [
                    {"edges_file": f"$NETWORK_DIR/{n}_edges.h5", "edge_types_file": f"$NETWORK_DIR/{n}_edge_types.csv"}
                    for n in ("v1_v1", "lgn_v1")
                ],
            },
        },
    )
    inputs = {"input_type": "spikes", "module": "h5", "input_file": "$INPUT_DIR/lgn_spikes.h5", "node_set": "lgn"}
    _json(
        folder / "simulation_config.json",
        {
            "manifest": {"$OUTPUT_DIR": "./output", "$INPUT_DIR": "./inputs"},
            "run": {"tstop": 100.0, "dt": 0.1, "dL": 20.0, "spike_threshold": -15, "overwrite_output_dir": True},
            "target_simulator": "NEURON",
            "inputs": {"LGN_spikes": inputs},
            "output": {"output_dir": "$OUTPUT_DIR", "spikes_file": "$OUTPUT_DIR/spikes.h5"},
        },
    )
    return folder / "config.json"
