"""What the contract suite does not ask of a broker: MQTT 5's own, certificates, and what a broker forbids."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from paho.mqtt.packettypes import PacketTypes  # type: ignore[import-untyped]  # paho 1 ships no types
from paho.mqtt.properties import Properties  # type: ignore[import-untyped]

from edge_agent.errors import CredentialsRefused, HubUnreachable
from edge_agent.localhub.authority import load_certificates, make_client
from edge_agent.records import Lane
from edge_agent.uplink.mqtt import Broker, MqttUplink
from tests.twin.test_inbox import ABOUT, IDLE, Desk, desired
from tests.uplink.broker import AGENT, RECEIVE_MAXIMUM, SHORT, TOPICS, BrokerWorld, broker_world
from tests.uplink.desk import until
from tests.uplink.fakes import Recorder, envelope


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[BrokerWorld]:
    async with broker_world(tmp_path / "broker") as world:
        yield world


async def test_a_message_tells_what_it_is_by_topic_content_type_and_user_properties(world: BrokerWorld) -> None:
    session = await world.uplink.connect(Recorder())
    await session.send(envelope(7, boot=3, payload=b"\x00\xff"))
    await session.close()

    [message] = world.messages
    properties = message.properties
    assert properties is not None
    assert str(message.topic) == "vehicles/demo-vehicle/warm/idle"
    assert message.payload == b"\x00\xff"
    assert properties.ContentType == "application/json"
    assert dict(properties.UserProperty) == {
        "content-encoding": "gzip",
        "schema": "columns/1",
        "lane": "warm",
        "rule": "idle",
        "boot": "3",
        "seq": "7",
    }


async def test_a_topic_that_the_access_list_forbids_acknowledges_nothing(world: BrokerWorld) -> None:
    session = await world.uplink.connect(Recorder())
    with pytest.raises(CredentialsRefused, match="0x87"):
        await session.send(replace(envelope(1), lane=Lane.HOT))
    await session.send(envelope(2))
    await session.close()

    assert [key.seq for key in world.arrived()] == [2]


async def test_a_broker_without_desired_properties_leaves_what_runs(world: BrokerWorld) -> None:
    inbox = Recorder()
    session = await world.uplink.connect(inbox)
    await session.close()

    assert inbox.documents == [{"reported": {}}]
    assert world.log.fields("uplink.nothing_desired") == [{"topic": "vehicles/demo-vehicle/control/desired"}]


async def test_a_patch_that_came_while_the_agent_was_away_is_kept_by_the_broker(world: BrokerWorld) -> None:
    session = await world.uplink.connect(Recorder())
    await session.close()
    await world.desire({"rules": {"idle": None}})
    inbox = Recorder()

    session = await world.uplink.connect(inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        await until(lambda: bool(inbox.patches))
        lost.cancel()
    await session.close()

    assert inbox.patches == [{"rules": {"idle": None}, "$version": 2}]
    # Once as it came, once as the broker retains it.
    assert {json.dumps(document["desired"]) for document in inbox.documents} == {
        json.dumps({"rules": {"idle": None}, "$version": 2})
    }


async def test_a_whole_document_that_changes_while_connected_is_heard(world: BrokerWorld) -> None:
    inbox = Recorder()
    session = await world.uplink.connect(inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        await world.desire({"rules": {}})
        await until(lambda: len(inbox.documents) > 1)
        lost.cancel()
    await session.close()

    assert inbox.documents[-1]["desired"] == {"rules": {}, "$version": 2}


async def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    async with broker_world(folder, with_certificates=True) as world:
        shown = make_client(folder, AGENT, datetime.now(UTC))
        broker = replace(world.broker(), username="", password="", certificate=shown.certificate, key=shown.key)
        session = await MqttUplink(world.log, broker, TOPICS, SHORT).connect(Recorder())
        await session.send(envelope(1))
        await session.close()
        assert [key.seq for key in world.arrived()] == [1]

        bare = replace(broker, certificate=None, key=None)
        with pytest.raises(HubUnreachable):
            await MqttUplink(world.log, bare, TOPICS, SHORT).connect(Recorder())


async def test_a_broker_with_another_authority_is_told_nothing(world: BrokerWorld, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = load_certificates(tmp_path / "other", [], datetime.now(UTC)).authority
    uplink = MqttUplink(world.log, replace(world.broker(), authority=other), TOPICS, SHORT)

    with pytest.raises(CredentialsRefused, match="CERTIFICATE_VERIFY_FAILED"):
        await uplink.connect(Recorder())


async def test_a_broker_that_says_nothing_is_given_up_in_time(world: BrokerWorld) -> None:
    world.wire.muted = True
    began = asyncio.get_running_loop().time()
    with pytest.raises(HubUnreachable, match="no connection within 2 s"):
        await world.uplink.connect(Recorder())
    assert asyncio.get_running_loop().time() - began < SHORT.connect_s + SHORT.shutdown_s + 1


async def test_who_waits_when_the_connection_is_closed_is_told_and_not_cancelled(world: BrokerWorld) -> None:
    session = await world.uplink.connect(Recorder())
    world.wire.muted = True
    waiting = asyncio.create_task(session.send(envelope(1)), name="waiting")
    await asyncio.sleep(0)  # it has begun
    await session.close()

    with pytest.raises(HubUnreachable):
        await waiting


async def test_a_method_without_a_topic_for_its_answer_is_done_all_the_same(world: BrokerWorld) -> None:
    inbox = Recorder()
    session = await world.uplink.connect(inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        await world.publish(TOPICS.of_control("methods", "ping"), json.dumps({"n": 1}).encode())
        await until(lambda: bool(inbox.methods))
        lost.cancel()
    await session.send(envelope(1))
    await session.close()

    assert inbox.methods == [("ping", {"n": 1})]


async def test_who_the_agent_is_is_reported_where_nothing_is_desired_too(world: BrokerWorld, tmp_path: Path) -> None:
    session = await world.uplink.connect(Desk(tmp_path).inbox)
    await session.close()
    await world.settled()

    reported = await world.reported()
    assert {name: reported[name] for name in ABOUT} == ABOUT
    assert reported["link"] == {"connects": 1}


NO_DOCUMENTS = [b"{not json", b"\xff", b"7", b"null", b"[" * 100_000]


@pytest.mark.parametrize("payload", NO_DOCUMENTS, ids=lambda payload: repr(payload[:9]))
async def test_desired_properties_that_are_none_are_refused_and_what_ran_goes_on(
    world: BrokerWorld, tmp_path: Path, payload: bytes
) -> None:
    desk = Desk(tmp_path)
    document = json.dumps(desired(3, idle=IDLE)).encode()
    await world.publish(TOPICS.of_control("desired"), document, retain=True)
    await (await world.uplink.connect(desk.inbox)).close()
    await world.publish(TOPICS.of_control("desired"), payload, retain=True)

    session = await world.uplink.connect(desk.inbox)
    await session.close()
    await world.settled()

    assert await _verdict(world) == ("refused", 3)
    assert await desk.rules() == [["idle"]]


@pytest.mark.parametrize("payload", NO_DOCUMENTS, ids=lambda payload: repr(payload[:9]))
async def test_a_patch_that_is_none_is_refused_and_the_session_goes_on(
    world: BrokerWorld, tmp_path: Path, payload: bytes
) -> None:
    session = await world.uplink.connect(Desk(tmp_path).inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        await world.publish(TOPICS.of_control("desired", "patch"), payload)
        async with asyncio.timeout(5):
            while (await _verdict(world))[0] != "refused":
                await world.settled()
        assert not lost.done()
        lost.cancel()
    await session.close()


async def test_clearing_what_the_broker_retains_takes_no_rule_away(world: BrokerWorld, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await world.publish(TOPICS.of_control("desired"), json.dumps(desired(1, idle=IDLE)).encode(), retain=True)
    session = await world.uplink.connect(desk.inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        await world.publish(TOPICS.of_control("desired"), b"", retain=True)
        assert (await world.call("status", "null")).status == 200  # it was heard after that
        lost.cancel()
    await session.close()

    assert await desk.rules() == [["idle"]]


@pytest.mark.parametrize("topic", ["answers/#", ""])
async def test_a_topic_for_the_answer_that_cannot_be_one_costs_the_answer_only(world: BrokerWorld, topic: str) -> None:
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = topic
    inbox = Recorder()
    session = await world.uplink.connect(inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        await world.publish(TOPICS.of_control("methods", "ping"), b"{}", properties=properties)
        await until(lambda: bool(inbox.methods))
        assert (await world.call("ping", "{}")).status == 200
        lost.cancel()
    await session.close()


async def test_no_more_is_on_its_way_than_the_broker_allows(world: BrokerWorld) -> None:
    session = await world.uplink.connect(Recorder())
    world.wire.muted = True
    async with asyncio.TaskGroup() as group:
        for seq in range(16):
            group.create_task(_fails(session.send(envelope(seq))), name=f"send {seq}")
    await session.close()
    await world.settled()

    assert len(world.arrived()) == RECEIVE_MAXIMUM


async def test_a_connection_that_was_given_up_half_made_is_closed(world: BrokerWorld) -> None:
    ended = asyncio.Event()

    async def stay_mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()
        writer.close()

    gc.disable()  # what is merely forgotten stays open as long
    try:
        async with await asyncio.start_server(stay_mute, "127.0.0.1", 0) as server:
            with pytest.raises(HubUnreachable, match="no connection within 2 s"):
                await MqttUplink(world.log, _at(server, world, tls=False), TOPICS, SHORT).connect(Recorder())
            async with asyncio.timeout(5):
                await ended.wait()
    finally:
        gc.enable()


async def test_a_broker_that_ends_the_handshake_has_refused_nobody(world: BrokerWorld) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        with pytest.raises(HubUnreachable) as told:
            await MqttUplink(world.log, _at(server, world), TOPICS, SHORT).connect(Recorder())

    assert not isinstance(told.value, CredentialsRefused)
    assert "EOF" in told.value.reason


async def test_a_name_that_no_host_can_have_is_told_as_unreachable(world: BrokerWorld) -> None:
    with pytest.raises(HubUnreachable):
        await MqttUplink(world.log, replace(world.broker(), host="a..b"), TOPICS, SHORT).connect(Recorder())


def test_a_password_is_in_no_text_of_its_broker(tmp_path: Path) -> None:
    broker = Broker("h", 8883, "car", password="a-password-of-the-tests", authority=tmp_path)  # noqa: S106  the tests'
    assert "a-password-of-the-tests" not in repr(broker)


def _at(server: asyncio.Server, world: BrokerWorld, *, tls: bool = True) -> Broker:
    return replace(world.broker(), port=server.sockets[0].getsockname()[1], tls=tls)


async def _verdict(world: BrokerWorld) -> tuple[object, object]:
    config = (await world.reported()).get("config")
    assert isinstance(config, dict)
    return config["status"], config["running_version"]


async def _fails(work: Awaitable[None]) -> None:
    with pytest.raises(HubUnreachable):
        await work
