"""A meeting's link on its way to a phone: seen while parked, and by nobody once the vehicle is not."""

import asyncio
import io
import itertools
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser

from cabin.ports import Answered
from cabin.records import Purpose
from tests.cabin.page.browser import LOW, SMALL, WIDE, Seat, seat
from tests.cabin.page.test_sizes import resized, wrongs
from tests.cabin.web.fake_cockpit import FakeCockpit, Scene

LONG = "https://meet.example/l/meetup-join/19%3ameeting_".ljust(300, "M")
"""As long as the link of a meeting is."""
BRIDGE = "https://bridge.example/link?vehicle=v&profile=p1&key=k"
LEAST_SQUARE_PX = 4
"""Of a code of 300 bytes on the smallest screen: 0.5 mm at 200 pixels an inch, read from an arm's length."""
SQUARES = 69


async def phone_sees(made: Seat) -> list[str]:
    """What can be read from the screen as it is."""
    image = Image.open(io.BytesIO(await made.page.screenshot()))
    return [one.text for one in zxingcpp.read_barcodes(image)]


async def shown(made: Seat, key: str = "a1") -> None:
    await made.press(f"qr {key}")
    await made.when("document.querySelector('.qr')?.complete")


async def nothing_left(made: Seat) -> None:
    assert await made.ask("document.getElementById('parked').childElementCount") == 0
    assert not await made.ask("document.getElementById('now').hidden")
    assert "data:image/svg" not in await made.page.content()
    assert await phone_sees(made) == []


async def test_a_phone_reads_the_link_from_every_screen_by_day_and_by_night(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.web_link = LONG
    async with seat(browser, cockpit, tmp_path) as made:
        await shown(made)
        assert await made.text("#parked h2") == "Quarterly review of the fleet"
        for theme, (width, height) in itertools.product(("day", "night"), (WIDE, SMALL, LOW)):
            cockpit.do(theme=theme)
            await made.when(f"document.documentElement.dataset.theme === '{theme}'")
            await made.page.set_viewport_size({"width": width, "height": height})
            assert await phone_sees(made) == [LONG]
            box = await made.page.locator(".qr").bounding_box()
            assert box
            assert box["width"] == pytest.approx(box["height"])
            assert box["width"] / SQUARES >= LEAST_SQUARE_PX


async def test_a_link_is_gone_with_the_first_view_of_a_vehicle_that_is_not_parked(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        for drive in ("idling", "moving", "unknown"):
            await shown(made)
            cockpit.do(drive=drive)
            await made.when("document.documentElement.dataset.locked === 'true'")
            await nothing_left(made)
            assert await made.ask("document.querySelector('[data-key^=\"qr\"]')") is None
            cockpit.do(drive="parked")
            await made.when("document.documentElement.dataset.locked === 'false'")
            await nothing_left(made)


async def test_a_picture_that_comes_late_is_not_shown(browser: Browser, tmp_path: Path) -> None:
    class Slow(FakeCockpit):
        def __init__(self) -> None:
            super().__init__()
            self.go_on = asyncio.Event()

        async def link(self, meeting: str) -> Answered:
            if meeting == "a1":
                await self.go_on.wait()
            return 200, {"link": f"https://meet.example/{meeting}"}

    cockpit = Slow()
    async with seat(browser, cockpit, tmp_path) as made, made.page.expect_response("**/a1/qr.svg") as late:
        await made.press("qr a1")
        cockpit.do(drive="moving")
        await made.when("document.documentElement.dataset.locked === 'true'")
        cockpit.do(drive="parked")
        await made.when("document.documentElement.dataset.locked === 'false'")
        await shown(made, "a2")
        cockpit.go_on.set()
        await (await late.value).finished()
        await asyncio.sleep(0.1)
        assert await phone_sees(made) == ["https://meet.example/a2"]


async def test_the_meeting_of_somebody_else_takes_its_link_along(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await shown(made)
        cockpit.do(profile="p2")
        await made.when("document.querySelector('.qr') === null")
        await nothing_left(made)


async def test_a_meeting_that_is_over_takes_its_link_along(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await shown(made)
        del cockpit.meetings[0]
        cockpit.do()
        await made.when("document.querySelector('.qr') === null")
        await nothing_left(made)


async def test_a_knob_shows_a_link_and_leaves_it(browser: Browser, tmp_path: Path, cockpit: FakeCockpit) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        for leave in ("Enter", "Escape"):
            await made.page.locator("[data-key='qr a2']").focus()
            await made.page.keyboard.press("Enter")
            await made.when("document.querySelector('.qr')?.complete")
            await made.page.locator("[data-key='qr close']").focus()
            await made.page.keyboard.press(leave)
            await nothing_left(made)


async def test_a_meeting_without_a_link_or_one_that_is_cancelled_has_no_button(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        keys = await made.ask("[...document.querySelectorAll('[data-key^=\"qr\"]')].map((one) => one.dataset.key)")
        assert keys == ["qr a1", "qr a2", "qr a4"]


@pytest.mark.parametrize(
    ("status", "notice"), [(404, "This meeting has no link now"), (409, "This link cannot be shown")]
)
async def test_a_link_that_cannot_be_shown_is_told(browser: Browser, tmp_path: Path, status: int, notice: str) -> None:
    class Linkless(FakeCockpit):
        async def link(self, meeting: str) -> Answered:
            return status, {"error": meeting}

    async with seat(browser, Linkless(), tmp_path) as made:
        await made.press("qr a1")
        await made.when(f"document.getElementById('notice').textContent === '{notice}'")
        await nothing_left(made)
        assert all(str(status) in text for text in made.complaints)
        made.complaints.clear()


async def bridge_shown(made: Seat) -> None:
    await made.press("rail settings")
    await made.press("bridge.show")
    await made.when("document.querySelector('.qr')?.complete")


async def test_a_phone_reads_the_way_to_its_calendar_from_every_screen(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await bridge_shown(made)
        for theme, (width, height) in itertools.product(("day", "night"), (WIDE, SMALL, LOW)):
            cockpit.do(theme=theme)
            await made.when(f"document.documentElement.dataset.theme === '{theme}'")
            await made.page.set_viewport_size({"width": width, "height": height})
            assert await phone_sees(made) == [BRIDGE]
        await made.press("qr close")
        assert await made.root("locked") == "false"
        assert await made.ask("document.querySelector('[data-key=\"bridge.show\"]') !== null")
        assert await phone_sees(made) == []


@pytest.mark.parametrize("language", ["en", "de", "pseudo"])
async def test_the_way_to_a_calendar_can_be_read_and_hit(browser: Browser, tmp_path: Path, language: str) -> None:
    cockpit = FakeCockpit(Scene(redraw_ms=20, language="de" if language == "de" else "en"))
    async with seat(browser, cockpit, tmp_path, pseudo=language == "pseudo") as made:
        for size, (profile, answer) in itertools.product(
            (WIDE, SMALL, LOW), (("p1", "YES"), ("p1", "NO"), ("guest", "NO"))
        ):
            cockpit.do(profile=profile, consent=dict.fromkeys(Purpose, answer))
            await resized(made, size)
            await made.press("rail settings")
            assert await wrongs(made, locked=False) == []
        cockpit.do(profile="p1", consent=dict.fromkeys(Purpose, "YES"))
        await made.when("document.querySelector('[data-key=\"bridge.show\"]') !== null")
        await bridge_shown(made)
        for size in (WIDE, SMALL, LOW):
            await resized(made, size)
            assert await wrongs(made, locked=False) == []


async def test_a_knob_allows_a_calendar_and_shows_its_code(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(consent=dict.fromkeys(Purpose, "NO"))
    async with seat(browser, cockpit, tmp_path) as made:
        for key in ("rail settings", "bridge.allow", "calendar YES"):
            await made.page.locator(f"[data-key='{key}']").focus()
            await made.page.keyboard.press("Enter")
        await made.when("document.querySelector('[data-key=\"calendar YES\"]').ariaPressed === 'true'")
        for key in ("rail settings", "bridge.show"):
            await made.page.locator(f"[data-key='{key}']").focus()
            await made.page.keyboard.press("Enter")
        await made.when("document.querySelector('.qr')?.complete")
        await made.page.keyboard.press("Escape")
        await nothing_left(made)


async def test_the_code_of_a_bridge_is_gone_when_the_vehicle_moves_or_the_calendar_is_denied(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await bridge_shown(made)
        cockpit.do(drive="moving")
        await made.when("document.documentElement.dataset.locked === 'true'")
        await nothing_left(made)
        cockpit.do(drive="parked")
        await made.when("document.documentElement.dataset.locked === 'false'")
        await bridge_shown(made)
        cockpit.do(consent=dict.fromkeys(Purpose, "NO"))
        await made.when("document.querySelector('[data-key=\"bridge.allow\"]') !== null")
        assert await phone_sees(made) == []


async def test_without_a_bridge_the_settings_say_nothing_of_one(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(bridge=False)
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail settings")
        assert "Calendar on your phone" not in await made.page.inner_text("#parked")
