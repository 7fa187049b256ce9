"""Link, budget and twin together, over a hub in memory."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.disk import Disk
from edge_agent.records import Acked, Envelope, Upload
from edge_agent.twin.reported import Reported
from edge_agent.uplink import tariff
from edge_agent.uplink.budget import Budget
from edge_agent.uplink.deliver import Delivery
from edge_agent.uplink.link import LinkSaid
from edge_agent.uplink.link_file import LinkFile
from edge_agent.uplink.metering import message_bytes
from edge_agent.uplink.spent_file import SpentFile
from edge_agent.uplink.tariff import Tariff
from tests.uplink.fakes import MemoryHub, MemorySpool, Recorder, Told, envelope
from tests.uplink.virtual_time import LoopClock, in_virtual_time

NOBODY = LinkSaid()
LEVEL = "uplink.budget_level_changed"


class SetClock(LoopClock):
    def __init__(self) -> None:
        self.synced: bool | None = True

    def is_synced(self) -> bool | None:
        return self.synced


class Scene:
    """A tariff and a delivery that follows it."""

    def __init__(self, folder: Path) -> None:
        self.log, self.reported, self.clock = Told(), Reported(), SetClock()
        self.spool, self.hub = MemorySpool(), MemoryHub(self.log)
        self.link_path = folder / "link.json"
        self.tariff = Tariff(
            LinkFile(self.link_path, self.log),
            SpentFile(folder / "spent.json", self.log),
            self.reported,
            clock=self.clock,
            log=self.log,
        )
        self.stop = asyncio.Event()
        self.delivery = Delivery(
            self.hub,
            self.spool,
            Recorder(self.reported),
            self.reported,
            clock=self.clock,
            random=lambda: 0.5,
            log=self.log,
            allowance=self.tariff.allowance,
            sending=self.tariff.sending,
        )

    @property
    def acked(self) -> int:
        return len(self.spool.keys(Acked))


async def play(folder: Path, act: Callable[[Scene], Awaitable[None]]) -> Scene:
    scene = Scene(folder)
    async with asyncio.TaskGroup() as group:
        delivery = group.create_task(scene.delivery.run(scene.stop), name="delivery")
        tariff = group.create_task(scene.tariff.run(), name="tariff")
        await act(scene)
        scene.stop.set()
        await delivery
        tariff.cancel()
    return scene


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110  there is no event for what a file or another task does
            await asyncio.sleep(0.01)


def parked(seq: int) -> Envelope:
    return replace(envelope(seq), upload=Upload.UNMETERED)


async def test_what_waits_for_an_unmetered_link_goes_when_the_file_says_there_is_one(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.spool.append([*map(parked, range(5)), envelope(9)])
        await until(lambda: scene.acked == 1)
        await asyncio.sleep(0.3)
        assert scene.acked == 1

        scene.link_path.write_text('{"metered": false}')
        await until(lambda: scene.acked == 6)

        scene.link_path.write_text('{"metered": true}')
        await until(lambda: scene.tariff.link.metered)
        await scene.spool.append([parked(10)])
        await asyncio.sleep(0.3)
        assert scene.acked == 6

    scene = await play(tmp_path, act)
    assert [fields["metered"] for fields in scene.log.fields("uplink.link_changed")] == [False, True]


async def test_the_twin_says_it_too_and_rules_that_wait_for_ever_are_told_once(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        for _ in range(3):
            scene.tariff.follow(NOBODY, Budget(), ("bulk",))
        assert scene.log.fields("uplink.unmetered_unknown") == [{"rules": ["bulk"]}]
        await scene.spool.append([parked(1)])

        scene.tariff.follow(LinkSaid(metered=False), Budget(), ("bulk",))

        await until(lambda: scene.acked == 1)
        assert scene.tariff.link.said_by == "twin"

    await play(tmp_path, act)


async def test_a_budget_that_runs_out_holds_all_but_the_first_priority_and_a_raised_one_lets_them_go(
    tmp_path: Path,
) -> None:
    size = message_bytes(envelope(100))

    async def act(scene: Scene) -> None:
        scene.tariff.follow(NOBODY, Budget(bytes_per_day=10 * size), ())
        await scene.spool.append([envelope(seq, priority=5) for seq in range(100, 107)])
        await until(lambda: scene.acked == 7)
        await scene.spool.append([envelope(107, priority=9)])
        await until(lambda: scene.acked == 8)
        assert scene.log.fields(LEVEL) == [{"level": "low", "percent": 80}]

        await scene.spool.append([envelope(108, priority=5), envelope(109, priority=4)])
        await until(lambda: scene.acked == 9)
        await scene.spool.append([envelope(110, priority=1)])
        await until(lambda: scene.acked == 10)
        assert scene.log.fields(LEVEL)[1:] == [{"level": "spent", "percent": 100}]

        await scene.spool.append([envelope(111, priority=1), envelope(112, priority=0)])
        await until(lambda: scene.acked == 11)
        await asyncio.sleep(0.2)
        assert sorted(key.seq for key in scene.spool.keys(Acked)) == [*range(100, 108), 109, 110, 112]

        scene.tariff.follow(NOBODY, Budget(bytes_per_day=100 * size), ())
        await until(lambda: scene.acked == 13)

    scene = await play(tmp_path, act)
    assert scene.log.fields(LEVEL)[2:] == [{"level": "open", "percent": 11}]


async def test_what_was_spent_and_may_be_is_reported_and_what_link_counts(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.tariff.connected({"since_ms": 5, "connects": 1})
    scene.tariff.follow(LinkSaid(roaming=True), Budget(bytes_per_day=1000, blocks_per_day=10), ())
    for _ in range(8):
        scene.tariff.sending(envelope(1))

    size = 8 * message_bytes(envelope(1))
    assert json.loads(str(scene.reported.due(0))) == {
        "link": {"since_ms": 5, "connects": 1, "metered": True, "roaming": True, "said_by": "nobody"},
        "budget": {
            "state": "low",
            "percent": 80,
            "spent": {
                "bytes_per_day": size,
                "bytes_per_month": size,
                "roaming_bytes_per_month": size,
                "blocks_per_day": 8,
            },
            "limits": {"bytes_per_day": 1000, "blocks_per_day": 10},
        },
    }


async def test_a_retry_is_spent_again_and_what_was_spent_survives_a_restart(tmp_path: Path) -> None:
    size = message_bytes(envelope(1))

    async def act(scene: Scene) -> None:
        scene.tariff.follow(NOBODY, Budget(bytes_per_month=1000 * size), ())
        scene.hub.ack_s = 0.2
        await scene.spool.append([envelope(1)])
        await until(lambda: len(scene.hub.arrived) == 1)
        scene.hub.drop()
        await until(lambda: scene.acked == 1)

    await play(tmp_path, act)

    assert Scene(tmp_path).tariff.spent.bytes_per_month == 2 * size


async def test_roaming_counts_by_itself_while_it_lasts(tmp_path: Path) -> None:
    size = message_bytes(envelope(1))

    async def act(scene: Scene) -> None:
        budget = Budget(roaming_bytes_per_month=size)
        scene.tariff.follow(LinkSaid(roaming=True), budget, ())
        await scene.spool.append([envelope(1)])
        await until(lambda: scene.acked == 1)
        await scene.spool.append([envelope(2)])
        await asyncio.sleep(0.2)
        assert scene.acked == 1

        scene.tariff.follow(LinkSaid(roaming=False), budget, ())
        await until(lambda: scene.acked == 2)

    scene = await play(tmp_path, act)
    assert scene.tariff.spent.roaming_bytes_per_month == size


async def test_what_was_spent_last_is_kept_behind_a_write_that_hangs_and_not_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tariff, "KEPT_NS", 0)
    hangs, goes_on, threads = threading.Event(), threading.Event(), set[threading.Thread]()
    rename = Disk.rename

    def slow(disk: Disk, old: Path, new: Path) -> None:
        threads.add(threading.current_thread())
        hangs.set()
        goes_on.wait(0 if threading.current_thread() is threading.main_thread() else 10)
        rename(disk, old, new)

    monkeypatch.setattr(Disk, "rename", slow)
    scene = Scene(tmp_path)
    scene.tariff.follow(NOBODY, Budget(bytes_per_month=10**9), ())
    running = asyncio.create_task(scene.tariff.run(), name="tariff")
    await asyncio.to_thread(hangs.wait, 10)
    scene.tariff.sending(envelope(1))
    running.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    await asyncio.wait((running,))

    assert Scene(tmp_path).tariff.spent.bytes_per_month == message_bytes(envelope(1))
    assert scene.log.at("warning") == []
    assert threading.main_thread() not in threads


async def test_without_limits_nothing_is_reported_of_a_budget(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.spool.append([envelope(1)])
        await until(lambda: scene.acked == 1)

    assert "budget" not in (await play(tmp_path, act)).hub.reported


def test_a_budget_is_overspent_by_no_more_than_the_message_that_spends_it(tmp_path: Path) -> None:
    async def main() -> Scene:
        scene = Scene(tmp_path)
        scene.tariff.follow(NOBODY, Budget(bytes_per_day=20_000), ())
        await scene.spool.append([envelope(seq, payload=bytes(8_500)) for seq in range(40)])
        async with asyncio.TaskGroup() as group:
            running = group.create_task(scene.delivery.run(scene.stop), name="delivery")
            await asyncio.sleep(60)
            scene.stop.set()
            await running
        return scene

    scene = in_virtual_time(main())
    assert len(scene.spool.keys(Acked)) == 2, "two are more than 80 %"
    assert scene.spool.pending == 38
