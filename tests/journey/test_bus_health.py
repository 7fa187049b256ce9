"""How healthy a bus is, from a log with troubles in it to the twin, the batches and the events."""

import asyncio
import http.client
import json
import re
from pathlib import Path
from typing import cast

import pytest

from edge_agent.desk.vehicle import database_path
from edge_agent.localhub.admin_client import AdminClient
from tests.journey.line import DEVICE, MODULE, agent_process, delivered, desire, document, local_hub, reported
from tests.journey.recordings import START_US, write_drive

ADDRESS = "127.0.0.79"
SECONDS = 66.0
START_S = START_US // 1_000_000
PASSIVE, OFF, RESTARTED = "20000004#0010000000000000", "20000040#0000000000000000", "20000100#0000000000000000"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def write_troubled_drive(path: Path) -> int:
    """A drive with strange ids, remote and error frames in it; returns how many frames it has."""
    lines = write_drive(path, seed=3, seconds=SECONDS).read_text().splitlines()
    for second, frame in (
        (5, "7E5#01"),
        (6, "18DAF110#02"),
        (7, "7E5#03"),
        (8, "100#R"),
        (20, PASSIVE),
        (21, OFF),
        (22, RESTARTED),
        (62, PASSIVE),
    ):
        lines.append(f"({START_S + second}.000000) can0 {frame}")
    # Nothing is heard while the controller is off.
    off = f"({START_S + 21}."
    lines = sorted(line for line in lines if not line.startswith(off) or line.endswith(OFF))
    path.write_text("\n".join(lines) + "\n")
    return len(lines)


def scraped() -> str:
    """The agent's metrics, as a collector gets them."""
    connection = http.client.HTTPConnection(ADDRESS, 9600, timeout=5)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


async def test_a_troubled_bus_is_seen_in_the_twin_in_the_batches_and_in_the_events(tmp_path: Path) -> None:
    count = write_troubled_drive(tmp_path / "drive.log")
    (tmp_path / "broken.dbc").write_text("BO_ what\n")
    bus = {
        "name": "car",
        "interface": "virtual",
        "channel": "car",
        "bitrate": 500_000,
        "dbc": [str(tmp_path / "broken.dbc"), str(database_path())],
    }
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(speed={"kind": "periodic", "every_ms": 1000, "signals": ["*"]}))
        variables = {
            "BUSES": json.dumps([bus]),
            "REPLAY_LOG": str(tmp_path / "drive.log"),
            "REPLAY_SPEED": "60",
            "METRICS_ADDRESS": ADDRESS,
            "METRICS_PORT": "9600",
        } | hub.environment("connection_string")
        hub.never_ack = True  # so that the agent is still there when all is read
        async with agent_process(tmp_path, variables) as agent:
            await agent.told("app.drain_started")
            await agent.told("decode.bus_health", times=2)
            answer = await asyncio.to_thread(AdminClient(hub.folder).invoke, DEVICE, MODULE, "status", "null")
            metrics = await asyncio.to_thread(scraped)
            hub.never_ack = False
            assert await agent.ended() == 0, agent.text()
            told, alarms = agent.events("decode.bus_health"), agent.alarms()
            twin = await reported(hub.folder)
    header = delivered(tmp_path / "hub").payloads[-1].header

    health = cast("dict[str, object]", twin["health"]["car"])
    names = {"missed_messages": health["missed_messages"], "out_of_range_signals": []}
    assert health == names | {
        "seen": count,
        "decoded": count - 8,
        "unknown": 3,
        "wrong_length": 0,
        "dropped": 0,
        "remote": 1,
        "error": 4,
        "incomplete": 0,
        "out_of_range": 0,
        "missed": health["missed"],
        "state": "error_passive",
        "load_percent": health["load_percent"],
        "unknown_ids": ["7e5", "18daf110x"],
    }
    assert header["buses"] == [{"name": "car"} | {key: health[key] for key in health.keys() - names.keys()}]
    assert cast("int", health["missed"]) > 0
    assert 0 < cast("float", health["load_percent"]) < 30
    broken, good = cast("list[dict[str, str]]", twin["databases"])
    assert (broken["path"], good["path"]) == (str(tmp_path / "broken.dbc"), str(database_path()))
    assert ("error" in broken, "error" in good) == (True, False)

    # Labels of the vehicle stand among these.
    seen = re.findall(r'^edge_decode_frames_total{bus="car",.*fate="\w+".*} (\S+)$', metrics, re.MULTILINE)
    assert sum(map(float, seen)) == count
    assert re.search(r'^edge_decode_bus_state{bus="car",.*state="error_passive"} 1\.0$', metrics, re.MULTILINE)

    status = json.loads(answer.payload)
    assert status["buses"]["car"]["seen"] == count
    assert status["health"]["car"] == {key: health[key] for key in status["health"]["car"]}
    assert status["losses"] == {"frames": 0, "batches_refused": 0}

    assert sum(cast("int", event["seen"]) for event in told) == count
    # The second event is of what is left of the last minute.
    assert told[1]["load_percent"] == health["load_percent"]
    assert 0 < cast("float", told[0]["load_percent"]) < 30
    assert [(event["event"], event["state"]) for event in alarms if event["event"] == "decode.bus_troubled"] == [
        ("decode.bus_troubled", "error_passive"),
        ("decode.bus_troubled", "bus_off"),
        ("decode.bus_troubled", "error_passive"),
    ]
