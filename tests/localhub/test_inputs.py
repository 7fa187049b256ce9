import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.localhub.hub import LocalHub
from edge_agent.localhub.inputs import LONGEST_QUEUE, ON_THE_WAY, TIME_TO_LIVE_S, Inputs, Message
from edge_agent.localhub.packets import Connack, Puback, Publish
from tests.localhub.client import Client, credentials, telemetry_topic

CABIN = "devices/demo-vehicle/modules/cabin/inputs/#"


class Deaf:
    def deliver(self, _topic: str, _payload: bytes) -> int | None:
        return None


class Listening:
    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def deliver(self, _topic: str, payload: bytes) -> int | None:
        self.heard.append(payload)
        return len(self.heard)


def filled(count: int) -> Inputs:
    inputs = Inputs()
    for number in range(count):
        inputs.add(Message("t", b"%d" % number, 0.0))
    return inputs


def test_a_message_waits_until_somebody_listens() -> None:
    inputs, line = filled(1), Listening()

    inputs.send(Deaf().deliver, 0.0)
    inputs.send(line.deliver, 0.0)

    assert line.heard == [b"0"]


def test_no_more_are_on_their_way_than_edgehub_lets() -> None:
    inputs, line = filled(ON_THE_WAY + 2), Listening()

    inputs.send(line.deliver, 0.0)
    assert len(line.heard) == ON_THE_WAY
    inputs.acknowledged(1)
    inputs.send(line.deliver, 0.0)

    assert len(line.heard) == ON_THE_WAY + 1


def test_what_was_not_acknowledged_is_sent_again_first_and_in_order() -> None:
    inputs, before, after = filled(4), Listening(), Listening()
    inputs.send(before.deliver, 0.0)
    inputs.acknowledged(2)

    inputs.connection_lost()
    inputs.send(after.deliver, 0.0)

    assert after.heard == [b"0", b"2", b"3"]


def test_what_is_too_old_or_too_much_is_given_up_and_counted() -> None:
    inputs, line = filled(LONGEST_QUEUE + 3), Listening()
    assert inputs.lost == 3

    inputs.send(line.deliver, TIME_TO_LIVE_S + 1)

    assert (line.heard, inputs.lost, len(inputs)) == ([], LONGEST_QUEUE + 3, 0)


@pytest.fixture
async def routed(tmp_path: Path, address: str) -> AsyncIterator[LocalHub]:
    hub = LocalHub(
        tmp_path / "hub",
        address,
        routes=[
            "FROM /messages/modules/telematics/outputs/telemetry INTO $upstream",
            "FROM /messages/* WHERE rule = 'trips' INTO BrokeredEndpoint(\"/modules/cabin/inputs/trips\")",
        ],
    )
    await hub.start()
    yield hub
    await hub.stop()


async def test_a_message_reaches_another_modules_input_also_after_an_outage(routed: LocalHub) -> None:
    telematics = await Client.join(routed)
    for number, bag in enumerate(("%24.on=telemetry&rule=trips", "%24.on=telemetry&rule=speed", "%24.on=other"), 1):
        topic = telemetry_topic(bag=bag)
        assert await telematics.ask(Publish(topic, b"%d" % number, 1, number)) == Puback(number)

    cabin = await Client.open(routed)
    assert await cabin.ask(credentials(routed, "cabin")) == Connack(session_present=False, code=0)
    await cabin.subscribe(CABIN)
    first = await cabin.receive()
    await cabin.close()  # without an acknowledgement
    again = await Client.open(routed)
    assert await again.ask(credentials(routed, "cabin")) == Connack(session_present=True, code=0)
    message = await again.message()

    assert isinstance(first, Publish)
    assert first.payload == message.payload == b"1"
    assert message.topic == (
        "devices/demo-vehicle/modules/cabin/inputs/trips/"
        "%24.on=telemetry&rule=trips&%24.cdid=demo-vehicle&%24.cmid=telematics"
    )
    assert await again.is_silent()
    assert [one.body for one in read_arrivals(routed.arrivals_path)] == [b"1", b"2"]
    assert "no route takes" in routed.refusals[-1]
    await asyncio.gather(telematics.close(), again.close())
