"""Random calendars and random changes: after each sync the car shows what the oracle says."""

import asyncio
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calendar_bridge.folder import Folder
from tests.cloud.calendar_bridge.mailbox import ZONES, Appointment
from tests.cloud.calendar_bridge.stage import NOON_S, Stage, stage
from tests.cloud.calendar_bridge.web_server import Reply

NOON = datetime.fromtimestamp(NOON_S, UTC)
HOURS = st.integers(-60, 24 * 9).map(lambda half: NOON + timedelta(minutes=30 * half))
DAYS = st.tuples(st.integers(-3, 6), st.integers(0, 4)).map(
    lambda pair: (NOON.date() + timedelta(days=pair[0]), NOON.date() + timedelta(days=pair[0] + pair[1]))
)
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=30)
DIALS = st.sampled_from(
    [
        {},
        {"joinUrl": "https://teams.example/l/1"},
        {"tollNumber": "+49 69 36505770", "conferenceId": "123456789"},
        {"tollNumber": "+33170990000"},
        {"conferenceId": "123"},
    ]
)
APPOINTMENTS = st.builds(
    Appointment,
    id=st.integers(0, 7).map("e{}".format),
    subject=WORDS,
    start=HOURS,
    minutes=st.integers(0, 26 * 60),
    days=st.none() | DAYS,
    zone=st.sampled_from(sorted(ZONES)),
    place=WORDS,
    who=WORDS,
    show=st.sampled_from(["free", "tentative", "busy", "oof", "workingElsewhere"]),
    sensitivity=st.sampled_from(["normal", "personal", "private", "confidential"]),
    cancelled=st.booleans(),
    response=st.sampled_from(["none", "organizer", "accepted", "declined", "notResponded"]),
    dial=DIALS,
)
SERIES = st.builds(
    lambda one, times: replace(one, id=f"s{one.id}", days=None, times=times),
    APPOINTMENTS,
    st.dictionaries(st.integers(0, 9), HOURS, min_size=1, max_size=5),
)
FAILURES = st.sampled_from(
    [
        Reply(429, {"error": {"code": "TooManyRequests"}}, {"Retry-After": "7"}),
        Reply(503, None, {"Retry-After": "Sun, 22 Nov 2026 12:00:30 GMT"}),
        Reply(504),
        Reply(500),
        Reply(410, {"error": {"code": "resyncRequired"}}),
        Reply(401),
    ]
)
CHANGES = st.one_of(
    APPOINTMENTS,
    SERIES,
    st.tuples(st.just("remove"), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.integers(1, 40 * 60)),
    st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.just("forget"), st.just(0)),
    st.tuples(st.just("fail"), st.lists(FAILURES, max_size=3)),
)


def do(scene: Stage, change: object) -> None:
    match change:
        case Appointment() as one:
            scene.graph.put(one)
        case ("remove", int(number)) if scene.graph.appointments:
            scene.graph.remove(sorted(scene.graph.appointments)[number % len(scene.graph.appointments)])
        case ("wait", int(minutes)):
            scene.clock.s += 60 * minutes
        case ("restart", _):
            scene.restarted()
        case ("forget", _):
            scene.graph.forget_tokens()
        case ("fail", list(replies)):
            scene.server.failures += [("/v1.0/me/", reply) for reply in replies]


@pytest.mark.timeout(60)
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(CHANGES, max_size=4), min_size=1, max_size=5))
def test_after_each_sync_the_car_shows_what_the_oracle_says(rounds: list[list[object]]) -> None:
    async def played(folder: Path) -> None:
        async with stage(Folder(folder)) as scene:
            for changes in rounds:
                for change in changes:
                    do(scene, change)
                await scene.settle()
                assert [texts(one) for one in scene.shown()] == [texts(one) for one in scene.expected()]
                scene.server.failures.clear()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(played(Path(folder)))


def texts(shown: tuple[object, ...]) -> tuple[object, ...]:
    """What cannot be seen is left out by the bridge, which another test is about."""
    return tuple(" ".join(one.split()) if isinstance(one, str) else one for one in shown)
