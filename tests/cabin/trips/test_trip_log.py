from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cabin.errors import DiskRefused
from cabin.records import Answer, Purpose, TripSummary, Vehicle
from cabin.trips.journal import Bounds
from cabin.trips.outbox import Outbox
from cabin.trips.trip_log import TripLog, TripsAllowed
from tests.cabin.silent_log import SilentLog
from tests.cabin.trips.driving import NOW_MS, Car

YES = TripsAllowed("p1", trips=True, location=True, cloud=True)
HOME = (50.12345, 8.65432)


class Rig:
    """A trip log on a folder, and a car that it looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outbox = Outbox(folder / "outbox.jsonl", SilentLog())
        self.log = TripLog(folder, SilentLog(), outbox=self.outbox, bounds=Bounds(days=400))
        self.allowed = YES
        self.car = Car(self._look).is_set(odometer=100.0, drives_odometer=True, place=HOME, soc=80.0, power_kw=5.0)

    async def open(self) -> "Rig":
        await self.outbox.open()
        await self.log.open(now_ms=NOW_MS + self.car.up_ms)
        return self

    async def close(self) -> None:
        await self.log.close()
        await self.outbox.close()

    def drives(self, seconds: float = 200.0) -> "Rig":
        """And comes to stand."""
        self.car.is_set(ignition=True, speed=60.0).goes(seconds).is_set(speed=0.0).goes(1)
        return self

    def leaves(self) -> "Rig":
        """And does not come back."""
        self.car.is_set(ignition=False).goes(302, every_ms=1000)
        return self

    async def trips(self, profile: str = "p1") -> tuple[TripSummary, ...]:
        """Once the disk has all that was put."""
        await self.log.delete("nobody", [])
        return self.log.summaries(profile)

    def on_disk(self) -> bytes:
        """Everything of the folder."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file())

    def _look(self, vehicle: Vehicle, now_ms: int, up_ms: int) -> None:
        self.log.look(vehicle, now_ms=now_ms, up_ms=up_ms, allowed=self.allowed)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    one = await Rig(tmp_path).open()
    yield one
    await one.close()


async def again(rig: Rig) -> Rig:
    """After a start; whoever was there before is not asked to close."""
    other = Rig(rig.folder)
    other.car.up_ms = rig.car.up_ms + 60_000
    return await other.open()


async def test_a_trip_is_listed_with_its_plot_and_waits_for_the_agent(rig: Rig) -> None:
    rig.drives().leaves()
    (trip,) = await rig.trips()
    assert trip.distance_km == pytest.approx(3.33, abs=0.05)
    assert (trip.start_place, trip.end_place) == (HOME, HOME)
    plot = rig.log.plot(trip.id)
    assert plot is not None
    assert plot.keys() == {"t_s", "speed_kmh", "soc_percent", "power_kw"}
    assert len({len(column) for column in plot.values()}) == 1
    assert max(value or 0.0 for value in plot["speed_kmh"]) == 60.0
    assert [one.id for one in rig.outbox.waiting] == [trip.id]
    assert rig.log.now is None


async def test_all_of_it_survives_a_start(rig: Rig) -> None:
    rig.drives().leaves().drives().leaves()
    before = await rig.trips()
    assert len(before) == 2
    other = await again(rig)
    assert other.log.summaries("p1") == before
    assert other.log.plot(before[0].id) == rig.log.plot(before[0].id)
    assert {one.id for one in other.outbox.waiting} == {one.id for one in before}
    await other.close()


@pytest.mark.parametrize("seconds", [300, 303, 306, 309])
async def test_a_power_cut_closes_the_open_trip_at_its_last_tick(rig: Rig, seconds: int) -> None:
    rig.car.is_set(speed=60.0).goes(seconds)
    await rig.trips()
    other = await again(rig)
    (trip,) = other.log.summaries("p1")
    assert trip.end == "cut"
    assert rig.car.up_ms + NOW_MS - trip.end_s * 1000 <= 10_000
    plot = other.log.plot(trip.id)
    assert plot is not None
    assert plot["t_s"][-1] == pytest.approx(trip.end_s - trip.start_s, abs=2)
    assert not (other.folder / "open.jsonl").exists()
    assert [one.id for one in other.outbox.waiting] == [trip.id]
    await other.close()


async def test_power_that_goes_with_the_ignition_is_no_cut(rig: Rig) -> None:
    rig.drives(204)
    rig.car.is_set(ignition=False).goes(0.2)
    await rig.trips()
    other = await again(rig)
    assert [trip.end for trip in other.log.summaries("p1")] == ["ignition_off"]
    await other.close()


async def test_a_trip_that_is_cut_before_it_is_worth_keeping_is_gone(rig: Rig) -> None:
    rig.drives(12)
    await rig.trips()
    other = await again(rig)
    assert other.log.summaries("p1") == ()
    assert other.on_disk() == b""
    await other.close()


async def test_a_short_trip_leaves_nothing(rig: Rig) -> None:
    rig.drives(12).leaves()
    assert await rig.trips() == ()
    assert rig.on_disk() == b""


@pytest.mark.parametrize(
    "allowed", [TripsAllowed("p1"), TripsAllowed("p1", trips=True, private=True), TripsAllowed("guest")]
)
async def test_without_consent_or_in_private_there_are_live_numbers_and_nothing_on_disk(
    rig: Rig, allowed: TripsAllowed
) -> None:
    rig.allowed = allowed
    rig.drives()
    assert rig.log.now is not None
    assert rig.log.now.km == pytest.approx(3.33, abs=0.05)
    assert await rig.trips(allowed.profile) == ()
    assert rig.on_disk() == b""
    rig.leaves()
    assert await rig.trips(allowed.profile) == ()
    assert rig.on_disk() == b""


async def test_a_stop_in_private_mode_notes_nothing(tmp_path: Path) -> None:
    rig = await Rig(tmp_path).open()
    rig.allowed = TripsAllowed("p1", trips=True, private=True)
    rig.drives()
    await rig.close()
    assert rig.on_disk() == b""


async def test_a_trip_that_becomes_private_is_dropped_whole(rig: Rig) -> None:
    rig.drives()
    rig.allowed = TripsAllowed("p1", trips=True, private=True)
    rig.drives().leaves()
    assert await rig.trips() == ()
    assert rig.on_disk() == b""


async def test_nothing_of_a_private_stretch_is_in_the_trip_behind_it(rig: Rig) -> None:
    rig.allowed = TripsAllowed("p1", trips=True, private=True)
    rig.car.is_set(speed=120.0, place=(48.0, 11.0)).goes(600)
    rig.allowed = YES
    ended_ms = rig.car.up_ms
    rig.car.is_set(place=HOME)
    rig.drives(200).leaves()
    (trip,) = await rig.trips()
    assert trip.start_s * 1000 >= NOW_MS + ended_ms - 1000
    assert trip.distance_km == pytest.approx(3.33, abs=0.05)
    assert trip.max_speed_kmh == 60.0
    assert trip.start_place == HOME
    plot = rig.log.plot(trip.id)
    assert plot is not None
    assert max(value or 0.0 for value in plot["speed_kmh"]) == 60.0


async def test_a_trip_is_of_the_profile_that_drove_it(rig: Rig) -> None:
    rig.drives()
    rig.allowed = TripsAllowed("p2", trips=True)
    rig.car.is_set(ignition=False).goes(1)
    rig.drives().leaves()
    assert [trip.profile for trip in await rig.trips("p1")] == ["p1"]
    assert [trip.profile for trip in await rig.trips("p2")] == ["p2"]
    assert [one.profile for one in rig.outbox.waiting] == ["p1"]  # p2 has not agreed to the cloud


async def test_deleting_takes_them_from_the_file_and_from_what_waits(rig: Rig) -> None:
    rig.drives().leaves().drives().leaves()
    newest, oldest = await rig.trips()
    assert await rig.log.delete("p2", [oldest.id]) == 0
    assert await rig.log.delete("p1", [oldest.id]) == 1
    assert rig.log.summaries("p1") == (newest,)
    assert rig.log.plot(oldest.id) is None
    assert oldest.id.encode() not in rig.on_disk()
    assert newest.id.encode() in rig.on_disk()
    assert await rig.log.delete("p1", None) == 1
    assert rig.on_disk() == b""


async def test_deleting_all_takes_the_open_one_too(rig: Rig) -> None:
    rig.drives()
    assert await rig.log.delete("p1", None) == 0
    rig.car.goes(30)
    assert await rig.trips() == ()
    assert rig.on_disk() == b""


async def test_forgotten_places_are_gone_from_every_file(rig: Rig) -> None:
    rig.drives().leaves().drives()
    rig.allowed = TripsAllowed("p1", trips=True, cloud=True)
    rig.car.goes(0.1)
    await rig.log.forget_places("p1")
    assert b"50.12345" not in rig.on_disk()
    rig.leaves()
    assert [trip.start_place for trip in await rig.trips()] == [None, None]
    assert b"50.12345" not in rig.on_disk()


async def test_a_disk_that_refuses_is_asked_again_and_nothing_is_lost(rig: Rig) -> None:
    rig.drives()
    await rig.trips()
    aside = rig.folder.rename(rig.folder.with_name("aside"))
    rig.folder.touch()
    rig.leaves()
    with pytest.raises(DiskRefused, match="the disk refuses what the trips keep: Not a directory"):
        await rig.trips()
    rig.folder.unlink()
    aside.rename(rig.folder)
    (trip,) = await rig.trips()
    assert trip.end == "ignition_off"
    assert [one.id for one in rig.outbox.waiting] == [trip.id]


def test_only_a_yes_is_a_yes() -> None:
    answers = dict.fromkeys(Purpose, Answer.YES) | {Purpose.TRIPS: Answer.NOT_SET}
    allowed = TripsAllowed.by("p1", answers, private=False)
    assert (allowed.trips, allowed.location, allowed.cloud) == (False, True, False)
    assert not allowed.keeps


async def test_a_cut_trip_that_was_not_for_the_cloud_stays_in_the_car(rig: Rig) -> None:
    rig.allowed = TripsAllowed("p1", trips=True)
    rig.drives()
    await rig.trips()
    other = await again(rig)
    assert len(other.log.summaries("p1")) == 1
    assert other.outbox.waiting == ()
    await other.close()
