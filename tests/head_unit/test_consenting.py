import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from errno import ENOSPC
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.errors import DiskBusy
from edge_agent.head_unit import consenting
from edge_agent.head_unit.consent import Consent, words
from edge_agent.head_unit.consent_file import ConsentFile
from edge_agent.head_unit.consenting import SECTION, Consenting, Followers
from edge_agent.records import Purpose
from edge_agent.twin.fitting import ROOMS
from edge_agent.twin.reported import Reported
from tests.acquire.told import Told
from tests.uplink.desk import until

ALL = Purpose.CALENDAR | Purpose.TRIPS | Purpose.LOCATION | Purpose.CLOUD_TELEMETRY


def said(version: int, *, private: bool = False, **answers: str) -> bytes:
    return json.dumps({"t": 7, "version": version, "private": private, "purposes": answers}).encode()


class World:
    """The rules and the spool, as far as consent knows them; acts in the order in which they came."""

    def __init__(self, path: Path) -> None:
        self.told, self.reported = Told(), Reported()
        self.path = path
        self.acts: list[object] = []
        self.next_seq = 0
        self.busy = 0
        """wipes that still fail"""
        self.full = 0
        """and what else is to be forgotten"""
        followers = Followers(allow=self.allow, wipe=self.wipe, forget=self.forget, waiting=dict)
        file = ConsentFile(path, self.told)
        self.consenting = Consenting(file, followers, self.reported, clock=SystemClock(), log=self.told)

    def allow(self, allowed: Purpose, _uptime_ns: int) -> int:
        self.acts.append(("allow", allowed))
        return self.next_seq

    async def wipe(self, purposes: Purpose, first_seq: int) -> None:
        kept = ConsentFile(self.path, self.told).read()
        self.acts.append(("wipe", purposes, first_seq, "noted" if purposes in kept[1] else "not noted"))
        if self.busy:
            self.busy -= 1
            raise DiskBusy("spool", "no room")

    def forget(self) -> None:
        self.acts.append("forget")
        if self.full:
            self.full -= 1
            raise OSError(ENOSPC, "No space left on device")

    def kept(self) -> tuple[Consent, Purpose]:
        return ConsentFile(self.path, self.told).read()

    def section(self) -> dict[str, object]:
        patch = json.loads(self.reported.due(10**18, last=True) or "{}")
        self.reported.answered(taken=False)
        found: dict[str, object] = patch[SECTION]
        return found

    async def acted(self, acts: int) -> None:
        await until(lambda: len(self.acts) >= acts)

    async def settled(self, acts: int) -> None:
        """So many acts, and then everything is on disk: it waits for another decision."""
        await until(lambda: len(self.acts) >= acts and self.waits_for_another)

    @property
    def waits_for_another(self) -> bool:
        return any(not waiter.done() for waiter in self.consenting._changed._waiters)

    @asynccontextmanager
    async def runs(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.consenting.run(), name="consent")
        yield
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "consent.json")


async def test_nobody_was_ever_heard_so_nothing_is_allowed(world: World) -> None:
    await world.consenting.begin()

    assert world.acts == [("allow", Purpose(0))]
    assert world.consenting.allowed == Purpose(0)
    assert not world.path.exists()


async def test_a_yes_is_kept_and_allowed_and_a_no_stops_first_is_noted_then_wiped(world: World) -> None:
    await world.consenting.begin()
    async with world.runs():
        world.consenting.hear(said(1, trips="YES", location="YES"))
        await world.settled(2)
        assert world.kept() == (Consent(1, yes=Purpose.TRIPS | Purpose.LOCATION, t_ms=7), Purpose(0))

        world.next_seq = 12
        world.consenting.hear(said(2, trips="YES", location="NO"))
        assert world.acts[-1] == ("allow", Purpose.TRIPS), "at once, before anything is awaited"
        await world.settled(6)

    assert world.acts[2:] == [
        ("allow", Purpose.TRIPS),
        ("wipe", Purpose.LOCATION, 12, "noted"),
        "forget",
        ("allow", Purpose.TRIPS),
    ]
    assert world.kept() == (Consent(2, yes=Purpose.TRIPS, no=Purpose.LOCATION, t_ms=7), Purpose(0))
    assert world.told.fields("policy.consent_wiped")[0]["purposes"] == ["location"]
    assert world.section()["purposes"] == {
        "calendar": "NOT_SET",
        "trips": "YES",
        "location": "NO",
        "cloud_telemetry": "NOT_SET",
    }


def test_all_there_is_to_say_has_room() -> None:
    told = {**Consent(10**9, private=True, t_ms=10**13).body(), "wiping": list(words(ALL))}

    assert len(json.dumps({SECTION: told})) <= ROOMS[SECTION]


async def test_a_yes_waits_until_what_was_withdrawn_is_wiped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consenting, "RETRY_S", 0.01)
    world.busy = 3
    await world.consenting.begin()
    async with world.runs():
        world.consenting.hear(said(1, trips="YES"))
        world.consenting.hear(said(2, trips="NO"))
        await asyncio.sleep(0)
        world.consenting.hear(said(3, trips="YES"))
        assert world.consenting.allowed == Purpose(0)
        await world.settled(10)

    wipes = [act for act in world.acts if act[0] == "wipe"]  # type: ignore[index]  # of those that are tuples
    assert len(wipes) == 4
    assert world.acts[-1] == ("allow", Purpose.TRIPS)
    assert world.acts.index(("allow", Purpose.TRIPS), 2) > world.acts.index("forget")
    assert world.told.levels("policy.consent_not_kept") == ["error", "debug", "debug"]

    world.busy = 1
    async with world.runs():
        world.consenting.hear(said(4, trips="NO"))
        await world.told.heard("policy.consent_not_kept", times=4)
    assert world.told.levels("policy.consent_not_kept")[3:] == ["error"], "another spell"


async def test_a_withdrawal_is_done_only_when_the_rest_of_the_disk_has_forgotten_it_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consenting, "RETRY_S", 0.01)
    world.full = 2
    await world.consenting.begin()
    async with world.runs():
        world.consenting.hear(said(1, location="YES"))
        world.consenting.hear(said(2, location="NO"))
        await world.told.heard("policy.consent_not_kept", times=2)
        assert world.told.fields("policy.consent_wiped") == []
        assert world.kept()[1] == Purpose.LOCATION
        await world.told.heard("policy.consent_wiped")
        await world.settled(0)

    assert world.acts.count("forget") == 3
    assert world.kept()[1] == Purpose(0)


async def test_a_wipe_that_was_cut_short_is_done_again_at_the_next_start(world: World) -> None:
    ConsentFile(world.path, world.told).write(Consent(3, yes=Purpose.TRIPS), Purpose.LOCATION)

    await world.consenting.begin()

    assert world.acts == [
        ("allow", Purpose.TRIPS),
        ("wipe", Purpose.LOCATION, 0, "noted"),
        "forget",
        ("allow", Purpose.TRIPS),
    ]
    assert world.kept()[1] == Purpose(0)


async def test_a_no_of_an_earlier_start_holds_and_private_mode_too(world: World) -> None:
    decided = Consent(3, private=True, yes=Purpose.TRIPS, no=Purpose.LOCATION)
    ConsentFile(world.path, world.told).write(decided, Purpose(0))

    await world.consenting.begin()

    assert world.consenting.allowed == Purpose(0)
    assert ("wipe", Purpose.LOCATION, 0, "noted") in world.acts


async def test_private_mode_stops_and_wipes_nothing(world: World) -> None:
    await world.consenting.begin()
    async with world.runs():
        world.consenting.hear(said(1, trips="YES", location="YES", calendar="YES", cloud_telemetry="YES"))
        world.consenting.hear(said(2, private=True, trips="YES", location="YES", calendar="YES", cloud_telemetry="YES"))
        await world.settled(3)

    assert world.acts == [("allow", Purpose(0)), ("allow", ALL), ("allow", Purpose(0))]
    assert world.kept()[0].private


async def test_what_cannot_be_read_is_told_and_changes_nothing(world: World) -> None:
    await world.consenting.begin()
    world.consenting.hear(said(1, trips="YES"))

    world.consenting.hear(b"nonsense")

    assert world.consenting.allowed == Purpose.TRIPS
    assert len(world.told.fields("policy.consent_refused")) == 1


async def test_the_retained_message_that_comes_again_is_no_news(world: World) -> None:
    await world.consenting.begin()
    for _ in range(3):
        world.consenting.hear(said(1, trips="YES"))

    assert len(world.acts) == 2


async def test_a_decision_that_cannot_be_written_is_obeyed_and_written_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consenting, "RETRY_S", 0.01)
    world.path.mkdir()
    await world.consenting.begin()
    async with world.runs():
        world.consenting.hear(said(1, trips="NO"))
        await world.acted(3)
        world.path.rmdir()
        await world.settled(4)

    assert ("wipe", Purpose.TRIPS, 0, "not noted") in world.acts
    assert world.kept() == (Consent(1, no=Purpose.TRIPS, t_ms=7), Purpose(0))
