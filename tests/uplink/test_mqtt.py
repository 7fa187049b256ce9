"""What the contract suite does not ask of a broker: MQTT 5's own, certificates, and what a broker forbids."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.errors import CredentialsRefused, HubUnreachable
from edge_agent.localhub.authority import load_certificates, make_client
from edge_agent.records import Lane
from edge_agent.uplink.mqtt import MqttUplink
from tests.uplink.broker import AGENT, SHORT, TOPICS, BrokerWorld, broker_world
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

    assert inbox.documents == []
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
        await until(lambda: bool(inbox.documents))
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
