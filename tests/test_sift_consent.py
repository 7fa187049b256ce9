"""What consent does to the rules: they stop at once, hold nothing over, and begin again without a memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.channel import Channel, WhenFull
from edge_agent.decode.bus_reports import BusReports
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.health import BusLine
from edge_agent.decode.plan import compile_plan
from edge_agent.policy.collector import Collector
from edge_agent.policy.rule_reports import RuleReports
from edge_agent.records import Batch, FrameBlock, Purpose, RawKind
from edge_agent.sift import Sift
from edge_agent.tap.latest import Latest
from edge_agent.twin.compilation import Config
from edge_agent.twin.desired import Applied, Twin
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.reported import Reported
from edge_agent.twin.vehicle_state import VehicleState
from tests.acquire.told import Told
from tests.contract.fake_source import block_of_frames

MS = 1_000_000
FIELD = BitField(0, 8, big_endian=False)
SIGNALS = tuple(Signal(name, FIELD, RawKind.UNSIGNED, 1, 0, "") for name in ("A", "Latitude"))
CATALOG = Catalog([("can0", [Database("a.dbc", (Message("M", 1, 1, SIGNALS),))])])
CHANGES = {"kind": "on_change", "signals": ["M.A"]}
AROUND_200 = {"kind": "event", "signals": ["M.A"], "when": "M.A == 200", "before_s": 600, "after_s": 0}
RULES: dict[str, dict[str, object]] = {
    "where": {**CHANGES, "purpose": "location"},
    "safe": {**CHANGES, "purpose": "safety"},
    "plain": dict(CHANGES),
    "crash": {**AROUND_200, "purpose": "location"},
    "brake": {**AROUND_200, "purpose": "safety"},
    "park": {"kind": "snapshot", "signals": ["M.A"], "purpose": "location"},
}
ALL = Purpose.CALENDAR | Purpose.TRIPS | Purpose.LOCATION | Purpose.CLOUD_TELEMETRY


def config(rules: object, version: int = 1) -> Config:
    desired = {"schema_version": 1, "rules": rules, "state": {"signals": ["M.*"]}, "$version": version}
    outcome = Twin(CATALOG).document(json.dumps({"desired": desired}))
    assert isinstance(outcome, Applied), outcome
    return outcome.config


@dataclass
class Bench:
    """A sift whose blocks are given one by one; block n is closed at n seconds and has one frame, of value n."""

    asks: bool = True
    kept: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.told, self.reported = Told(), Reported()
        self.frames: Channel[FrameBlock] = Channel("frames", 99, WhenFull.WAIT)
        self.configs: Channel[Config] = Channel("configs", 8, WhenFull.DROP_OLDEST)
        self.batches: Channel[Batch] = Channel("batches", 999, WhenFull.WAIT)
        self.state = VehicleState(self.reported, self.kept)
        self.collector = Collector(CATALOG.bus_names)
        self.sift = Sift(
            Decoding(compile_plan(CATALOG, ()), [BusLine("can0")]),
            BusReports(CATALOG.bus_names, self.reported, self.told),
            self.collector,
            Latest(),
            self.told,
            rule_reports=RuleReports(self.reported),
            vehicle_state=self.state,
            asks_for_consent=self.asks,
        )

    @asynccontextmanager
    async def runs(self, rules: object = RULES) -> AsyncIterator[None]:
        await self.configs.put(config(rules))
        async with asyncio.TaskGroup() as group:
            group.create_task(self.sift.run(self.frames, self.configs, self.batches), name="sift")
            yield
            await self.settle()
            self.frames.close()

    async def drive(self, *values: int) -> None:
        for value in values:
            await self.frames.put(one_frame(value))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    async def sealed(self) -> list[Batch]:
        return [batch async for batch in self.batches]


def one_frame(value: int) -> FrameBlock:
    at_ns = value * 1_000 * MS
    return replace(block_of_frames([(at_ns, 0, 1, bytes([value]))]), until_ns=at_ns + 1, uptime_ns=at_ns)


def at_s(second: float) -> int:
    return int(second * 1_000) * MS


def kept(batches: Sequence[Batch], rule: str) -> list[int]:
    mine = [batch for batch in batches if batch.rule.name == rule]
    return [int(raw) for batch in mine for column in batch.columns for raw in column.raw]


async def test_before_anybody_is_heard_only_what_needs_no_consent_runs() -> None:
    bench = Bench()
    async with bench.runs():
        await bench.drive(1, 2)

    batches = await bench.sealed()
    assert {batch.rule.name for batch in batches} == {"safe"}
    assert {batch.rule.purposes for batch in batches} == {Purpose(0)}
    assert bench.sift.waiting == {
        "where": ("location",),
        "plain": ("cloud_telemetry",),
        "crash": ("location",),
        "park": ("location",),
    }


async def test_where_nobody_is_asked_every_rule_runs_and_no_purposes_are_noted() -> None:
    bench = Bench(asks=False)
    bench.sift.follow_consent(Purpose(0), 0)
    async with bench.runs():
        await bench.drive(1, 2)

    batches = await bench.sealed()
    assert {batch.rule.name for batch in batches} == {"where", "safe", "plain"}
    assert {batch.rule.purposes for batch in batches} == {None}
    assert bench.sift.allowed is None


async def test_a_no_throws_away_what_is_open_and_takes_no_number_for_it() -> None:
    bench = Bench()
    bench.sift.follow_consent(ALL, 0)
    async with bench.runs():
        await bench.drive(1, 2, 3)
        first = bench.sift.follow_consent(ALL & ~Purpose.LOCATION, at_s(3.5))
        await bench.drive(4, 5)

    batches = await bench.sealed()
    assert {batch.rule.name for batch in batches} == {"safe", "plain"}
    assert kept(batches, "safe") == kept(batches, "plain") == [1, 2, 3, 4, 5]
    assert [batch.seq for batch in batches] == list(range(len(batches)))
    assert first == 2, "what goes on was sealed for it"


async def test_what_was_sealed_for_a_stopped_rule_has_a_smaller_number_than_is_returned() -> None:
    bench = Bench()
    bench.sift.follow_consent(ALL, 0)
    async with bench.runs():
        await bench.drive(1)
        sealed_before = bench.sift.flush()
        first = bench.sift.follow_consent(Purpose(0), at_s(1.5))

    assert {batch.rule.name for batch in sealed_before} >= {"where"}
    assert all(batch.seq < first for batch in sealed_before)


async def test_a_yes_begins_behind_the_blocks_that_were_closed_by_then() -> None:
    bench = Bench()
    async with bench.runs():
        await bench.drive(1)
        for value in (2, 3, 4):
            await bench.frames.put(one_frame(value))
        bench.sift.follow_consent(ALL, at_s(3.5))
        await bench.drive(5)

    assert kept(await bench.sealed(), "where") == [5]


async def test_an_event_after_a_yes_knows_nothing_of_what_was_before_it() -> None:
    bench = Bench()
    bench.sift.follow_consent(ALL, 0)
    async with bench.runs():
        await bench.drive(1, 2)
        bench.sift.follow_consent(Purpose(0), at_s(2.5))
        await bench.drive(11, 12)
        bench.sift.follow_consent(ALL, at_s(12.5))
        await bench.drive(21, 22, 200)

    batches = await bench.sealed()
    assert kept(batches, "crash") == [22, 200]
    assert set(kept(batches, "where")) == {22, 200}


async def test_a_snapshot_after_a_yes_knows_nothing_of_what_was_before_it() -> None:
    bench = Bench()
    bench.sift.follow_consent(ALL, 0)
    async with bench.runs({"park": RULES["park"], "stop": {**RULES["park"], "purpose": "safety"}}):
        await bench.drive(1)
        bench.sift.follow_consent(Purpose(0), at_s(1.5))
        await bench.drive(2)
        assert [batch.rule.name for batch in bench.sift.snapshot(["stop", "park"])] == ["stop"]
        bench.sift.follow_consent(ALL, at_s(2.5))
        await bench.frames.put(
            replace(
                one_frame(3),
                t_ns=one_frame(3).t_ns[:0],
                bus=one_frame(3).bus[:0],
                can_id=one_frame(3).can_id[:0],
                flags=one_frame(3).flags[:0],
                length=one_frame(3).length[:0],
                data=one_frame(3).data[:0],
            )
        )
        await bench.settle()
        assert bench.sift.snapshot(["park"]) == []
        await bench.drive(4)
        assert [batch.rule.name for batch in bench.sift.snapshot(["park"])] == ["park"]


async def test_a_decision_that_changes_no_rule_disturbs_none() -> None:
    bench = Bench()
    bench.sift.follow_consent(ALL, 0)
    async with bench.runs():
        await bench.drive(1, 2)
        bench.sift.follow_consent(ALL, at_s(2.5))
        await bench.drive(3)

    assert len([batch for batch in await bench.sealed() if batch.rule.name == "safe"]) == 1


async def test_the_twin_is_told_which_rules_wait_and_for_what() -> None:
    bench = Bench()
    async with bench.runs():
        await bench.drive(1, 7)

    rules = json.loads(bench.reported.due(10**18, last=True) or "{}")["rule_status"]
    assert rules["where"] == {"status": "waits_for_consent", "kept": 0, "batches": 0, "lacks": ["location"]}
    assert rules["plain"]["lacks"] == ["cloud_telemetry"]
    assert rules["safe"]["status"] == "running"
    assert "lacks" not in rules["safe"]


async def test_the_last_known_state_is_told_to_nobody_without_consent_to_telemetry() -> None:
    bench = Bench()
    bench.sift.follow_consent(ALL, 0)
    async with bench.runs():
        await bench.drive(1, 9)
        assert bench.state.body != {}
        bench.sift.follow_consent(Purpose.LOCATION, at_s(9.5))
        assert bench.state.body == {}
        await bench.drive(10, 20)
        assert bench.state.body == {}


async def test_a_place_is_in_the_last_known_state_with_consent_to_location_alone() -> None:
    bench = Bench()
    bench.sift.follow_consent(ALL, 0)
    async with bench.runs():
        await bench.drive(1, 9)
        assert set(bench.state.body) == {"M/A", "M/Latitude"}
        bench.sift.follow_consent(ALL & ~Purpose.LOCATION, at_s(9.5))
        assert set(bench.state.body) == {"M/A"}
        await bench.drive(10, 20)
        assert set(bench.state.body) == {"M/A"}
        bench.sift.follow_consent(ALL, at_s(20.5))
        await bench.drive(21, 22, 30, 40)
        assert set(bench.state.body) == {"M/A", "M/Latitude"}


def test_a_place_that_an_earlier_start_knew_is_forgotten_before_anything_runs() -> None:
    kept = {name: {"v": 1, "t_ms": 1} for name in ("M/A", "M/Latitude")}
    bench = Bench(kept=dict(kept))
    bench.sift.follow_consent(ALL & ~Purpose.LOCATION, 0)
    assert set(bench.state.body) == {"M/A"}
    bench = Bench(kept=dict(kept))
    bench.sift.follow_consent(ALL, 0)
    assert bench.state.body == kept


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), min_size=1, max_size=6))
def test_whatever_the_driver_decides_nothing_sampled_under_a_no_leaves(turns: list[tuple[bool, int]]) -> None:
    async def main() -> tuple[list[Batch], set[int]]:
        bench, allowed, second = Bench(), set[int](), 0
        async with bench.runs():
            for yes, blocks in turns:
                bench.sift.follow_consent(ALL if yes else Purpose(0), at_s(second + 0.5))
                for _ in range(blocks):
                    second += 1
                    await bench.drive(second)
                    allowed |= {second} if yes else set()
            await bench.drive(200)
            allowed |= {200} if turns[-1][0] else set()
        return await bench.sealed(), allowed

    batches, allowed = asyncio.run(main())
    for rule in ("where", "crash", "plain"):
        assert set(kept(batches, rule)) <= allowed
    assert kept(batches, "safe")[-1:] == [200]
    assert [batch.seq for batch in batches] == list(range(len(batches)))


async def test_what_is_withdrawn_while_the_last_batches_wait_for_the_disk_was_sealed_before() -> None:
    bench = Bench()
    bench.batches = Channel("batches", 1, WhenFull.WAIT)
    bench.sift.follow_consent(ALL, 0)
    async with bench.runs({"where": RULES["where"], "park": RULES["park"]}):
        await bench.drive(1)
        bench.sift.snapshot(["park"])
        await bench.drive(2)
        bench.sift.snapshot(["park"])
        bench.frames.close()
        await bench.settle()  # the channel is full, and `where` has kept something
        first_seq = bench.sift.follow_consent(ALL & ~Purpose.LOCATION, at_s(3))
        batches = await bench.sealed()

    assert kept(batches, "where") == [1, 2]
    assert [batch.seq for batch in batches if batch.seq >= first_seq] == []
    assert bench.sift.allowed == ALL & ~Purpose.LOCATION


@pytest.mark.parametrize(("allowed", "keys"), [(ALL, {"M/A"}), (ALL & ~Purpose.CLOUD_TELEMETRY, set())])
def test_a_state_that_an_earlier_start_kept_goes_before_anything_runs_where_it_needs_consent(
    allowed: Purpose, keys: set[str]
) -> None:
    bench = Bench(kept={"M/A": {"v": 1, "t_ms": 1_000}})

    bench.sift.follow_consent(allowed, 0)

    assert bench.state.body.keys() == keys
