import threading

import pytest

from edge_agent.errors import HubUnreachable
from edge_agent.ports import Inbox
from edge_agent.records import MethodAnswer
from edge_agent.uplink.late import LateUplink
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
