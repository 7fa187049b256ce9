import asyncio
from typing import Any

import pytest

from cabin.records import AgentStatus, Answer, Drive, Purpose, SignalInfo
from tests.cabin.clocks import SetClock
from tests.cabin.vehicles import SPEED, Vehicle, meeting


def test_the_first_moving_tick_locks() -> None:
    one = Vehicle()
    one.park()
    assert one.driving.drive is Drive.PARKED
    one.drive(1.0)
    assert one.driving.view()["locked"]


def test_three_steady_seconds_release_and_not_before() -> None:
    one = Vehicle()
    one.drive(50.0)
    one.drive(0.0, park=True, for_ms=2900)
    assert one.driving.view()["locked"]
    one.drive(0.0, park=True)
    assert not one.driving.view()["locked"]


def test_an_agent_that_is_gone_locks_within_a_second_and_dashes_within_three() -> None:
    one = Vehicle()
    one.park()
    one.clock.wait(1001)
    assert one.driving.view()["locked"]
    one.clock.wait(2000)
    view: Any = one.driving.view()
    assert [tile["value"] for tile in view["tiles"]] == [None]
    assert view["connectivity"]["word"] == "agent_gone"


@pytest.mark.parametrize(
    ("link_up", "spooled", "word"), [(True, 5, "online"), (False, 5, "waiting"), (False, 0, "offline")]
)
def test_the_link_is_told_in_a_word(link_up: bool, spooled: int, word: str) -> None:
    one = Vehicle()
    one.park()
    one.latest.hear(AgentStatus(online=True, link_up=link_up, spooled_batches=spooled))
    view: Any = one.driving.view()
    assert view["connectivity"]["word"] == word


def test_a_view_counts_on_only_when_there_is_something_to_draw() -> None:
    one = Vehicle()
    one.drive(50.0)
    seq = one.driving.seq
    one.drive(50.0, for_ms=500)
    assert one.driving.seq == seq
    one.drive(51.0)
    assert one.driving.seq == seq + 1


async def test_whoever_waits_is_told_of_the_tick_that_locks() -> None:
    one = Vehicle()
    one.park()
    seq = one.driving.seq
    waiting = asyncio.create_task(one.driving.changed(seq), name="waiting")
    await asyncio.sleep(0)
    one.drive(30.0)
    async with asyncio.timeout(1):
        await waiting


def test_a_reminder_is_shown_five_minutes_before() -> None:
    one = Vehicle()
    one.meetings = [meeting("a", one.clock.now // 1000 + 290)]
    one.answers["p1", Purpose.CALENDAR] = Answer.YES
    one.park()
    view: Any = one.driving.view()
    assert view["reminder"]["key"] == "a"


@pytest.mark.parametrize(("zone", "theme"), [("Europe/Berlin", "night"), ("Asia/Tokyo", "day")])
def test_without_a_sensor_the_hour_of_the_car_says_day_or_night(zone: str, theme: str) -> None:
    one = Vehicle()
    one.clock.name = zone
    one.clock.now = 1_795_320_000_000  # 2026-11-22 04:00 UTC
    assert one.driving.view()["theme"] == ("day" if zone == "Asia/Tokyo" else theme)


def test_a_zone_that_the_system_does_not_know_is_utc() -> None:
    one = Vehicle(clock=SetClock(name="CET-1CEST"))
    one.meetings = [meeting("a", one.clock.now // 1000 + 600)]
    one.answers["p1", Purpose.CALENDAR] = Answer.YES
    one.park()
    view: Any = one.driving.view()
    assert [shown["key"] for shown in view["meetings"]] == ["a"]


def test_roles_are_missing_once_the_agent_has_said_what_it_taps() -> None:
    one = Vehicle()
    assert not list(one.driving.missing_roles)
    one.latest.reconfigure({SPEED: SignalInfo("km/h")})
    one.driving.bind({})
    assert list(one.driving.missing_roles) == ["park_lock"]
    one.latest.reconfigure({})
    assert not list(one.driving.missing_roles)


def test_a_signal_of_the_place_is_known() -> None:
    one = Vehicle()
    assert one.driving.located_by("Vehicle.CurrentLocation.Latitude")
    assert one.driving.located_by("GPS.GPS_LATITUDE")
    assert not one.driving.located_by("Vehicle.Speed")


def test_a_place_is_told_to_apps_with_consent_and_never_in_private_mode() -> None:
    one = Vehicle()
    place = "Vehicle.CurrentLocation.Latitude"
    assert not one.driving.may_tell(place)
    one.answers["p1", Purpose.LOCATION] = Answer.YES
    assert one.driving.may_tell(place)
    one.driving.chosen.private = True
    assert not one.driving.may_tell(place)
    assert one.driving.may_tell(SPEED)
