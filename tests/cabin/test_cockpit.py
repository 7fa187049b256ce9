from typing import Any

import pytest

from cabin.driving import GUEST
from cabin.ports import Download
from cabin.records import Answer, Market, Purpose
from tests.cabin.contract.cockpit import CockpitContract, Stand, actions_for_a_parked_vehicle
from tests.cabin.vehicles import FakeDialer, Vehicle, meeting, trip_of


def vehicle(**fields: Any) -> Vehicle:
    """Parked, with two meetings of whoever has allowed the calendar."""
    one = Vehicle(**fields)
    now_s = one.clock.now // 1000
    one.meetings = [meeting("a", now_s + 600, link="https://teams.example/a"), meeting("b", now_s + 7200, tel="")]
    one.answers["p1", Purpose.CALENDAR] = Answer.YES
    one.park()
    return one


class TestCabinCockpit(CockpitContract):
    @pytest.fixture
    def stand(self) -> Stand:
        one = vehicle()

        async def park() -> None:
            one.park()

        async def drive_off() -> None:
            one.drive(50.0)

        return Stand(one.cockpit, park, drive_off)


async def test_what_is_for_a_parked_vehicle_is_locked_in_the_moment_the_speed_is_old() -> None:
    one = vehicle()
    one.clock.wait(1001)
    for act in actions_for_a_parked_vehicle(one.cockpit).values():
        answered = await act()
        assert not isinstance(answered, Download)
        assert answered[0] == 423


async def test_one_tap_dials_number_and_id() -> None:
    one = vehicle()
    one.drive(50.0)
    assert await one.cockpit.dial("a") == (200, {"dialer": "dialing"})
    assert one.dialer.dialled == [("+496936505770", "123456789#")]
    view: Any = one.cockpit.view()
    assert view["dialer"] == {"state": "dialing", "meeting": "a"}
    assert "+49" not in str(view)


async def test_a_calendar_is_linked_to_who_drives_and_to_the_key_of_now() -> None:
    one = vehicle()
    one.car_key = "k1"
    link = "https://bridge.example/link?vehicle=v&profile=p1&key=k1"
    assert await one.cockpit.bridge() == (200, {"link": link})
    one.car_key = "k2"
    status, body = await one.cockpit.bridge()
    assert (status, body["link"]) == (200, link.replace("k1", "k2"))


async def test_a_vehicle_without_a_bridge_links_nothing_and_says_so() -> None:
    one = vehicle()
    one.driving.chosen.has_bridge = False
    view: Any = one.cockpit.view()
    assert not view["parked"]["bridge"]
    assert (await one.cockpit.bridge())[0] == 404


async def test_a_meeting_that_the_limits_cut_off_is_not_dialled() -> None:
    one = vehicle()
    one.meetings = [meeting(key, one.clock.now // 1000 + 600 * n) for n, key in enumerate("abcd", 1)]
    assert (await one.cockpit.dial("d"))[0] == 200
    one.drive(50.0)
    assert (await one.cockpit.dial("b"))[0] == 404


@pytest.mark.parametrize(("key", "state"), [("b", "idle"), ("a", "none")])
async def test_without_a_number_or_a_phone_it_says_so(key: str, state: str) -> None:
    one = vehicle(dialer=FakeDialer(state))
    status, body = await one.cockpit.dial(key)
    assert status == 409
    assert body["error"]
    assert not one.dialer.dialled


async def test_without_consent_there_is_no_meeting_to_see_or_dial() -> None:
    one = vehicle()
    await one.cockpit.consent(Purpose.CALENDAR, Answer.NO, "calendar.en", 1)
    assert one.cockpit.view()["meetings"] == []
    assert (await one.cockpit.dial("a"))[0] == 404
    assert (await one.cockpit.link("a"))[0] == 404


async def test_a_guest_cannot_agree() -> None:
    one = vehicle()
    await one.cockpit.profile(GUEST)
    status, body = await one.cockpit.consent(Purpose.TRIPS, Answer.YES, "trips.en", 1)
    assert status == 409
    assert body["error"]
    assert (await one.cockpit.consent(Purpose.TRIPS, Answer.NO, "trips.en", 1))[0] == 200


async def test_a_guest_sees_nobodys_meetings() -> None:
    one = vehicle()
    await one.cockpit.profile(GUEST)
    assert one.cockpit.view()["meetings"] == []


async def test_a_new_profile_is_there_when_it_was_chosen_and_gone_when_it_was_removed() -> None:
    one = vehicle()
    assert await one.cockpit.profile("p2") == (200, {"profile": "p2"})
    assert await one.cockpit.remove_profile("p2") == (200, {"profiles": [GUEST, "p1"]})
    assert one.forgotten == ["p2"]
    assert one.cockpit.view()["profile"] == GUEST


async def test_a_profile_that_the_disk_does_not_let_go_stays_in_the_list_and_says_why() -> None:
    one = vehicle()
    one.disk_refuses = True
    status, body = await one.cockpit.remove_profile("p1")
    assert status == 500
    assert "disk" in str(body["error"])
    assert "p1" in str(one.cockpit.view()["parked"])


async def test_a_reminder_can_be_dialled_though_the_list_is_cut_before_it() -> None:
    one = vehicle()
    now_s = one.clock.now // 1000
    one.meetings = [meeting("under-way", now_s - 600), meeting("next", now_s + 200)]
    one.drive(50.0)
    view: Any = one.cockpit.view()
    assert [shown["key"] for shown in view["meetings"]] == ["under-way"]
    assert view["reminder"]["can_dial"]
    assert (await one.cockpit.dial("next"))[0] == 200


async def test_a_plot_that_was_read_while_the_vehicle_moved_off_is_not_told() -> None:
    one = vehicle()
    one.trips = [trip_of("p1")]
    assert (await one.cockpit.trip("t1"))[0] == 200
    one.while_reading = lambda: one.drive(50.0)
    assert (await one.cockpit.trip("t1"))[0] == 423


async def test_private_mode_is_kept_for_a_restart_while_driving() -> None:
    one = vehicle()
    await one.cockpit.private(on=True)
    assert one.saved == 1


async def test_every_change_of_who_drives_and_what_holds_is_said_to_the_agent() -> None:
    one = vehicle()
    await one.cockpit.private(on=True)
    await one.cockpit.consent(Purpose.TRIPS, Answer.YES, "trips.en", 1)
    await one.cockpit.profile(GUEST)
    assert one.said == 3


async def test_moving_in_the_strict_market_shows_the_time_of_a_meeting_alone() -> None:
    one = vehicle(market=Market.STRICT)
    one.drive(50.0)
    view: Any = one.cockpit.view()
    assert [shown["title"] for shown in view["meetings"]] == [None]
    assert "Review" not in str(view)
