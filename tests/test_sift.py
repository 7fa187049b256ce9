import asyncio
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge_agent.channel import Channel, WhenFull
from edge_agent.decode.bus_reports import BusReports
from edge_agent.decode.catalog import BitField, Catalog, ComputedPath, Database, Message, Signal, Source, Term
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.formula import Formula
from edge_agent.decode.health import BusLine
from edge_agent.decode.plan import DecodePlan, compile_plan
from edge_agent.errors import MethodRefused
from edge_agent.policy.collector import Collector
from edge_agent.policy.rule_reports import RuleReports
from edge_agent.records import Batch, CloseReason, FrameBlock, RawKind
from edge_agent.sift import ASKED_BATCHES, Sift
from edge_agent.tap.latest import Latest
from edge_agent.tap.recent_frames import RecentFrames
from edge_agent.twin.compilation import Config
from edge_agent.twin.desired import Applied, Twin
from edge_agent.twin.reported import Reported
from edge_agent.twin.vehicle_state import VehicleState
from tests.acquire.told import Told
from tests.contract.fake_source import block_of_frames

FIELD = BitField(0, 8, big_endian=False)
SIGNALS = tuple(Signal(name, FIELD, RawKind.UNSIGNED, 1.0, 0.0, "") for name in ("A", "B"))
MESSAGE = Message("M", 1, 1, SIGNALS)
INVERSE = ComputedPath("V.Inverse", "", (Term({"a": Source(MESSAGE, SIGNALS[0])}, Formula("1 / a", ("a",))),))
CATALOG = Catalog([("can0", [Database("a.dbc", (MESSAGE,), computed=(INVERSE,))])])
MS = 1_000_000


def config(version: int, *, quiet: dict[str, object] | None = None, **rules: object) -> Config:
    desired = {"schema_version": 1, "rules": rules, "quiet": quiet or {}, "$version": version}
    outcome = Twin(CATALOG).document(json.dumps({"desired": desired}))
    assert isinstance(outcome, Applied)
    return outcome.config


def every_change(*signals: str, **fields: object) -> dict[str, Any]:
    return {"kind": "on_change", "signals": list(signals), **fields}


def frames(*samples: tuple[int, int]) -> FrameBlock:
    return block_of_frames([(t_ms * MS, 0, 1, bytes([value])) for t_ms, value in samples])


class Bench:
    """A sift between its three channels."""

    def __init__(self, batches: int = 99) -> None:
        self.told = Told()
        self.frames: Channel[FrameBlock] = Channel("frames", 99, WhenFull.WAIT)
        self.configs: Channel[Config] = Channel("configs", 8, WhenFull.DROP_OLDEST)
        self.batches: Channel[Batch] = Channel("batches", batches, WhenFull.WAIT)
        self.latest = Latest()
        self.collector = Collector(CATALOG.bus_names)
        self.reported = Reported()
        self.reports = BusReports(CATALOG.bus_names, self.reported, self.told)
        decoding = Decoding(compile_plan(CATALOG, ()), [BusLine("can0")])
        self.wanted: list[list[str]] = []
        self.heard: list[bool] = []
        self.sift = Sift(
            decoding,
            self.reports,
            self.collector,
            self.latest,
            self.told,
            narrow=self.narrow,
            hear=self.heard.append,
        )

    def narrow(self, plan: DecodePlan) -> None:
        self.wanted.append([signal.name for signal in plan.signals])

    async def run(self) -> None:
        await self.sift.run(self.frames, self.configs, self.batches)

    async def sealed(self) -> list[Batch]:
        return [batch async for batch in self.batches]


def kept(batch: Batch) -> dict[str, list[int]]:
    return {column.signal.name: [int(raw) for raw in column.raw] for column in batch.columns}


async def test_frames_go_in_and_when_they_end_every_open_batch_comes_out() -> None:
    bench = Bench()
    await bench.configs.put(config(1, a=every_change("M.A"), b=every_change("M.B", "M.A")))
    await bench.frames.put(frames((0, 7), (1, 7), (2, 8)))
    bench.frames.close()

    await bench.run()

    found = await bench.sealed()
    assert [(batch.seq, batch.rule.name, batch.why) for batch in found] == [
        (0, "a", CloseReason.STOPPED),
        (1, "b", CloseReason.STOPPED),
    ]
    assert kept(found[1]) == {"M.B": [7, 8], "M.A": [7, 8]}
    assert (bench.sift.samples, bench.collector.counts[0][1].seen) == (6, 3)
    assert [value.value for value in bench.latest.values()] == [8.0, 8.0]
    assert len(bench.told.fields("policy.batch_sealed")) == 2


async def test_a_new_configuration_takes_over_between_two_blocks_and_loses_nothing() -> None:
    bench = Bench()
    await bench.configs.put(config(1, old=every_change("M.A", "M.B")))
    await bench.frames.put(frames((0, 1)))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        for _ in range(10):
            await asyncio.sleep(0)
        await bench.configs.put(config(2, old=every_change("M.B")))
        await bench.frames.put(frames((1, 2)))
        bench.frames.close()

    first, second = await bench.sealed()

    assert (first.why, first.config_version, kept(first)) == (CloseReason.CONFIG_CHANGED, 1, {"M.A": [1], "M.B": [1]})
    assert (second.why, second.config_version, kept(second)) == (CloseReason.STOPPED, 2, {"M.B": [2]})
    assert [batch.seq for batch in (first, second)] == [0, 1]
    assert [value.name for value in bench.latest.values()] == ["M.B"]
    assert bench.told.fields("decode.plan_compiled") == [
        {"config_version": 1, "signals": 2, "rows": 2},
        {"config_version": 2, "signals": 1, "rows": 1},
    ]


async def test_of_several_configurations_that_wait_the_last_runs() -> None:
    bench = Bench()
    for version in (1, 2, 3):
        await bench.configs.put(config(version, **{f"r{version}": every_change("M.A")}))
    await bench.frames.put(frames((0, 1)))
    bench.frames.close()

    await bench.run()

    assert [(batch.rule.name, batch.config_version) for batch in await bench.sealed()] == [("r3", 3)]


async def test_without_a_configuration_frames_are_counted_and_nothing_is_kept() -> None:
    bench = Bench()
    await bench.frames.put(frames((0, 1)))
    bench.frames.close()

    await bench.run()

    assert await bench.sealed() == []
    assert bench.collector.counts[0][1].decoded == 1


async def test_a_full_disk_side_holds_the_frames_and_loses_no_batch() -> None:
    bench = Bench(batches=1)
    await bench.configs.put(config(1, a=every_change("M.A", batch={"max_age_s": 0.1})))
    for i in range(20):
        await bench.frames.put(frames((i * 200, i)))
    bench.frames.close()
    found: list[Batch] = []

    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(bench.frames) > 10
        found += await bench.sealed()

    assert [batch.seq for batch in found] == list(range(20))
    assert [kept(batch)["M.A"] for batch in found] == [[i] for i in range(20)]


async def test_when_it_is_cancelled_the_batches_end() -> None:
    bench = Bench()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(bench.run())
        await asyncio.sleep(0)
        running.cancel()

    assert await bench.sealed() == []


async def test_a_block_that_breaks_a_promise_ends_it_aloud() -> None:
    bench = Bench()
    await bench.frames.put(replace(frames((0, 1)), data=np.zeros((1, 5), np.uint8)))
    bench.frames.close()

    with pytest.raises(ValueError, match="dtype"):
        await bench.run()
    assert await bench.sealed() == []


async def test_the_health_of_the_buses_is_told_with_the_batches_in_an_event_and_for_the_twin() -> None:
    bench = Bench()
    await bench.configs.put(config(1, a=every_change("M.A")))
    await bench.frames.put(block_of_frames([(0, 0, 1, b"\x07"), (MS, 0, 0x7FF, b"")]))
    bench.frames.close()

    await bench.run()

    [batch] = await bench.sealed()
    assert [health.unknown_ids for health in batch.health] == [(0x7FF,)]
    [told] = bench.told.fields("decode.bus_health")
    assert (told["bus"], told["seen"], told["unknown"], told["unknown_ids"]) == ("can0", 2, 1, ["7ff"])
    assert json.loads(bench.reported.due(0) or "")["health"]["can0"]["unknown_ids"] == ["7ff"]


async def test_a_path_whose_formula_has_no_number_is_told_once() -> None:
    bench = Bench()
    await bench.configs.put(config(1, a=every_change("V.Inverse")))
    for t_ms, value in enumerate((4, 0, 0, 2)):
        await bench.frames.put(frames((t_ms, value)))
    bench.frames.close()

    await bench.run()

    [batch] = await bench.sealed()
    assert [column.raw.view(np.float64).tolist() for column in batch.columns] == [[0.25, 0.5]]
    assert bench.told.fields("decode.computed_sample_left_out") == [{"path": "V.Inverse"}]
    assert bench.told.levels("decode.computed_sample_left_out") == ["warning"]


# --- what somebody asks for between two blocks ---------------------------------------------------

STATE = {"kind": "snapshot", "signals": ["M.A", "M.B"]}


async def after(bench: Bench, *blocks: FrameBlock) -> None:
    """Feed blocks, and wait until they are judged."""
    for block in blocks:
        await bench.frames.put(block)
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_source_is_told_what_each_configuration_wants() -> None:
    bench = Bench()
    await bench.configs.put(config(1, a=every_change("M.A")))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        await after(bench, frames((0, 7)))
        await bench.configs.put(config(2, b=every_change("M.B")))
        await after(bench, frames((1, 8)))
        bench.frames.close()

    assert bench.wanted == [["M.A"], ["M.B"]]


async def test_a_snapshot_that_was_asked_for_leaves_with_the_next_block() -> None:
    bench = Bench()
    await bench.configs.put(config(1, state=STATE))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        await after(bench, frames((0, 7)), frames((5000, 8)))
        taken = bench.sift.snapshot(["state"])
        assert (bench.sift.snapshot_rules, len(bench.batches)) == (("state",), 0)
        await after(bench, frames((5001, 9)))
        bench.frames.close()

    assert await bench.sealed() == list(taken)
    [batch] = taken
    assert (kept(batch), batch.why, batch.fired_ns) == ({"M.A": [7], "M.B": [7]}, CloseReason.EVENT, (5000 * MS,))


async def test_what_is_flushed_leaves_with_the_next_block_and_rules_go_on() -> None:
    bench = Bench()
    await bench.configs.put(config(1, a=every_change("M.A")))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        await after(bench, frames((0, 7)))
        assert [batch.why for batch in bench.sift.flush()] == [CloseReason.FLUSHED]
        assert bench.sift.flush() == []
        await after(bench, frames((1, 7), (2, 8)))
        bench.frames.close()

    assert [(batch.seq, kept(batch)) for batch in await bench.sealed()] == [(0, {"M.A": [7]}), (1, {"M.A": [8]})]


async def test_what_is_sealed_for_quiet_says_so_and_how_many_batches_there_are_to_wait_for() -> None:
    bench = Bench()
    await bench.configs.put(config(1, a=every_change("M.A"), b=every_change("M.B")))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        await after(bench, frames((0, 7)))
        assert bench.sift.seal_for_quiet() == 2
        assert bench.sift.seal_for_quiet() == 2, "nothing is open"
        await after(bench, frames((1, 7), (2, 8)))
        bench.frames.close()
    assert [batch.why for batch in await bench.sealed()] == [CloseReason.QUIET] * 2 + [CloseReason.STOPPED] * 2
    assert bench.sift.seal_for_quiet() == 4


async def test_the_condition_for_quiet_is_told_with_each_block_and_a_new_configuration_knows_nothing_of_it() -> None:
    bench = Bench()
    await bench.configs.put(config(1, quiet={"when": "M.A < 5"}))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        await after(bench, frames((0, 7)))
        await after(bench, frames((1, 3)))
        await after(bench, frames((2, 4)))
        await after(bench, frames((3, 9)))
        await after(bench, frames((4, 1)))
        await bench.configs.put(config(2, a=every_change("M.A")))
        await after(bench, frames((5, 1)))
        bench.frames.close()
    # As of the time up to which the stream is settled: the newest sample is not.
    assert bench.heard == [False, False, False, True, True, False, False]


async def test_what_was_asked_for_last_leaves_though_no_block_follows() -> None:
    bench = Bench()
    await bench.configs.put(config(1, a=every_change("M.A")))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        await after(bench, frames((0, 7)))
        bench.sift.flush()
        bench.frames.close()

    assert [batch.seq for batch in await bench.sealed()] == [0]


async def test_nobody_can_ask_for_more_than_the_disk_takes_or_after_the_end() -> None:
    bench = Bench()
    await bench.configs.put(config(1, state=STATE))
    async with asyncio.TaskGroup() as group:
        group.create_task(bench.run())
        await after(bench, frames((0, 7)), frames((5000, 8)))
        for _ in range(ASKED_BATCHES):
            bench.sift.snapshot(["state"])
        with pytest.raises(MethodRefused) as too_many:
            bench.sift.flush()
        bench.frames.close()
    with pytest.raises(MethodRefused) as too_late:
        bench.sift.flush()

    assert (too_many.value.status, too_late.value.status) == (429, 503)
    assert len(await bench.sealed()) == ASKED_BATCHES


async def test_the_twin_is_told_of_rules_and_state_while_frames_come_and_once_more_when_they_end() -> None:
    bench = Bench()
    outcome = Twin(CATALOG).document(
        json.dumps(
            {
                "desired": {
                    "schema_version": 1,
                    "rules": {"a": every_change("M.A")},
                    "state": {"signals": ["M.B"]},
                    "$version": 1,
                }
            }
        )
    )
    assert isinstance(outcome, Applied)
    reported, recent = Reported(), RecentFrames(1 << 20)
    state = VehicleState(reported, {"M/B": {"v": 3, "t_ms": 1}})
    sift = Sift(
        Decoding(compile_plan(CATALOG, ()), [BusLine("can0")]),
        bench.reports,
        bench.collector,
        bench.latest,
        bench.told,
        rule_reports=RuleReports(reported),
        vehicle_state=state,
        recent=recent,
    )
    await bench.configs.put(outcome.config)
    sent = [frames((0, 1)), frames((1000, 2))]
    for block in sent:
        await bench.frames.put(block)
    bench.frames.close()

    await sift.run(bench.frames, bench.configs, bench.batches)

    told = json.loads(reported.due(0) or "{}")
    assert told["vehicle_state"] == {"M/B": {"v": 2.0, "t_ms": 1000}}
    assert told["rule_status"] == {"a": {"status": "running", "kept": 2, "batches": 1, "last_ms": 1000}}
    assert recent.blocks() == tuple(sent)


async def test_the_first_decoded_frame_is_told_once() -> None:
    bench = Bench()
    unknown = block_of_frames([(0, 0, 7, b"\x01")])
    for block in (unknown, frames((10, 1)), frames((20, 2))):
        await bench.frames.put(block)
    bench.frames.close()
    await bench.sift.run(bench.frames, bench.configs, bench.batches)

    assert len(bench.told.fields("decode.first_frame_decoded")) == 1
    assert bench.told.levels("decode.first_frame_decoded") == ["info"]
