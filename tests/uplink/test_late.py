import asyncio
import threading

import pytest

from edge_agent.errors import HubUnreachable
from edge_agent.ports import Inbox
from edge_agent.records import MethodAnswer
from edge_agent.uplink.late import LateUplink
from tests.uplink.desk import until
from tests.uplink.fakes import MemoryHub


class Silence(Inbox):
    async def document(self, text: str) -> str:
        del text
        return "{}"

    async def patch(self, text: str) -> str:
        raise AssertionError(text)

    async def method(self, name: str, payload: str) -> MethodAnswer:
        raise AssertionError(name, payload)


async def test_it_is_built_once_at_its_first_connect_and_not_on_the_loop() -> None:
    hub = MemoryHub()
    built: list[str] = []

    def build() -> MemoryHub:
        built.append(threading.current_thread().name)
        return hub

    late = LateUplink(build)
    assert built == []
    for _ in range(2):
        session = await late.connect(Silence())
        await session.close()

    assert len(built) == 1
    assert built != [threading.current_thread().name]


async def test_what_connecting_raises_is_the_uplinks_own() -> None:
    hub = MemoryHub()
    hub.unreachable = True

    with pytest.raises(HubUnreachable, match="nobody answers"):
        await LateUplink(lambda: hub).connect(Silence())


async def test_whoever_gives_up_while_it_is_built_does_not_have_it_built_twice() -> None:
    hub, built, goes_on = MemoryHub(), list[str](), threading.Event()

    def build() -> MemoryHub:
        built.append("once")
        goes_on.wait(5)
        return hub

    late = LateUplink(build)
    first = asyncio.create_task(late.connect(Silence()), name="first")
    await until(lambda: bool(built))
    first.cancel()
    await asyncio.wait((first,))
    second = asyncio.create_task(late.connect(Silence()), name="second")
    await asyncio.sleep(0)  # it has begun
    goes_on.set()
    await (await second).close()

    assert built == ["once"]
