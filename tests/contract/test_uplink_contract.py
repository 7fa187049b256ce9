"""What every uplink does: the hub in memory, and Microsoft's SDK against the local hub."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from edge_agent.errors import CredentialsRefused, EnvelopeRefused, HubUnreachable
from edge_agent.ports import Uplink
from edge_agent.records import EnvelopeKey, MethodAnswer
from edge_agent.uplink.iotedge import IotEdge
from tests.uplink.broker import broker_world
from tests.uplink.desk import MODULE, SHORT, Desk, credentials_of, desk, direct_desk, set_environment, until
from tests.uplink.fakes import MemoryHub, Recorder, envelope


class World(Protocol):
    """An uplink and the far end of it."""

    @property
    def uplink(self) -> Uplink: ...

    def arrived(self) -> list[EnvelopeKey]: ...

    async def settled(self) -> None:
        """What was acknowledged has come to where `arrived` counts it."""

    async def reported(self) -> dict[str, object]: ...

    async def desire(self, patch: dict[str, object]) -> None: ...

    async def call(self, name: str, payload: str) -> MethodAnswer: ...

    def drop(self) -> None: ...

    async def go_away(self) -> None: ...

    def spoil_the_key(self, monkeypatch: pytest.MonkeyPatch) -> None: ...

    def acknowledge_nothing(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.uplink = MemoryHub()

    def arrived(self) -> list[EnvelopeKey]:
        return [each.key for each in self.uplink.arrived]

    async def settled(self) -> None:
        pass

    async def reported(self) -> dict[str, object]:
        return self.uplink.reported

    async def desire(self, patch: dict[str, object]) -> None:
        self.uplink.desire(patch)

    async def call(self, name: str, payload: str) -> MethodAnswer:
        return await self.uplink.call(name, payload)

    def drop(self) -> None:
        self.uplink.drop()

    async def go_away(self) -> None:
        self.uplink.unreachable = True
        self.uplink.drop()

    def spoil_the_key(self, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG002  the other world needs it
        self.uplink.wrong_key = True

    def acknowledge_nothing(self) -> None:
        self.uplink.never_ack = True
        self.uplink.send_limit_s = 0.1


class OnADesk:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.uplink = desk.uplink
        self.arrived = desk.arrived
        self.desire = desk.desire
        self.call = desk.call
        self.drop = desk.drop

    async def settled(self) -> None:
        pass

    async def reported(self) -> dict[str, object]:
        return (await self._desk.twin())["reported"]

    async def go_away(self) -> None:
        await self._desk.hub.stop()

    def spoil_the_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        variables = self._desk.hub.environment("connection_string")
        string = variables["EdgeHubConnectionString"].partition("SharedAccessKey=")[0] + "SharedAccessKey=d3Jvbmc="
        set_environment(monkeypatch, {**variables, "EdgeHubConnectionString": string})

    def acknowledge_nothing(self) -> None:
        self._desk.hub.never_ack = True


class AtTheHub(OnADesk):
    """The agent at IoT Hub itself."""

    def spoil_the_key(self, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG002  the other worlds need it
        hub = self._desk.hub
        of_another = hub.direct(MODULE if not self._desk.module else "", "certificate")
        string = hub.direct(self._desk.module)["HUB_CONNECTION_STRING"].partition("SharedAccessKey=")[0]
        wrong = {"HUB_CONNECTION_STRING": f"{string}x509=true"}
        self.uplink = IotEdge(self._desk.log, credentials=credentials_of({**of_another, **wrong}), limits=SHORT)


@pytest.fixture(
    params=["in memory", "connection_string", "workload", "device key", "module key", "device certificate", "broker"]
)
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    match request.param:
        case "in memory":
            yield InMemory()
        case "workload":
            async with desk(tmp_path, "127.0.0.41", monkeypatch, way="workload") as parts:
                yield OnADesk(parts)
        case "device key" | "module key" | "device certificate":
            who, _, way = request.param.partition(" ")
            module = MODULE if who == "module" else ""
            async with direct_desk(tmp_path, "127.0.0.71", monkeypatch, module, way) as parts:
                yield AtTheHub(parts)
        case "broker":
            async with broker_world(tmp_path / "broker") as parts:
                yield parts
        case _:
            async with desk(tmp_path, "127.0.0.40", monkeypatch) as parts:
                yield OnADesk(parts)


async def test_connecting_reads_the_twin_and_reports_what_the_inbox_answers(world: World) -> None:
    await world.desire({"rules": {}})
    inbox = Recorder()
    session = await world.uplink.connect(inbox)
    [document] = inbox.documents
    assert document["desired"] == {"rules": {}, "$version": 2}
    assert (await world.reported())["documents"] == 1
    await session.close()


async def test_a_send_that_returns_has_arrived(world: World) -> None:
    session = await world.uplink.connect(Recorder())
    await session.send(envelope(3, boot=2, payload=b"\x00\xff"))
    await world.settled()
    assert world.arrived() == [EnvelopeKey(2, 3)]
    await session.close()


async def test_sixteen_sends_at_once_arrive_once_each(world: World) -> None:
    session = await world.uplink.connect(Recorder())
    async with asyncio.TaskGroup() as group:
        for seq in range(16):
            group.create_task(session.send(envelope(seq)), name=f"send {seq}")
    await world.settled()
    assert sorted(world.arrived()) == [EnvelopeKey(1, seq) for seq in range(16)]
    await session.close()


async def test_an_envelope_above_the_cap_is_refused_before_it_is_sent(world: World) -> None:
    session = await world.uplink.connect(Recorder())
    with pytest.raises(EnvelopeRefused, match="batch 1/9"):
        await session.send(envelope(9, payload=bytes(240 * 1024 + 1)))
    await session.send(envelope(10, payload=bytes(235 * 1024)))
    await world.settled()
    assert world.arrived() == [EnvelopeKey(1, 10)]
    await session.close()


async def test_a_patch_reaches_the_inbox_and_its_answer_the_hub(world: World) -> None:
    inbox = Recorder()
    session = await world.uplink.connect(inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        await world.desire({"rules": {"idle": None}})
        await until(lambda: bool(inbox.patches))
        while "version" not in (reported := await world.reported()):  # noqa: ASYNC110  the hub tells nobody
            await asyncio.sleep(0.01)
        lost.cancel()
    assert inbox.patches == [{"rules": {"idle": None}, "$version": 2}]
    assert reported["version"] == 2
    await session.close()


async def test_a_patch_that_comes_before_anyone_listens_for_it_is_kept(world: World) -> None:
    inbox = Recorder()
    session = await world.uplink.connect(inbox)
    await world.desire({"a": 1})
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        await until(lambda: bool(inbox.patches))
        lost.cancel()
    await session.close()


async def test_a_method_is_answered(world: World) -> None:
    inbox = Recorder()
    session = await world.uplink.connect(inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        answer = await world.call("ping", '{"n": 1}')
        unknown = await world.call("dance", "null")
        lost.cancel()
    assert (answer.status, json.loads(answer.payload)) == (200, {"did": "ping"})
    assert unknown.status == 404
    assert inbox.methods == [("ping", {"n": 1}), ("dance", None)]
    await session.close()


async def test_a_method_that_takes_too_long_is_answered_with_504(world: World) -> None:
    inbox = Recorder()
    inbox.method_delay_s = 60.0
    session = await world.uplink.connect(inbox)
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        assert (await world.call("ping", "{}")).status == 504
        lost.cancel()
    await session.close()


async def test_a_dropped_connection_is_told_and_its_sends_fail(world: World) -> None:
    session = await world.uplink.connect(Recorder())
    world.acknowledge_nothing()
    async with asyncio.TaskGroup() as group:
        lost = group.create_task(session.lost(), name="lost")
        sending = group.create_task(_outcome(session.send(envelope(1))), name="send")
        await until(lambda: bool(world.arrived()))
        world.drop()
        async with asyncio.timeout(5):
            assert await lost
            assert isinstance(await sending, HubUnreachable)
    await session.close()


async def test_a_send_without_an_acknowledgement_ends_in_time(world: World) -> None:
    session = await world.uplink.connect(Recorder())
    world.acknowledge_nothing()
    with pytest.raises(HubUnreachable, match="acknowledgement"):
        await session.send(envelope(1))
    await session.close()


async def test_a_session_whose_hub_went_away_closes_in_time(world: World) -> None:
    session = await world.uplink.connect(Recorder())
    await world.go_away()
    async with asyncio.timeout(3):
        await session.close()
    with pytest.raises(HubUnreachable):
        await world.uplink.connect(Recorder())


async def test_a_wrong_key_is_told_from_an_absent_hub(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.spoil_the_key(monkeypatch)
    with pytest.raises(CredentialsRefused) as caught:
        await world.uplink.connect(Recorder())
    assert "key" in caught.value.sentence()


async def test_one_uplink_makes_one_session_after_another(world: World) -> None:
    for seq in range(3):
        session = await world.uplink.connect(Recorder())
        await session.send(envelope(seq))
        await session.close()
    await world.settled()
    assert world.arrived() == [EnvelopeKey(1, seq) for seq in range(3)]


async def _outcome(work: object) -> BaseException | None:
    try:
        await work  # type: ignore[misc]
    except HubUnreachable as error:
        return error
    return None
