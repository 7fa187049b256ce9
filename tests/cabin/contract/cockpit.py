"""What the page's server relies on, of whichever cockpit: subclass with a fixture `stand`."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cabin.ports import Answered, Cockpit, Download
from cabin.records import Answer, Purpose

VIEW_FIELDS = {
    "seq", "t", "drive", "market", "theme", "language", "redraw_ms", "locked", "private", "profile", "tiles",
    "connectivity", "meetings", "reminder", "trip", "dialer", "parked",
}  # fmt: skip
TILE_FIELDS = {"id", "value", "unit", "age_ms", "state", "label"}
MEETING_FIELDS = {
    "key", "start_s", "end_s", "all_day", "title", "place", "organiser", "cancelled", "can_dial", "number", "has_link",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stand:
    """A cockpit with at least one meeting, and its vehicle, which is parked at first."""

    cockpit: Cockpit
    park: Callable[[], Awaitable[None]]
    drive_off: Callable[[], Awaitable[None]]
    """each returns when the View is of it"""


def actions_for_a_parked_vehicle(cockpit: Cockpit) -> Mapping[str, Callable[[], Awaitable[Answered | Download]]]:
    return {
        "consent": lambda: cockpit.consent(Purpose.LOCATION, Answer.NO, "location.en", 1),
        "profile": lambda: cockpit.profile("guest"),
        "remove_profile": lambda: cockpit.remove_profile("another"),
        "language": lambda: cockpit.language("de"),
        "trips": cockpit.trips,
        "trip": lambda: cockpit.trip("none"),
        "delete_trips": lambda: cockpit.delete_trips(["none"]),
        "link": lambda: cockpit.link("none"),
        "bridge": cockpit.bridge,
        "export": lambda: cockpit.export("json"),
    }


def is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_finite(one) for one in value.values())
    if isinstance(value, list):
        return all(is_finite(one) for one in value)
    return not isinstance(value, float) or math.isfinite(value)


class CockpitContract:
    """Tests of the port."""

    @pytest.mark.parametrize("moving", [False, True])
    async def test_a_view_has_all_its_fields_and_is_json(self, stand: Stand, *, moving: bool) -> None:
        if moving:
            await stand.drive_off()
        view: Any = json.loads(json.dumps(stand.cockpit.view(), allow_nan=False))
        assert view.keys() == VIEW_FIELDS
        assert is_finite(view)
        assert view["locked"] == moving
        assert (view["parked"] is None) == moving
        assert (view["connectivity"]["detail"] is None) == moving
        assert all(tile.keys() == TILE_FIELDS for tile in view["tiles"])
        assert all(meeting.keys() == MEETING_FIELDS for meeting in view["meetings"])
        if moving:
            assert len(view["meetings"]) <= 1
            assert len(view["tiles"]) <= 6
            assert all(meeting["number"] is None for meeting in view["meetings"])

    async def test_the_number_of_a_view_is_the_cockpits(self, stand: Stand) -> None:
        assert stand.cockpit.view()["seq"] == stand.cockpit.seq
        assert stand.cockpit.view()["redraw_ms"] == stand.cockpit.redraw_ms

    async def test_a_change_is_told_and_one_that_was_before_is_told_at_once(self, stand: Stand) -> None:
        seq = stand.cockpit.seq
        waiting = asyncio.create_task(stand.cockpit.changed(seq), name="changed")
        await stand.drive_off()
        async with asyncio.timeout(1):
            await waiting
            await stand.cockpit.changed(seq)
        assert stand.cockpit.seq > seq

    async def test_waiting_for_a_change_can_be_given_up(self, stand: Stand) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await stand.cockpit.changed(stand.cockpit.seq + 1000)

    async def test_a_moving_page_redraws_at_most_twice_a_second(self, stand: Stand) -> None:
        await stand.drive_off()
        assert stand.cockpit.redraw_ms >= 500

    async def test_what_is_for_a_parked_vehicle_is_locked_while_driving(self, stand: Stand) -> None:
        await stand.drive_off()
        for name, act in actions_for_a_parked_vehicle(stand.cockpit).items():
            answered = await act()
            assert not isinstance(answered, Download), name
            status, body = answered
            assert (status, type(body["error"])) == (423, str), name

    async def test_private_mode_is_never_locked(self, stand: Stand) -> None:
        await stand.drive_off()
        for on in (True, False):
            assert await stand.cockpit.private(on=on) == (200, {"private": on})
            assert stand.cockpit.view()["private"] is on

    async def test_what_is_not_there_is_told(self, stand: Stand) -> None:
        for answered in (
            await stand.cockpit.dial("none"),
            await stand.cockpit.trip("none"),
            await stand.cockpit.link("none"),
        ):
            status, body = answered
            assert (status, type(body["error"])) == (404, str)

    async def test_an_answer_to_a_purpose_is_in_the_next_view(self, stand: Stand) -> None:
        for answer in (Answer.YES, Answer.NO):
            status, body = await stand.cockpit.consent(Purpose.TRIPS, answer, "trips.en", 1)
            told: Any = body
            view: Any = stand.cockpit.view()
            assert status == 200
            assert told["consent"]["trips"] == view["parked"]["consent"]["trips"] == answer

    async def test_a_new_profile_is_there_and_chosen_until_there_are_eight(self, stand: Stand) -> None:
        before: Any = stand.cockpit.view()
        free = [f"q{n}" for n in range(9 - len(before["parked"]["profiles"]))]
        for name in free:
            assert await stand.cockpit.profile(name) == (200, {"profile": name})
            view: Any = stand.cockpit.view()
            assert view["profile"] == name
            assert name in view["parked"]["profiles"]
        status, body = await stand.cockpit.profile("another")
        assert (status, type(body["error"])) == (409, str)

    async def test_a_name_that_cannot_be_a_profile_is_refused(self, stand: Stand) -> None:
        status, body = await stand.cockpit.profile("a/b")
        assert (status, type(body["error"])) == (409, str)

    async def test_a_guest_agrees_to_nothing_and_may_refuse(self, stand: Stand) -> None:
        assert await stand.cockpit.profile("guest") == (200, {"profile": "guest"})
        status, body = await stand.cockpit.consent(Purpose.TRIPS, Answer.YES, "trips.en", 1)
        assert (status, type(body["error"])) == (409, str)
        status, _ = await stand.cockpit.consent(Purpose.TRIPS, Answer.NO, "trips.en", 1)
        assert status == 200

    async def test_a_calendar_is_linked_by_who_has_allowed_it_and_by_nobody_else(self, stand: Stand) -> None:
        view: Any = stand.cockpit.view()
        assert view["parked"]["bridge"]
        for answer in (Answer.YES, Answer.NO):
            await stand.cockpit.consent(Purpose.CALENDAR, answer, "calendar.en", 1)
            status, body = await stand.cockpit.bridge()
            if answer is Answer.YES:
                assert (status, str(body["link"])[:8]) == (200, "https://")
            else:
                assert (status, type(body["error"])) == (409, str)
        await stand.cockpit.profile("guest")
        assert (await stand.cockpit.bridge())[0] == 409

    async def test_an_export_can_be_read_in_both_forms(self, stand: Stand) -> None:
        for form, kind in (("csv", "text/csv"), ("json", "application/json")):
            export = await stand.cockpit.export("csv" if form == "csv" else "json")
            assert isinstance(export, Download)
            assert export.content_type.startswith(kind)
            assert export.name.isascii()
            assert not set(export.name) & set('"/\\;\r\n ')
            content = b"".join([piece async for piece in export.pieces])
            assert form == "csv" or json.loads(content) is not None
