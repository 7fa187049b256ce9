"""One View after the other."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
import structlog

from cabin.web.stream import MOST_PAGES, Stream
from tests.cabin.web.fake_cockpit import FakeCockpit, Scene

pytestmark = pytest.mark.timed


@asynccontextmanager
async def pumped(cockpit: FakeCockpit) -> AsyncIterator[Stream]:
    stream = Stream(cockpit, structlog.get_logger())
    pump = asyncio.create_task(stream.pump(), name="web views")
    yield stream
    stream.close()
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)


def view_of(event: bytes) -> Any:
    (line,) = [line for line in event.splitlines() if line.startswith(b"data: ")]
    return json.loads(line[6:])


def speed_of(event: bytes) -> Any:
    return view_of(event)["tiles"][0]["value"]


async def test_a_page_gets_where_it_stands_at_once() -> None:
    async with pumped(FakeCockpit(Scene(speed=7))) as stream, aclosing(stream.events()) as page, asyncio.timeout(0.05):
        event = await anext(page)
    assert event.startswith(b"retry: 1000\n\nevent: view\n")
    assert event.endswith(b"\n\n")
    assert speed_of(event) == 7


async def test_a_page_that_was_slow_gets_only_the_newest() -> None:
    cockpit = FakeCockpit(Scene(redraw_ms=10))
    async with pumped(cockpit) as stream, aclosing(stream.events()) as page:
        await anext(page)
        for speed in range(1, 31):
            cockpit.do(speed=speed)
            await asyncio.sleep(0.011)
        assert speed_of(await anext(page)) >= 29


async def test_every_page_gets_the_newest_however_slow_another_is() -> None:
    cockpit = FakeCockpit(Scene(redraw_ms=10))
    async with pumped(cockpit) as stream, aclosing(stream.events()) as slow, aclosing(stream.events()) as quick:
        await anext(slow)
        await anext(quick)
        cockpit.do(speed=88)
        async with asyncio.timeout(1):
            while speed_of(await anext(quick)) != 88:
                pass


@pytest.mark.parametrize(("redraw_ms", "most"), [(100, 7), (250, 4)])
async def test_no_more_views_come_than_may_be_drawn(redraw_ms: int, most: int) -> None:
    cockpit = FakeCockpit(Scene(redraw_ms=redraw_ms))
    came = 0
    async with pumped(cockpit) as stream, aclosing(stream.events()) as page:
        await anext(page)
        try:
            async with asyncio.timeout(0.55):
                while True:
                    cockpit.do(speed=came)
                    await anext(page)
                    came += 1
        except TimeoutError:
            pass
    assert 2 <= came <= most


async def test_a_view_comes_twice_a_second_though_nothing_changes() -> None:
    loop = asyncio.get_running_loop()
    async with pumped(FakeCockpit()) as stream, aclosing(stream.events()) as page:
        first = await anext(page)
        await anext(page)
        begun = loop.time()
        last = await anext(page)
        assert loop.time() - begun < 0.7
    assert view_of(last)["t"] > view_of(first)["t"]
    assert view_of(last)["seq"] == view_of(first)["seq"]


async def test_nothing_is_rendered_while_nobody_listens() -> None:
    class Counting(FakeCockpit):
        rendered = 0

        def view(self) -> Any:
            self.rendered += 1
            return super().view()

    cockpit = Counting(Scene(redraw_ms=10))
    async with pumped(cockpit) as stream:
        async with aclosing(stream.events()) as page:
            await anext(page)
            await anext(page)
        await asyncio.sleep(0.05)
        rendered = cockpit.rendered
        for speed in range(5):
            cockpit.do(speed=speed)
            await asyncio.sleep(0.02)
        assert cockpit.rendered == rendered


async def test_one_rendering_serves_every_page() -> None:
    cockpit = FakeCockpit(Scene(redraw_ms=20))
    async with pumped(cockpit) as stream, aclosing(stream.events()) as one, aclosing(stream.events()) as other:
        await anext(one)
        await anext(other)
        assert await anext(one) is await anext(other)


async def test_a_closed_stream_ends_for_every_page() -> None:
    async with pumped(FakeCockpit()) as stream:
        pages = [stream.events() for _ in range(3)]
        for page in pages:
            await anext(page)
        stream.close()
        async with asyncio.timeout(0.2):
            rest = [[event async for event in page] for page in pages]
    assert all(len(events) <= 1 for events in rest)


async def test_pages_have_an_end() -> None:
    async with pumped(FakeCockpit()) as stream:
        pages = [stream.events() for _ in range(MOST_PAGES)]
        for page in pages:
            await anext(page)
        assert stream.is_full
        for page in pages:
            await page.aclose()
        assert not stream.is_full


async def test_letters_of_every_language_arrive() -> None:
    cockpit = FakeCockpit()
    cockpit.meetings[0]["title"] = "Größe\nund\r\n日本語"
    async with pumped(cockpit) as stream, aclosing(stream.events()) as page:
        assert view_of(await anext(page))["meetings"][0]["title"] == "Größe\nund\r\n日本語"
