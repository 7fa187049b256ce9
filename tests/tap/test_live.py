"""The tap over a real broker, read as the cabin reads it and judged by the published schema."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from edge_agent.clock import SystemClock
from edge_agent.tap.latest import Latest
from edge_agent.tap.live import OFFLINE, LiveTap
from edge_agent.tap.local_bus import LocalBus
from edge_agent.tap.tick import SIGNALS, STATUS, TICK, TapAsked
from tests.policy.streams import SIGNALS as PLAN
from tests.policy.streams import block, sample
from tests.tap.broker import Mosquitto, mosquitto, until
from tests.uplink.fakes import Told

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "tap-1.schema.json").read_text())
MS = 1_000_000
SPEED, TORQUE, VOLTAGE = (signal.name for signal in PLAN)
STANDS: Mapping[str, Any] = {
    "link_up": True,
    "metered": None,
    "roaming": None,
    "spooled_batches": 1,
    "spooled_bytes": 2,
    "delivered_batches": 3,
    "lost_batches": 0,
}
ASKED = TapAsked(
    signals=(SPEED, TORQUE),
    topics=(VOLTAGE,),
    about={SPEED: {"unit": "km/h", "min": 0, "max": None, "labels": {"0": "still"}}},
)


def judge(topic: str, body: object) -> None:
    name = topic.rpartition("/")[2]
    Draft202012Validator({**SCHEMA, "$ref": f"#/$defs/{name}"}).validate(body)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path / "broker") as one:
        yield one


class Line:
    """What feeds a tap, by hand."""

    def __init__(self, broker: Mosquitto | None) -> None:
        self.clock, self.told = SystemClock(), Told()
        link = broker.link(self.told) if broker else None
        self.bus = LocalBus(link, OFFLINE, clock=self.clock, random=lambda: 0.0, log=self.told)
        self.tap = LiveTap(self.bus, 7, clock=self.clock, log=self.told)
        self.latest = Latest()
        self.latest.reconfigure(PLAN)
        self.stands = dict(STANDS)

    def block(self, *samples: tuple[int, float]) -> None:
        """A block ends now, and its samples were taken 20 ms before."""
        now_ns, uptime_ns = self.clock.both_ns()
        taken = [sample(now_ns - 20 * MS, signal, value) for signal, value in samples]
        ends = block(taken, now_ns)
        self.latest.update(replace(ends, uptime_ns=uptime_ns, epoch_ns=now_ns - uptime_ns))
        self.tap.feed(self.latest, uptime_ns)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = (
                group.create_task(self.bus.run(), name="bus"),
                group.create_task(self.tap.run(lambda: dict(self.stands)), name="tap"),
            )
            yield
            for task in tasks:
                task.cancel()


async def test_a_reader_gets_ticks_signals_and_status_as_the_schema_says(broker: Mosquitto) -> None:
    line = Line(broker)
    line.tap.follow(ASKED, PLAN, 42)
    async with broker.reader("tap/#") as reader, line.running():
        await until(lambda: line.bus.up)
        line.block((0, 10), (2, 1.5))
        await reader.heard(TICK)
        await reader.heard(STATUS)
        await reader.heard(SIGNALS)
        await asyncio.sleep(0.06)  # most of a tick's length, so that the next block ends one
        line.block((0, 12))
        first, second = await reader.heard(TICK, 2)
        for topic in (TICK, SIGNALS, STATUS):
            for body in reader.on(topic):
                judge(topic, body)
        own = [payload for topic, payload, _ in reader.messages if topic == "tap/v1/signal/Cell/Voltage"]

    assert (first["seq"], first["boot"], first["full"], first["v"]) == (1, 7, True, {SPEED: [5, 20]})
    assert (second["seq"], second["full"], second["v"]) == (2, False, {SPEED: [6, 20]})
    assert abs(int(str(first["t"])) - line.clock.now_ns() // MS) < 5_000
    assert own == [b"1.5"]
    assert reader.on(SIGNALS) == [{"boot": 7, "config_version": 42, "signals": ASKED.about}]
    status = reader.on(STATUS)[0]
    assert {name: status[name] for name in STANDS} == STANDS
    assert (line.tap.published, dict(line.tap.dropped)) == (2, {"offline": 0, "busy": 0, "cut": 0})


async def test_after_an_outage_the_first_tick_is_full_and_tells_how_many_were_missed(broker: Mosquitto) -> None:
    line = Line(broker)
    line.tap.follow(ASKED, PLAN, 1)
    async with line.running():
        await until(lambda: line.bus.up)
        line.block((0, 10))
        await until(lambda: line.tap.published == 1)
        await broker.kill()
        await until(lambda: not line.bus.up)
        while line.tap.dropped["offline"] < 3:
            line.block((0, 20), (1, 5))
            await asyncio.sleep(0.06)
        await broker.start()
        async with broker.reader("tap/#") as reader:
            await until(lambda: line.bus.up)
            line.block()
            [tick] = await reader.heard(TICK)
            await reader.heard(STATUS)
            await reader.heard(SIGNALS)

    assert (tick["seq"], tick["full"]) == (5, True)
    values: dict[str, list[int]] = tick["v"]  # type: ignore[assignment]  # JSON
    assert {name: value for name, (value, _) in values.items()} == {SPEED: 10, TORQUE: 2}
    assert all(age_ms >= 20 for _, age_ms in values.values())


async def test_an_agent_that_leaves_is_offline_for_whoever_comes_later(broker: Mosquitto) -> None:
    line = Line(broker)
    async with broker.reader(STATUS) as reader, line.running():
        await reader.heard(STATUS)
    async with broker.reader(STATUS) as later:
        assert await later.heard(STATUS) == [{"online": False}]
    judge(STATUS, {"online": False})


async def test_a_status_that_changes_is_told_within_about_a_second(broker: Mosquitto) -> None:
    line = Line(broker)
    async with broker.reader(STATUS) as reader, line.running():
        await reader.heard(STATUS)
        line.stands["link_up"] = False
        told = await reader.heard(STATUS, 2)
        line.tap.follow(ASKED, PLAN, 2)

    assert [one["link_up"] for one in told] == [True, False]
    assert 900 <= int(str(told[1]["t"])) - int(str(told[0]["t"])) < 3_000


async def test_a_new_configuration_is_told_at_once(broker: Mosquitto) -> None:
    line = Line(broker)
    async with broker.reader(SIGNALS) as reader, line.running():
        await reader.heard(SIGNALS)
        line.tap.follow(ASKED, PLAN, 2)
        assert [one["config_version"] for one in await reader.heard(SIGNALS, 2)] == [0, 2]


async def test_what_the_access_list_forbids_is_told_once_and_all_else_goes_on(broker: Mosquitto) -> None:
    acl = broker.folder / "acl"
    acl.write_text(acl.read_text().replace("topic write tap/#", "topic write tap/v1/status"))
    await broker.kill()
    await broker.start()
    line = Line(broker)
    async with broker.reader(STATUS) as reader, line.running():
        await reader.heard(STATUS)
        line.tap.follow(ASKED, PLAN, 2)
        line.stands["link_up"] = False
        await reader.heard(STATUS, 2)

    [refused] = line.told.fields("tap.message_refused")
    assert refused["topic"] == SIGNALS


async def test_without_a_broker_nothing_is_made_and_nothing_is_lost() -> None:
    line = Line(None)
    line.tap.follow(ASKED, PLAN, 1)
    async with asyncio.timeout(1):
        await line.tap.run(lambda: line.stands)
    line.block((0, 10))

    assert (line.tap.published, set(line.tap.dropped.values())) == (0, {0})
