"""Events and snapshots of a recorded drive through the whole line, against what cantools says of the drive."""

import asyncio
import json
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from edge_agent.errors import LocalHubRefused
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.switchboard import MethodResult
from edge_agent.spool.reading import Payload
from tests.journey.line import (
    DEVICE,
    MODULE,
    agent_process,
    buses_variable,
    captures,
    delivered,
    desire,
    document,
    joined,
    local_hub,
)
from tests.journey.oracle import SECOND_NS, Bus, Expected, truth
from tests.journey.recordings import DATA, LOGS, recorded

ADDRESS = "127.0.0.76"
FOLDER = LOGS / "ford_mustang_s550"
LOG = FOLDER / "mustang_s550.log"
BUSES = (Bus("car", None, (FOLDER / "ford_lincoln_base_pt.dbc",)),)
SPEED = "EngVehicleSpThrottle2.Veh_V_ActlEng"
PEDAL = "EngBrakeData.BpedDrvAppl_D_Actl"
WHEELS = "WheelSpeed.WhlFl_W_Meas"
PRESSED = 2
FAST_KMH = 40

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LOGS.is_dir(), reason=f"NO EVENT OF A DRIVE WAS TESTED: {DATA} is missing"),
]


def becomes_fast(speed: Sequence[Expected]) -> list[int]:
    """When the drive goes over FAST_KMH."""
    return [now.t_ns for before, now in pairwise(speed) if now.value > FAST_KMH >= before.value]


def numbers(payloads: Sequence[Payload], rule: str, signal: str) -> list[tuple[int, float]]:
    return [(sample.t_ns, sample.number) for sample in joined(payloads).get((rule, signal), ())]


@pytest.mark.timeout(120)
async def test_the_seconds_around_an_event_of_a_drive_arrive_sample_by_sample(tmp_path: Path) -> None:
    event = {
        "kind": "event",
        "signals": [SPEED, WHEELS],
        "when": f"{SPEED} > {FAST_KMH}",
        "before_s": 5,
        "after_s": 2,
        "cooldown_s": 600,
        "time_unit": "ns",
        "raw_frames": True,
    }
    pedal = {"kind": "snapshot", "signals": [SPEED], "at": f"{PEDAL} == {PRESSED}", "edge": "both", "time_unit": "ns"}
    moving = {"kind": "on_change", "signals": [WHEELS], "while": f"{SPEED} > {FAST_KMH}", "time_unit": "ns"}
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(fast=event, pedal=pedal, moving=moving))
        variables = {"BUSES": buses_variable(BUSES), "REPLAY_LOG": str(LOG), "REPLAY_SPEED": "0"}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            assert await agent.ended(90) == 0, agent.text()
            assert agent.alarms() == []
    arrived = delivered(hub.folder).payloads
    samples = truth(recorded(LOG), BUSES).samples
    first_ns, *_ = becomes_fast(samples[SPEED])

    logs = captures(hub.folder)
    (tmp_path / "captured.log").write_bytes(b"".join(logs[seq] for seq in sorted(logs)))
    captured = list(recorded(tmp_path / "captured.log"))
    assert len(logs) > 1
    assert [one._replace(channel="") for one in captured] == [
        one._replace(channel="")
        for one in recorded(LOG)
        if first_ns - 5 * SECOND_NS <= one.t_ns <= first_ns + 2 * SECOND_NS
    ]
    assert {one.channel for one in captured} == {"car"}
    assert sorted([*logs, *(payload.seq for payload in arrived)]) == list(range(len(logs) + len(arrived)))
    for signal in (SPEED, WHEELS):
        around = [
            (one.t_ns, one.raw)
            for one in samples[signal]
            if first_ns - 5 * SECOND_NS <= one.t_ns <= first_ns + 2 * SECOND_NS
        ]
        assert len(around) > 100
        assert numbers(arrived, "fast", signal) == around
    whole = [payload.header for payload in arrived if payload.rule == "fast"][-1]
    assert (whole["why"], whole["fired_ms"]) == ("event", [first_ns // 1_000_000])
    turns = [now.t_ns for before, now in pairwise(samples[PEDAL]) if (now.raw == PRESSED) != (before.raw == PRESSED)]
    pressed = [payload.header for payload in arrived if payload.rule == "pedal"]
    assert [(header["why"], header["fired_ms"]) for header in pressed] == [("event", [t // 1_000_000]) for t in turns]
    assert [raw for _, raw in numbers(arrived, "pedal", SPEED)] == [last_before(samples[SPEED], t).raw for t in turns]
    fast = [t_ns for t_ns, _ in numbers(arrived, "moving", WHEELS)]
    assert fast
    assert all(last_before(samples[SPEED], t_ns).value > FAST_KMH for t_ns in fast)


def last_before(samples: Sequence[Expected], t_ns: int) -> Expected:
    """The sample that was known then."""
    return samples[bisect_right(samples, t_ns, key=lambda one: one.t_ns) - 1]


@pytest.mark.timeout(120)
async def test_a_snapshot_by_method_and_a_flush_arrive_while_the_drive_goes_on(tmp_path: Path) -> None:
    state = {"kind": "snapshot", "signals": [SPEED, WHEELS], "time_unit": "ns"}
    steady = {"kind": "on_change", "signals": [SPEED], "batch": {"max_age_s": 3600}}
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(state=state, steady=steady))
        variables = {"BUSES": buses_variable(BUSES), "REPLAY_LOG": str(LOG), "REPLAY_SPEED": "10"}
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            await agent.told("decode.plan_compiled")
            answer = await taken(hub.folder, '{"rule": "state"}', {"state": 2})
            flushed = await called(hub.folder, "flush")
            refused = await asked(hub.folder, "snapshot", '{"rule": "steady"}')
            status = await called(hub.folder, "status")
            assert await agent.ended(60) == 0, agent.text()
    arrived = delivered(hub.folder).payloads
    samples = truth(recorded(LOG), BUSES).samples

    assert answer == {"values": {"state": 2}}
    assert flushed == {"batches": 1}
    assert refused.status == 404
    assert status["events"] == dict.fromkeys(
        ("fired", "suppressed", "past_held", "past_lost", "frames_held", "frames_lost"), 0
    )
    assert [payload.header["why"] for payload in arrived if payload.rule == "steady"][:1] == ["flushed"]
    last = next(payload for payload in reversed(arrived) if payload.rule == "state")
    assert last.header["why"] == "event"
    [fired_ms] = cast("list[int]", last.header["fired_ms"])
    for sample in last.samples:
        known = [one for one in samples[sample.name] if one.t_ns // 1_000_000 <= fired_ms]
        assert sample.t_ns in {one.t_ns for one in known[-3:]}


async def asked(hub_folder: Path, method: str, payload: str = "null") -> MethodResult:
    return await asyncio.to_thread(AdminClient(hub_folder).invoke, DEVICE, MODULE, method, payload)


async def called(hub_folder: Path, method: str, payload: str = "null") -> dict[str, object]:
    found = await asked(hub_folder, method, payload)
    assert found.status == 200, found
    answer: dict[str, object] = json.loads(found.payload)
    return answer


async def taken(hub_folder: Path, payload: str, values: dict[str, int]) -> object:
    """Ask for snapshots until every signal is known."""
    async with asyncio.timeout(30):
        while True:
            try:
                found = await asked(hub_folder, "snapshot", payload)
                if found.status == 200 and (answer := json.loads(found.payload))["values"] == values:
                    return answer
            except LocalHubRefused:
                pass  # it does not listen yet
            await asyncio.sleep(0.05)
