"""A recorded drive under the names of a public mapping, against the mapping's own rules over cantools' values."""

import json
import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import decode
from edge_agent.decode.load import read_mapping
from edge_agent.decode.naming import mapped
from edge_agent.decode.plan import compile_plan
from tests.decode.frames import block, data_frame
from tests.journey.line import agent_process, delivered, desire, document, joined, local_hub
from tests.journey.oracle import loaded
from tests.journey.recordings import DATA, LOGS, Recorded, recorded

ADDRESS = "127.0.0.163"
FOLDER = LOGS / "tesla_model3_kuksa"
MAPPING, DATABASE, LOG = FOLDER / "it-vss_4.0.json", FOLDER / "it-can.dbc", FOLDER / "it-candump0.log"
AMBIGUOUS = "Vehicle.Powertrain.TractionBattery.Charging.IsCharging"
"""its signal is in two messages"""

Node = Mapping[str, Any]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LOGS.is_dir(), reason=f"NO MAPPED DRIVE WAS TESTED: {DATA} is missing"),
]


def mapped_nodes(nodes: Mapping[str, Node], prefix: str = "") -> Iterator[tuple[str, Node]]:
    for name, node in nodes.items():
        if "dbc2vss" in node:
            yield prefix + name, node
        yield from mapped_nodes(node.get("children", {}), f"{prefix}{name}.")


def transformed(node: Node, value: object, number: float) -> float | None:
    """The value by KUKSA's description of the form (mapping/README.md); texts by their place in `allowed`.

    `value` may be a label, `number` is what the DBC scales it to. Without a transform KUKSA hands over a labelled
    value's raw number unscaled, which is not done here.
    """
    transform = node["dbc2vss"].get("transform", {})
    if "math" in transform:
        return float(eval(transform["math"], {"floor": math.floor, "abs": abs}, {"x": float(number)}))  # noqa: S307  the file's own formulas
    if "mapping" in transform:
        found = next((pair["to"] for pair in transform["mapping"] if value == pair["from"]), None)
        return float(node["allowed"].index(found) if isinstance(found, str) else found) if found is not None else None
    return number


def changes(nodes: Mapping[str, Node], frames: Iterable[Recorded]) -> dict[str, list[tuple[int, float]]]:
    """Every change of every mapped signal, as (t_ns, value)."""
    messages = {message.frame_id: message for message in reversed(loaded(DATABASE).messages)}
    by_signal: dict[str, list[str]] = defaultdict(list)
    for path, node in nodes.items():
        by_signal[node["dbc2vss"]["signal"]].append(path)
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for frame in frames:
        message = messages.get(frame.can_id)
        wanted = {signal.name for signal in message.signals} & set(by_signal) if message else set()
        if message is None or not wanted or len(frame.data) < message.length:
            continue
        values = cast("Mapping[str, object]", message.decode(frame.data))
        numbers = cast("Mapping[str, float]", message.decode(frame.data, decode_choices=False))
        for name in wanted & set(values):
            for path in by_signal[name]:
                value = transformed(nodes[path], values[name], numbers[name])
                if value is not None and (not found[path] or found[path][-1][1] != value):
                    found[path].append((frame.t_ns, value))
    return {path: series for path, series in found.items() if series}


def nodes_of_the_mapping() -> dict[str, Node]:
    """Those that can be used."""
    nodes = dict(mapped_nodes(json.loads(MAPPING.read_text())))
    del nodes[AMBIGUOUS]
    return nodes


@pytest.mark.timeout(120)
async def test_a_recorded_drive_arrives_under_vss_paths_with_the_values_the_mapping_says(tmp_path: Path) -> None:
    bus = {"name": "car", "interface": "virtual", "channel": "car", "dbc": [str(DATABASE)], "vss": str(MAPPING)}
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(mapped={"kind": "on_change", "signals": ["Vehicle.*"], "time_unit": "ns"}))
        variables = {"BUSES": json.dumps([bus]), "REPLAY_LOG": str(LOG), "REPLAY_SPEED": "0"}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            assert await agent.ended(90) == 0, agent.text()
            assert agent.alarms() == []
            (told,) = agent.events("decode.mapping_loaded")
    arrived = joined(delivered(hub.folder).payloads)
    nodes = nodes_of_the_mapping()
    truth = changes(nodes, recorded(LOG))

    assert (told["signals"], told["remarks"]) == (len(nodes), 1)
    assert AMBIGUOUS in str(told["first_remarks"])
    assert len(truth) == 5
    assert {name for _, name in arrived} == set(truth)
    for (_, name), samples in arrived.items():
        assert [sample.t_ns for sample in samples] == [t_ns for t_ns, _ in truth[name]], name
        assert [sample.value for sample in samples] == pytest.approx([value for _, value in truth[name]], abs=1e-9)
        assert {sample.unit for sample in samples} <= {nodes[name].get("unit", ""), ""}


def test_every_path_of_the_mapping_has_the_values_it_says_for_random_payloads() -> None:
    nodes = nodes_of_the_mapping()
    databases, _ = mapped([load_database(DATABASE)], read_mapping(MAPPING))
    catalog = Catalog([("car", databases)])
    chance = random.Random(7)  # noqa: S311  a seed
    can_ids = sorted({catalog[path].message.can_id for path in nodes})
    frames = [
        Recorded(t_ns, "", can_ids[t_ns % len(can_ids)], chance.randbytes(8)) for t_ns in range(300 * len(can_ids))
    ]
    truth = changes(nodes, frames)
    assert set(truth) == set(nodes)

    block_of_all = block([data_frame(frame.can_id, frame.data, t_ns=frame.t_ns) for frame in frames])
    samples = decode(compile_plan(catalog, list(nodes)), block_of_all)
    for index, path in enumerate(nodes):
        at = samples.signal == index
        t_ns, values = samples.t_ns[at], samples.value[at]
        changed = [i for i in range(len(values)) if i == 0 or values[i] != values[i - 1]]
        assert t_ns[changed].tolist() == [t for t, _ in truth[path]], path
        assert values[changed].tolist() == pytest.approx([value for _, value in truth[path]], abs=1e-9), path
