"""What the car shows, opened, against an oracle, whatever Graph does."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from calendar_bridge.folder import Folder
from tests.cloud.calendar_bridge.mailbox import Appointment
from tests.cloud.calendar_bridge.stage import NOON_S, PROFILE, VEHICLE, Stage, stage
from tests.cloud.calendar_bridge.web_server import Asked, Reply

NOON = datetime.fromtimestamp(NOON_S, UTC)
DIAL = {"joinUrl": "https://teams.example/l/1", "tollNumber": "+49 69 36505770", "conferenceId": "123456789"}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(Folder(tmp_path)) as one:
        yield one


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


async def test_the_next_meetings_reach_the_car_and_no_others(scene: Stage) -> None:
    for hours in (-5, -0.5, 1, 20, 48, 60, 100):
        scene.graph.put(Appointment(f"e{hours}", subject=f"at {hours}", start=at(hours), who="A. Example", dial=DIAL))
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert len(scene.shown()) == 4


async def test_changes_and_removals_follow_and_only_what_changed_is_sent(scene: Stage) -> None:
    for number in range(6):
        scene.graph.put(Appointment(f"e{number}", start=at(number)))
    await scene.settle()
    before = dict(scene.hub.desired[VEHICLE]["calendar"][PROFILE])  # type: ignore[index]

    scene.graph.put(replace(scene.graph.appointments["e1"], subject="Moved", start=at(3.5)))
    scene.graph.remove("e2")
    await scene.settle()

    after = scene.hub.desired[VEHICLE]["calendar"][PROFILE]  # type: ignore[index]
    assert scene.shown() == scene.expected()
    assert sum(after.get(key) == item for key, item in before.items()) == 4


async def test_nothing_is_sent_where_nothing_changed(scene: Stage) -> None:
    scene.graph.put(Appointment("e1", start=at(2)))
    await scene.settle()
    await scene.settle()

    assert scene.hub.patches == 1


async def test_a_removed_event_that_was_never_in_the_window_changes_nothing(scene: Stage) -> None:
    scene.graph.put(Appointment("near", start=at(1)))
    await scene.settle()
    scene.graph.put(Appointment("far", start=at(2000)))  # told as @removed, for it is outside
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert len(scene.shown()) == 1


async def test_an_event_of_next_week_comes_into_view_with_the_days(scene: Stage) -> None:
    scene.graph.put(Appointment("e1", start=at(6 * 24)))
    await scene.settle()
    assert scene.shown() == []

    for _ in range(6):
        scene.clock.s += 86_400
        await scene.settle()
        assert scene.shown() == scene.expected()
    assert len(scene.shown()) == 1


async def test_the_window_is_read_anew_at_midnight_though_nobody_tells_of_a_change(scene: Stage) -> None:
    await scene.settle()
    midnight_s = NOON_S + 12 * 3_600

    scene.clock.s = midnight_s - 1
    await scene.follower.step()
    assert scene.follower.schedule.sync.at_s == midnight_s
    scene.clock.s = midnight_s
    with capture_logs() as logs:
        await scene.follower.step()

    assert [log["reason"] for log in logs if log["event"] == "sync.calendar_seeded"] == ["midnight"]


async def test_occurrences_have_what_their_series_says_and_the_series_is_not_shown(scene: Stage) -> None:
    times = {number: at(-24 * 30 + 24 * number + 1) for number in range(40)}
    scene.graph.put(Appointment("s", subject="Standup", start=times[0], times=times, dial=DIAL, place="Room 4"))
    await scene.settle()
    assert scene.shown() == scene.expected()
    assert len(scene.shown()) == 2  # the third is beyond 49 h

    # It began before the window: Graph tells of its change as of a removal.
    scene.graph.put(replace(scene.graph.appointments["s"], subject="Standup, new room", place="Room 5"))
    await scene.settle()
    assert scene.shown() == scene.expected()

    scene.graph.remove("s")
    await scene.settle()
    assert scene.shown() == []


async def test_a_meeting_on_the_day_of_the_clock_change_is_at_its_instant(scene: Stage) -> None:
    scene.clock.s = datetime(2026, 10, 24, 12, tzinfo=UTC).timestamp()
    scene.restarted()
    for hour in range(6):  # Berlin puts its clocks back on 25 October at 01:00 UTC
        scene.graph.put(Appointment(f"e{hour}", start=datetime(2026, 10, 25, hour, 30, tzinfo=UTC)))
    scene.graph.put(Appointment("day", days=(date(2026, 10, 25), date(2026, 10, 25)), show="free"))
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert len(scene.shown()) == 7


@pytest.mark.parametrize("zone", ["W. Europe Standard Time", "Tokyo Standard Time", "UTC"])
async def test_all_day_items_are_dates_wherever_they_were_made(scene: Stage, zone: str) -> None:
    for first in range(17, 28):
        days = (date(2026, 11, first), date(2026, 11, first + 1))
        scene.graph.put(Appointment(f"e{first}", subject=str(first), days=days, zone=zone, show="free"))
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert {"21", "22", "23", "24"} <= {str(one[4]) for one in scene.shown()}


async def test_times_are_right_too_where_the_preferred_zone_is_not_heeded(scene: Stage) -> None:
    scene.graph.ignores_prefer = True
    scene.graph.put(Appointment("e1", start=at(2)))
    scene.graph.put(Appointment("e2", days=(NOON.date(), NOON.date())))
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert len(scene.shown()) == 2


async def test_dial_in_fields_may_be_missing_and_the_text_is_never_read(scene: Stage) -> None:
    scene.graph.put(Appointment("none", start=at(1)))
    scene.graph.put(Appointment("link", start=at(2), dial={"joinUrl": "https://teams.example/l/2"}))
    scene.graph.put(Appointment("both", start=at(3), dial=DIAL))
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert sorted(str(one[7]) for one in scene.shown()) == ["", "", "+496936505770"]


async def test_who_is_throttled_waits_as_long_as_was_asked_and_goes_on_with_the_same_page(scene: Stage) -> None:
    for number in range(10):
        scene.graph.put(Appointment(f"e{number}", start=at(number)))
    delta = "/v1.0/me/calendarView/delta"
    await scene.settle()
    scene.graph.forget_tokens()
    await scene.follower.step()
    scene.server.asked.clear()
    for status in (429, 503):
        scene.server.failures.append((delta, Reply(status, {"error": {"code": "X"}}, {"Retry-After": "37"})))
    begun_s = scene.clock.s
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert scene.clock.s >= begun_s + 2 * 37


async def test_a_round_goes_on_where_it_was_broken_off(scene: Stage) -> None:
    for number in range(10):
        scene.graph.put(Appointment(f"e{number}", start=at(number)))
    original = scene.server.routes["/v1.0/me/calendarView/delta"]
    pages = []

    def breaking(asked: Asked) -> Reply:
        pages.append(asked.query)
        return Reply(429, None, {"Retry-After": "1"}) if len(pages) in {2, 4} else original(asked)

    scene.server.routes["/v1.0/me/calendarView/delta"] = breaking
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert sum("startDateTime" in query for query in pages) == 1


async def test_a_lost_state_token_has_the_window_read_anew(scene: Stage) -> None:
    scene.graph.put(Appointment("e1", start=at(1)))
    await scene.settle()
    scene.graph.remove("e1")
    scene.graph.put(Appointment("e2", start=at(2)))
    scene.graph.forget_tokens()
    with capture_logs() as logs:
        await scene.settle()

    assert scene.shown() == scene.expected()
    assert "state lost" in [log["reason"] for log in logs if log["event"] == "sync.calendar_seeded"]


async def test_what_does_not_fit_the_twin_is_left_out_from_the_far_end(scene: Stage) -> None:
    scene.hub.desired[VEHICLE]["notes"] = "x" * 3_000
    for number in range(200):
        start = at(0.2 * number)
        scene.graph.put(Appointment(f"e{number}", subject=f"{number} " + "ü" * 60, start=start, dial=DIAL))
    scene.graph.page_size = 50
    with capture_logs() as logs:
        await scene.settle()

    shown, wanted = scene.shown(), scene.expected()
    starts = [one[0] for one in shown]
    assert 40 < len(shown) < len(wanted)
    assert sorted(starts) == sorted(one[0] for one in wanted)[: len(shown)]  # type: ignore[type-var]
    assert [log["count"] for log in logs if log["event"] == "sync.items_left_out"] == [len(wanted) - len(shown)]


async def test_another_process_goes_on_with_higher_versions(scene: Stage) -> None:
    scene.graph.put(Appointment("e1", start=at(1)))
    await scene.settle()
    scene.shown()
    scene.clock.s -= 100  # its clock is behind
    scene.restarted()
    scene.graph.put(Appointment("e1", subject="New", start=at(1)))
    await scene.settle()

    assert scene.shown() == scene.expected()


async def test_a_replaced_refresh_token_is_kept_before_it_is_needed(scene: Stage) -> None:
    await scene.settle()
    (kept,) = await scene.grants.all()
    assert (kept.refresh_token, scene.graph.refreshed) == (scene.graph.refresh_token, 1)

    scene.clock.s += 3_600
    await scene.settle()
    (kept,) = await scene.grants.all()
    assert (kept.refresh_token, scene.graph.refreshed) == (scene.graph.refresh_token, 2)


async def test_an_access_token_that_is_no_longer_taken_is_replaced(scene: Stage) -> None:
    await scene.settle()
    scene.graph.access_token += " of another"
    scene.graph.put(Appointment("e1", start=at(1)))
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert scene.clock.s < NOON_S + 60


async def test_with_the_consent_the_items_go_and_the_loop_ends(scene: Stage) -> None:
    scene.graph.put(Appointment("e1", start=at(1)))
    await scene.settle()
    scene.graph.revoked = True
    scene.clock.s += 3_600
    scene.server.failures.append(("/twins/", Reply(503, None, {"Retry-After": "5"})))

    assert not await scene.follower.step()  # the hub was busy
    scene.clock.s += 10
    assert await scene.follower.step()
    assert scene.hub.desired[VEHICLE]["calendar"] == {}


@pytest.mark.parametrize(("key", "ends"), [("", False), ("x" * 43, True)])
async def test_without_the_key_that_the_driver_saw_nothing_is_sent_and_what_is_there_goes(
    scene: Stage, key: str, ends: bool
) -> None:
    scene.graph.put(Appointment("e1", start=at(1)))
    await scene.settle()
    scene.hub.reported[VEHICLE] = {"calendar": {"key": key}}
    scene.clock.s += 900

    assert await scene.follower.step() is ends
    assert scene.hub.desired[VEHICLE]["calendar"] == {}
    scene.clock.s += 2 * 86_400
    assert ends or await scene.follower.step()
    assert scene.graph.subscriptions == {}


async def test_a_subscription_is_renewed_long_before_its_end_and_made_anew_where_it_is_gone(scene: Stage) -> None:
    await scene.settle()
    (name,) = scene.graph.subscriptions
    first = scene.graph.subscriptions[name]["expirationDateTime"]
    scene.clock.s += 2_200 * 60
    await scene.settle()
    assert str(scene.graph.subscriptions[name]["expirationDateTime"]) > str(first)

    scene.graph.subscriptions.clear()
    assert scene.follower.notified("g1.secret", "reauthorizationRequired")
    await scene.settle()
    assert len(scene.graph.subscriptions) == 1


@pytest.mark.parametrize("lifecycle", ["missed", "subscriptionRemoved", "reauthorizationRequired"])
async def test_what_graph_tells_of_a_subscription_s_life_is_heeded(scene: Stage, lifecycle: str) -> None:
    await scene.settle()
    scene.server.asked.clear()
    scene.follower.notified("g1.secret", lifecycle)
    await scene.settle()

    said = [(one.method, one.path) for one in scene.server.asked if "subscriptions" in one.path]
    seeded = any("startDateTime" in one.query for one in scene.server.asked)
    assert seeded == (lifecycle == "missed")
    assert [method for method, _ in said] == {"subscriptionRemoved": ["POST"], "missed": []}.get(lifecycle, ["PATCH"])


async def test_a_subscription_that_is_refused_stops_no_round(scene: Stage) -> None:
    refusal = Reply(403, {"error": {"code": "ExtensionError"}})
    scene.server.failures += [("/v1.0/subscriptions", refusal)] * 3
    scene.graph.put(Appointment("e1", start=at(1)))
    with capture_logs() as logs:
        await scene.follower.step()

    assert scene.shown() == scene.expected()
    assert scene.follower.schedule.subscribe.at_s == NOON_S + 3_600
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["sync.follower_stuck"]


async def test_who_does_not_know_the_secret_tells_nothing(scene: Stage) -> None:
    assert not scene.follower.notified("g1.guess", "missed")


async def test_no_log_tells_of_the_calendar_or_of_whose_it_is(scene: Stage) -> None:
    scene.graph.put(Appointment("e1", subject="Dismissal", place="Room 9", who="A. Example", start=at(1), dial=DIAL))
    scene.graph.put(Appointment("e2", zone="UTC", start=at(1)))
    scene.server.failures.append(("/v1.0/me/calendarView/delta", Reply(500)))
    with capture_logs() as logs:
        await scene.settle()

    said = repr(logs)
    for secret in ("Dismissal", "Room 9", "Example", "36505770", "refresh-", "access-", VEHICLE, "e1", "g1"):
        assert secret not in said.replace("seat", "")


async def test_a_mistake_of_ours_about_one_calendar_is_told_by_its_line_alone(scene: Stage) -> None:
    scene.server.failures.append(("/v1.0/me/calendarView/delta", Reply(200, {"value": [{"id": "x", "subject": 1}]})))
    with capture_logs() as logs:
        await scene.follower.step()
    assert [log["caused_by"] for log in logs if log["event"] == "sync.retry_scheduled"] == ["Unreachable"]


async def test_the_mailbox_is_never_asked_more_than_four_things_at_once(scene: Stage) -> None:
    for number in range(5):
        times = {1: at(number), 2: at(number + 1)}
        scene.graph.put(Appointment(f"s{number}", start=at(-9000), times=times))
    await scene.settle()

    assert scene.shown() == scene.expected()
    assert scene.server.most_at_once <= 4


async def test_an_item_that_somebody_else_wrote_over_is_written_again(scene: Stage) -> None:
    scene.graph.put(Appointment("e1", start=at(1)))
    await scene.settle()
    (item,) = scene.hub.desired[VEHICLE]["calendar"][PROFILE].values()  # type: ignore[index]
    item |= {"n": item["n"] + 5, "s": "another"}
    await scene.settle()

    assert scene.shown() == scene.expected()


async def test_a_token_goes_to_graph_alone_wherever_a_link_leads(scene: Stage) -> None:
    page = {"value": [], "@odata.nextLink": scene.server.url + "/elsewhere"}
    scene.server.failures.append(("/v1.0/me/calendarView/delta", Reply(200, page)))
    await scene.follower.step()

    assert "/elsewhere" not in [one.path for one in scene.server.asked]
    await scene.settle()
