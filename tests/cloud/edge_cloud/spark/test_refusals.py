"""Contradictions as rows, each body once."""

import json
from collections.abc import Iterable

from edge_cloud.contradictions import REASON
from edge_cloud.records import Message
from edge_cloud.spark.refusals import Refusals
from edge_cloud.tables import REFUSED
from tests.cloud.edge_cloud.golden import DEVICE, body


def said(device: str, uptime_ms: int) -> Message:
    text = json.dumps(json.loads(body("numbers")) | {"device": device, "uptime_ms": uptime_ms}).encode()
    return Message(text, source=f"{device} {uptime_ms}", enqueued_us=1_788_264_000_000_000)


class Lake:
    """Bodies that were refused before, and who was asked for."""

    def __init__(self, *messages: Message) -> None:
        self.messages = messages
        self.asked: list[str] = []

    def bodies_of(self, device: str) -> Iterable[bytes]:
        self.asked.append(device)
        return [one.body for one in self.messages if json.loads(one.body)["device"] == device]


def test_a_body_is_refused_once_in_a_lake_and_once_in_a_micro_batch() -> None:
    lake = Lake(said("a", 1))
    refusals = Refusals(lake.bodies_of)
    first = refusals.rows([("a", said("a", 1)), ("a", said("a", 2)), ("a", said("a", 2))])
    second = refusals.rows([("a", said("a", 2)), ("a", said("a", 3)), ("b", said("b", 1))])

    assert first.schema == second.schema == REFUSED
    assert first["source"].to_pylist() == ["a 2"]
    assert second["source"].to_pylist() == ["a 3", "b 1"]
    assert {*first["reason"].to_pylist(), *second["reason"].to_pylist()} == {REASON}
    assert lake.asked == ["a", "b"]


def test_what_is_no_payload_is_refused_with_the_decoders_reason() -> None:
    broken = Message(json.dumps(json.loads(body("numbers")) | {"columns": 1}).encode(), DEVICE)
    found = Refusals(Lake().bodies_of).rows([(DEVICE, broken), (DEVICE, broken)])
    assert found["body"].to_pylist() == [broken.body]
    assert "usable" in found["reason"].to_pylist()[0]
