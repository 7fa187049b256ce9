import asyncio
import json
from collections.abc import AsyncIterator

import structlog

from cabin.agent_link import CONSENT, AgentLink, Heard
from cabin.tapin.latest import Latest
from tests.cabin.clocks import SetClock


class FakeTap:
    """Says what it is given, then nothing; takes what is published, or not."""

    def __init__(self, *messages: tuple[str, bytes], up: bool = True) -> None:
        self.given, self.up = messages, up
        self.published: list[tuple[str, bytes, bool]] = []

    async def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        for message in self.given:
            yield message

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        if self.up:
            self.published.append((topic, payload, retain))
        return self.up


def link(tap: FakeTap, told: list[object], latest: Latest | None = None) -> AgentLink:
    heard = Heard(
        lambda: told.append("look"), lambda: told.append("rebound"), lambda trip, refused: told.append((trip, refused))
    )
    return AgentLink(tap, latest or Latest(), heard, lambda: b"{}", clock=SetClock(), log=structlog.get_logger())


async def test_what_the_agent_says_gets_where_it_belongs() -> None:
    told, latest, clock = list[object](), Latest(), SetClock()
    tick = {"t": clock.now, "seq": 1, "boot": 1, "full": True, "v": {"Vehicle.Speed": [50, 0]}}
    status = {"t": 1, "online": True, "link_up": True, "spooled_batches": 3, "spooled_bytes": 9}
    tap = FakeTap(
        ("tap/v1/signals", b'{"signals": {"Vehicle.Speed": {"unit": "km/h"}}}'),
        ("tap/v1/tick", json.dumps(tick).encode()),
        ("tap/v1/status", json.dumps(status | {"delivered_batches": 0, "lost_batches": 0}).encode()),
        ("tap/v1/trip_kept", b'{"id": "t1", "refused": "no consent"}'),
        ("tap/v1/signal/Vehicle/Speed", b"50"),
    )
    await link(tap, told, latest).hear()
    assert told == ["rebound", "look", "look", ("t1", "no consent")]
    assert latest.readings["Vehicle.Speed"].value == 50.0
    assert latest.status(clock.up).spooled_batches == 3


async def test_a_message_that_is_none_is_counted_and_the_next_is_heard() -> None:
    told = list[object]()
    one = link(FakeTap(("tap/v1/tick", b"{"), ("tap/v1/trip_kept", b'{"id": "t1"}')), told)
    await one.hear()
    assert (one.rejected, told) == (1, [("t1", None)])


async def test_the_consent_is_said_at_the_start_and_when_it_changes() -> None:
    tap = FakeTap()
    one = link(tap, [])
    telling = asyncio.create_task(one.tell(), name="tell")
    assert await one.consent_said(1.0)
    one.say_consent()
    assert await one.consent_said(1.0)
    telling.cancel()
    assert tap.published == [(CONSENT, b"{}", True)] * 2


async def test_whoever_decides_does_not_wait_for_ever_for_a_broker() -> None:
    tap = FakeTap(up=False)
    one = link(tap, [])
    telling = asyncio.create_task(one.tell(), name="tell")
    assert not await one.consent_said(0.01)
    telling.cancel()
