"""Each direct method, called as the inbox calls it; without consent: tests/head_unit/test_door.py."""

import inspect
from pathlib import Path

import pytest

from edge_agent.errors import MethodRefused
from edge_agent.head_unit.consent_file import ConsentFile
from edge_agent.records import CloseReason, Purpose
from edge_agent.twin.answers import methods_of
from edge_agent.twin.methods import Answer, Method
from tests.acquire.told import Told
from tests.head_unit.test_door import CABIN, YES_BUT_LOCATION, door_in
from tests.test_sift import Bench, config, every_change, frames


async def called(method: Method, payload: object) -> Answer:
    answer = method(payload)
    return await answer if inspect.isawaitable(answer) else answer


async def trials(payload: object) -> Answer:
    return {"tried": payload}


async def test_each_method_is_answered_by_who_knows(tmp_path: Path) -> None:
    bench = Bench()
    await bench.configs.put(config(1, all=every_change("M.A")))
    await bench.frames.put(frames((0, 7)))
    bench.frames.close()
    await bench.run()
    async with door_in(tmp_path) as door:
        methods = methods_of(bench.sift, bench.latest, trials, door, lambda: {"boot": 3})

        assert await called(methods["status"], None) == {"boot": 3}
        assert await called(methods["latest"], None) == {"M.A": {"value": 7.0, "unit": "", "t_ms": 0}}
        assert await called(methods["rules.test"], {"rules": {}}) == {"tried": {"rules": {}}}
        with pytest.raises(MethodRefused, match="no such rule of kind snapshot runs; there are: none"):
            await called(methods["snapshot"], None)
        assert set(methods) == {"status", "latest", "snapshot", "flush", "rules.test"}
    assert [batch.why for batch in await bench.sealed()] == [CloseReason.STOPPED]


async def test_a_flush_seals_what_is_open(tmp_path: Path) -> None:
    bench = Bench()
    await bench.configs.put(config(1, all=every_change("M.A")))
    async with door_in(tmp_path) as door:
        methods = methods_of(bench.sift, bench.latest, trials, door, dict)

        assert await called(methods["flush"], None) == {"batches": 0}
        with pytest.raises(MethodRefused, match="the payload must be null"):
            await called(methods["flush"], {"rule": "all"})


async def test_a_trial_of_a_condition_on_a_place_needs_consent_to_it(tmp_path: Path) -> None:
    bench = Bench()
    ConsentFile(tmp_path / "consent.json", Told()).write(YES_BUT_LOCATION, Purpose(0))
    async with door_in(tmp_path, **CABIN) as door:
        await door.begin()
        methods = methods_of(bench.sift, bench.latest, trials, door, dict)

        assert await called(methods["rules.test"], {"when": "M.A > 1"}) == {"tried": {"when": "M.A > 1"}}
        with pytest.raises(MethodRefused, match="the driver has not consented to location"):
            await called(methods["rules.test"], {"when": "Vehicle.CurrentLocation.Latitude > 52"})
