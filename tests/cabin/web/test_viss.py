import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.records import SignalInfo, Tick
from cabin.tapin.latest import Latest
from cabin.web.viss import SUBSCRIPTIONS, VissSession

NOW, UP = 1_795_000_000_000, 50_000
SPEED, GEAR, PLACE = "Vehicle.Speed", "Vehicle.Gear", "Vehicle.CurrentLocation.Latitude"


class Client:
    """One session, over a Latest that is fed by `drive`."""

    def __init__(self, *, located: bool = False) -> None:
        self.latest, self.up_ms, self.seq = Latest(), UP, 0
        self.latest.reconfigure(
            {SPEED: SignalInfo("km/h"), GEAR: SignalInfo(labels={0: "P", 3: "D"}), PLACE: SignalInfo()}
        )
        self.session = VissSession(self.latest, lambda name: located or "CurrentLocation" not in name)

    def drive(self, wait_ms: int = 0, **values: float) -> list[Any]:
        self.up_ms += wait_ms
        self.seq += 1
        names = {"speed": SPEED, "gear": GEAR, "place": PLACE}
        heard = {names[name]: (value, 0) for name, value in values.items()}
        tick = Tick(NOW + self.up_ms - UP, self.seq, 1, full=False, values=heard)
        self.latest.take(tick, now_ms=NOW + self.up_ms - UP, up_ms=self.up_ms)
        return [json.loads(one) for one in self.session.events(now_ms=NOW, up_ms=self.up_ms)]

    def ask(self, **message: object) -> Any:
        return json.loads(self.session.hear(json.dumps(message), now_ms=NOW, up_ms=self.up_ms))

    def follow(self, **wanted: object) -> Any:
        return self.ask(action="subscribe", path=SPEED, filter=wanted, requestId="1")


def test_a_read_gives_the_value_as_text_with_the_time_it_was_sampled() -> None:
    client = Client()
    client.drive(speed=53.5)
    client.up_ms += 250
    answer = client.ask(action="get", path="Vehicle.Speed", requestId="8756")
    assert answer["requestId"] == "8756"
    assert answer["data"] == {"path": SPEED, "dp": {"value": "53.5", "ts": "2026-11-18T11:06:39.750Z"}}
    assert answer["ts"] == "2026-11-18T11:06:40.000Z"


def test_a_value_with_a_label_is_told_by_it() -> None:
    client = Client()
    client.drive(gear=3.0)
    assert client.ask(action="get", path=GEAR)["data"]["dp"]["value"] == "D"


def test_http_reads_by_slashes() -> None:
    client = Client()
    client.drive(speed=10.0)
    status, body = client.session.get("/Vehicle/Speed", now_ms=NOW, up_ms=UP)
    assert (status, json.loads(body)["data"]["dp"]["value"]) == (200, "10")
    assert client.session.get("/Vehicle/Nothing", now_ms=NOW, up_ms=UP)[0] == 404


@pytest.mark.parametrize(
    ("message", "number", "reason"),
    [
        ({"action": "set", "path": SPEED, "value": "1"}, "403", "forbidden_request"),
        ({"action": "get", "path": "Vehicle.Unknown"}, "404", "unavailable_data"),
        ({"action": "get", "path": "Vehicle"}, "400", "invalid_data"),
        ({"action": "get", "path": SPEED}, "404", "unavailable_data"),
        ({"action": "get", "path": PLACE}, "404", "unavailable_data"),
        ({"action": "get", "path": SPEED, "filter": {"variant": "history"}}, "400", "bad_request"),
        ({"action": "get"}, "400", "bad_request"),
        ({"action": "fly"}, "400", "bad_request"),
        ({"action": "subscribe", "path": SPEED}, "400", "bad_request"),
        ({"action": "subscribe", "path": SPEED, "filter": {"variant": "range", "parameter": {}}}, "400", "bad_request"),
        (
            {"action": "subscribe", "path": SPEED, "filter": {"type": "timebased", "parameter": {}}},
            "400",
            "bad_request",
        ),
        ({"action": "unsubscribe", "subscriptionId": "77"}, "404", "unavailable_data"),
    ],
)
def test_what_cannot_be_is_refused_with_the_specifications_words(message: Any, number: str, reason: str) -> None:
    error = Client().ask(**message)["error"]
    assert (error["number"], error["reason"]) == (number, reason)
    assert error["message"] == error["description"]


def test_location_is_told_with_consent_alone() -> None:
    client = Client(located=True)
    client.drive(place=52.5)
    assert client.ask(action="get", path=PLACE)["data"]["dp"]["value"] == "52.5"


@pytest.mark.parametrize("kind", ["type", "variant"])
def test_a_timebased_subscription_is_told_each_period(kind: str) -> None:
    client = Client()
    client.drive(speed=1.0)
    number = client.follow(**{kind: "timebased", "parameter": {"period": "500"}})["subscriptionId"]
    told = [event for step in range(21) for event in client.drive(100 if step else 0, speed=float(step))]
    assert [event["data"]["dp"]["value"] for event in told] == ["0", "5", "10", "15", "20"]
    assert {event["subscriptionId"] for event in told} == {number}


def test_a_subscription_that_was_not_asked_for_long_is_told_once() -> None:
    client = Client()
    client.drive(speed=1.0)
    client.follow(variant="timebased", parameter={"period": "100"})
    assert len(client.drive(60_000, speed=2.0)) == 1
    assert len(client.drive(100, speed=3.0)) == 1


@given(
    st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
    st.integers(-3, 3),
    st.lists(st.integers(-5, 5), min_size=1, max_size=20),
)
def test_a_change_is_told_when_it_is_as_asked_for(compared: str, diff: int, values: list[int]) -> None:
    client = Client()
    client.drive(speed=0.0)
    client.follow(variant="change", parameter={"logic-op": compared, "diff": str(diff)})
    told = [int(event["data"]["dp"]["value"]) for value in values for event in client.drive(100, speed=float(value))]
    holds = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}[compared]
    by_hand = [now for before, now in pairwise([0, *values]) if now != before and eval(f"{now - before}{holds}{diff}")]  # noqa: S307
    assert told == by_hand


def test_an_ended_subscription_tells_nothing() -> None:
    client = Client()
    client.drive(speed=1.0)
    number = client.follow(variant="timebased", parameter={"period": "100"})["subscriptionId"]
    assert "error" not in client.ask(action="unsubscribe", subscriptionId=number)
    assert not client.drive(1000, speed=2.0)


def test_a_connection_has_so_many_subscriptions_and_no_more() -> None:
    client = Client()
    asked = {"variant": "change", "parameter": {"logic-op": "ne", "diff": "0"}}
    assert all("error" not in client.follow(**asked) for _ in range(SUBSCRIPTIONS))
    assert client.follow(**asked)["error"]["number"] == "429"


@given(st.text(max_size=80) | st.recursive(st.text(max_size=5) | st.integers(), st.lists).map(json.dumps))
def test_whatever_is_said_is_answered(text: str) -> None:
    answer = json.loads(Client().session.hear(text, now_ms=NOW, up_ms=UP))
    assert answer["error"]["number"] == "400"
