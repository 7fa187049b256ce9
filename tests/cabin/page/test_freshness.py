"""The page never lies about being live."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.cabin.page.browser import Seat, seat, sitting
from tests.cabin.web.fake_cockpit import FakeCockpit, Scene
from tests.cabin.web.serving import serving

DASHES = "\u2013 \u2013"
CUT_SHORT = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
TICK_MS = 100

pytestmark = pytest.mark.timed


class Ticking(FakeCockpit):
    """Its first tile shows the tenths of a second since it was made: how old a drawn number is can be read from it."""

    def __init__(self) -> None:
        super().__init__(Scene("moving", redraw_ms=100))
        self.began_ms = self.now_ms()

    def tick(self) -> None:
        self.do(speed=float((self.now_ms() - self.began_ms) // TICK_MS))

    def ages_ms(self, drawn: list[tuple[int, str]]) -> list[int]:
        """Of each number when it was drawn."""
        numbers = [(at, int(text.replace(",", ""))) for at, text in drawn if text[:1].isdigit()]
        return [at - self.began_ms - number * TICK_MS for at, number in numbers]


@contextlib.asynccontextmanager
async def ticking(cockpit: Ticking):  # type: ignore[no-untyped-def]  # a context manager of nothing  # noqa: ANN201
    async def tick() -> None:
        while True:
            cockpit.tick()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(tick(), name="tick")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def state(made: Seat) -> object:
    return made.ask("document.querySelector('#tiles li').dataset.state")


async def test_what_the_server_says_is_old_is_shown_as_old(browser: Browser, tmp_path: Path) -> None:
    cockpit = FakeCockpit(Scene("moving", speed=53, redraw_ms=20))
    async with seat(browser, cockpit, tmp_path) as made:
        for age_ms, expected, text in ((400, "live", "53"), (1500, "old", "53"), (3500, "gone", DASHES)):
            cockpit.do(age_ms=age_ms)
            await made.when(f"document.querySelector('#tiles li').dataset.state === '{expected}'", timeout_s=0.7)
            assert await made.text("#tiles .value") == text


async def test_a_stream_that_ends_greys_then_dashes_the_numbers_and_locks_but_hides_nothing_else(
    browser: Browser, tmp_path: Path
) -> None:
    cockpit = FakeCockpit(Scene("parked", redraw_ms=50, speed=53, market="standard"))
    async with contextlib.AsyncExitStack() as server:
        served = await server.enter_async_context(serving(cockpit, tmp_path))
        async with sitting(browser, served) as made:
            await made.press("rail settings")
            await server.aclose()
            gone = time.monotonic()
            seen: dict[str, float] = {}
            while time.monotonic() - gone < 3.4:
                tile, link = await made.ask(
                    "[document.querySelector('#tiles li').dataset.state, document.documentElement.dataset.link]"
                )
                seen.setdefault(tile, time.monotonic() - gone)
                seen.setdefault(link, time.monotonic() - gone)
                await asyncio.sleep(0.02)
            assert seen["old"] < 1.2
            assert seen["lost"] < 2.2
            assert seen["gone"] < 3.2
            assert await made.text("#tiles .value") == DASHES
            assert await made.text("#link-word") == "No connection"
            assert await made.text("#notice") == "What you see is no longer live"
            assert await made.root("locked") == "true"
            assert await made.ask("document.getElementById('parked').childElementCount") == 0
            assert await made.ask("document.querySelectorAll('#meeting-list li').length") == 1
            assert await made.text(".title") == "Meeting"
            assert await made.text("#trip-now dd") == "12.4"

            async with serving(cockpit, tmp_path, served.port):
                await made.when("document.documentElement.dataset.link === 'held'")
                assert await made.text("#tiles .value") == "53"
                assert await made.root("locked") == "false"
            assert [text for text in made.complaints if not any(known in text for known in CUT_SHORT)] == []


async def test_a_page_whose_process_stood_still_draws_nothing_old(browser: Browser, tmp_path: Path) -> None:
    """Nothing tells the page: what came in the meantime waits in the browser's buffers, and is dropped by its time."""
    cockpit = Ticking()
    async with ticking(cockpit), seat(browser, cockpit, tmp_path) as made:
        await asyncio.sleep(0.5)
        session = await browser.new_browser_cdp_session()
        listed = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
        renderers = [int(one["id"]) for one in listed if one["type"] == "renderer"]
        assert renderers
        for pid in renderers:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(4)
        woken_ms = time.time_ns() // 1_000_000
        for pid in renderers:
            os.kill(pid, signal.SIGCONT)
        await made.when("document.documentElement.dataset.link === 'held'")
        await asyncio.sleep(0.5)
        drawn = await made.ask("window.drawn")
    assert max(cockpit.ages_ms(drawn)) <= 2000
    assert [text for at, text in drawn if at > woken_ms and text != DASHES]


async def test_a_page_that_is_hidden_or_frozen_shows_dashes_until_it_is_seen_again(
    browser: Browser, tmp_path: Path
) -> None:
    """A headless browser hides nothing, so the page is told what a browser would tell it."""
    hidden = "Object.defineProperty(document, 'hidden', {{ value: {}, configurable: true }})"
    cockpit = Ticking()
    async with ticking(cockpit), seat(browser, cockpit, tmp_path) as made:
        for sleep, wake in (("visibilitychange", "visibilitychange"), ("freeze", "resume")):
            await made.ask(hidden.format("true"))
            await made.ask(f"document.dispatchEvent(new Event('{sleep}'))")
            assert await made.text("#tiles .value") == DASHES
            assert await made.root("locked") == "true"
            await asyncio.sleep(0.3)
            assert await made.text("#tiles .value") == DASHES
            await made.ask(hidden.format("false"))
            await made.ask(f"document.dispatchEvent(new Event('{wake}'))")
            await made.when("document.documentElement.dataset.link === 'held'", timeout_s=1)


async def test_a_view_of_another_time_is_not_believed(browser: Browser, tmp_path: Path) -> None:
    cockpit = FakeCockpit(Scene("moving", redraw_ms=20, speed=53))
    async with seat(browser, cockpit, tmp_path) as made:
        real = cockpit.now_ms
        for shift_ms in (-2500, 2500):
            cockpit.now_ms = lambda shift_ms=shift_ms: real() + shift_ms  # type: ignore[misc]  # of one loop
            cockpit.do(speed=188)
            await asyncio.sleep(0.3)
            assert await made.text("#tiles .value") == "53"


async def test_a_moving_page_redraws_twice_a_second_at_most_and_a_number_is_never_read_aloud(
    browser: Browser, tmp_path: Path
) -> None:
    cockpit = Ticking()
    cockpit.do(redraw_ms=500)
    async with ticking(cockpit), seat(browser, cockpit, tmp_path) as made:
        await made.ask(
            "window.said = 0; new MutationObserver(() => window.said++)"
            ".observe(document.getElementById('notice'), { childList: true, characterData: true, subtree: true })"
        )
        await asyncio.sleep(1)
        before = len(await made.ask("window.drawn"))
        await asyncio.sleep(3)
        assert 4 <= len(await made.ask("window.drawn")) - before <= 7
        assert await made.ask("window.said") == 0
        assert await made.ask("[...document.querySelectorAll('[role=status], [aria-live]')].map((e) => e.id)") == [
            "notice"
        ]


async def test_a_page_is_locked_within_a_quarter_of_a_second(browser: Browser, tmp_path: Path) -> None:
    cockpit = FakeCockpit(Scene("parked", redraw_ms=100))
    took_ms = []
    async with seat(browser, cockpit, tmp_path) as made:
        await made.ask(
            "window.lockedAt = 0; new MutationObserver(() => { if (document.documentElement.dataset.locked === 'true')"
            " window.lockedAt = Date.now(); }).observe(document.documentElement, { attributes: true })"
        )
        for _ in range(10):
            begun_ms = time.time_ns() // 1_000_000
            cockpit.do(drive="moving")
            await made.when("document.documentElement.dataset.locked === 'true'", timeout_s=1)
            took_ms.append(await made.ask("window.lockedAt") - begun_ms)
            cockpit.do(drive="parked")
            await made.when("document.documentElement.dataset.locked === 'false'", timeout_s=1)
    assert sorted(took_ms)[-2] <= 250, took_ms
