"""What the driver can do, by touch and by knob, and what becomes of it when the vehicle moves."""

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error

from cabin.ports import Answered
from cabin.records import Answer, Purpose
from tests.cabin.page.browser import Seat, seat
from tests.cabin.web.fake_cockpit import FakeCockpit

FOCUSED = "document.activeElement?.dataset.key ?? document.activeElement?.id"


async def turned_to(made: Seat, key: str, step: str = "ArrowRight") -> None:
    """Turn the knob until this is chosen."""
    for _ in range(40):
        if await made.ask(FOCUSED) == key:
            return
        await made.page.keyboard.press(step)
    raise AssertionError(f"the knob does not come to {key}")


async def chosen(made: Seat, key: str) -> None:
    await turned_to(made, key)
    await made.page.keyboard.press("Enter")


async def test_one_tap_joins_a_meeting_and_the_page_says_how_it_goes(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(drive="moving", market="strict")
    async with seat(browser, cockpit, tmp_path) as made:
        assert await made.text(".title") == "Meeting"
        await made.press("dial a1")
        await made.when("document.querySelector('.dial').dataset.state === 'dialing'")
        assert cockpit.asked == [("dial", "a1")]
        assert await made.text("#notice") == "Calling the meeting"
        await made.ask("document.querySelector('.dial').click()")
        for state, notice in (("active", "The call is running"), ("failed", "The call was not made")):
            cockpit.do(dialer=state)
            await made.when(f"document.querySelector('.dial').dataset.state === '{state}'")
            assert await made.text("#notice") == notice
        assert cockpit.asked == [("dial", "a1")]
        await made.press("dial a1")
        await made.when("document.querySelector('.dial').dataset.state === 'dialing'")
        assert len(cockpit.asked) == 2


async def test_without_a_phone_there_is_no_button_and_the_number_only_when_parked(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(dialer="none")
    async with seat(browser, cockpit, tmp_path) as made:
        assert await made.text(".phone") == "+49 69 1234567"
        cockpit.do(drive="moving")
        await made.when("document.documentElement.dataset.locked === 'true'")
        assert await made.ask("document.querySelector('.dial')") is None
        assert "1234567" not in await made.page.content()


async def test_private_mode_is_one_tap_while_driving_too(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(drive="moving")
    async with seat(browser, cockpit, tmp_path) as made:
        for on in (True, False):
            await made.page.locator("#private").click()
            await made.when(f"document.getElementById('private').getAttribute('aria-checked') === '{on}'.toLowerCase()")
        assert cockpit.asked == [("private", True), ("private", False)]


async def test_a_knob_reaches_everything(browser: Browser, tmp_path: Path, cockpit: FakeCockpit) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await chosen(made, "rail trips")
        await made.when("document.querySelectorAll('.plots canvas').length > 0")
        await chosen(made, "trip t1")
        await made.when("document.querySelector('[data-key=\"trip t1\"]').getAttribute('aria-pressed') === 'true'")
        assert await made.ask(FOCUSED) == "trip t1"
        await chosen(made, "trips.delete")
        assert await made.ask(FOCUSED) == "trips.delete"
        await made.page.keyboard.press("Enter")
        await made.when("document.querySelector('[data-key=\"trip t1\"]') === null")
        assert ("delete_trips", ["t1"]) in cockpit.asked
        await chosen(made, "rail privacy")
        await chosen(made, "trips NO")
        await made.when("document.querySelector('[data-key=\"trips NO\"]').getAttribute('aria-pressed') === 'true'")
        assert cockpit.asked[-1] == ("consent", Purpose.TRIPS, Answer.NO, "trips.en", 1)
        await chosen(made, "rail settings")
        await chosen(made, "language de")
        await made.when("document.documentElement.lang === 'de'")
        await chosen(made, "profile guest")
        await made.when(
            "document.querySelector('[data-key=\"profile guest\"]').getAttribute('aria-pressed') === 'true'"
        )
        await made.page.keyboard.press("Escape")
        await made.when("!document.getElementById('now').hidden")
        await turned_to(made, "row a5", "ArrowLeft")
        cockpit.do(drive="moving")
        await made.when("document.documentElement.dataset.locked === 'true'")
        await chosen(made, "dial a1")
        await made.when("document.querySelector('.dial').dataset.state === 'dialing'")
        assert ("dial", "a1") in cockpit.asked


async def test_what_is_chosen_stays_chosen_while_numbers_change(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await turned_to(made, "dial a2")
        for speed in range(5):
            cockpit.do(speed=float(speed), reminder=speed > 2, dialer="failed" if speed == 4 else "idle")
            await made.when(f"document.querySelector('.value').textContent === '{speed}'")
            assert await made.ask(FOCUSED) == "dial a2"


async def test_a_vehicle_that_moves_off_empties_what_was_for_a_parked_one(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail trips")
        await made.when("document.querySelectorAll('.plots canvas').length > 0")
        cockpit.do(drive="moving", market="strict")
        await made.when("document.documentElement.dataset.locked === 'true'")
        assert await made.ask("document.getElementById('parked').childElementCount") == 0
        assert await made.ask("document.getElementById('rail').hidden")
        content = await made.page.inner_text("body")
        for private in ("Quarterly", "Export", "A. Example", "Fastest", "Room 4"):
            assert private not in content
        cockpit.do(drive="parked")
        await made.when("document.documentElement.dataset.locked === 'false'")
        assert not await made.ask("document.getElementById('now').hidden")


async def test_trips_that_come_after_the_vehicle_moved_off_are_not_shown(browser: Browser, tmp_path: Path) -> None:
    class Slow(FakeCockpit):
        async def trips(self) -> Answered:
            answer = await super().trips()
            await asyncio.sleep(0.5)
            return answer

    cockpit = Slow()
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail trips")
        cockpit.do(drive="moving")
        await made.when("document.documentElement.dataset.locked === 'true'")
        await asyncio.sleep(0.8)
        assert await made.ask("document.getElementById('parked').childElementCount") == 0


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_an_export_is_saved_as_a_file(browser: Browser, tmp_path: Path, cockpit: FakeCockpit, form: str) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail trips")
        async with made.page.expect_download() as waiting:
            await made.press(form)
        download = await waiting.value
        assert download.suggested_filename == f"trips.{form}"
        await download.save_as(tmp_path / "saved")
    assert b"t7" in (tmp_path / "saved").read_bytes()


async def test_what_cannot_be_undone_is_asked_twice(browser: Browser, tmp_path: Path, cockpit: FakeCockpit) -> None:
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail settings")
        await made.press("remove p2")
        assert await made.text("[data-key='remove p2']") == "Really?"
        await made.press("rail now")
        await made.press("rail settings")
        assert await made.text("[data-key='remove p2']") == "Remove"
        assert cockpit.asked == []
        await made.press("remove p2")
        await made.press("remove p2")
        await asyncio.sleep(0.1)
        assert cockpit.asked == [("remove_profile", "p2")]


async def test_a_refusal_is_told_in_a_sentence(browser: Browser, tmp_path: Path) -> None:
    class Phoneless(FakeCockpit):
        async def dial(self, meeting: str) -> Answered:
            return 409, {"error": f"there is no phone for {meeting}"}

    async with seat(browser, Phoneless(), tmp_path) as made:
        await made.press("dial a1")
        await made.when("document.getElementById('notice').textContent === 'No number or no phone'")
        assert all("409" in text for text in made.complaints)
        made.complaints.clear()


async def test_a_reminder_sounds_once_after_the_page_was_touched(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(drive="moving", market="strict")
    async with seat(browser, cockpit, tmp_path) as made:
        await made.ask(
            "window.tones = 0; const start = OscillatorNode.prototype.start;"
            " OscillatorNode.prototype.start = function (at) { window.tones++; start.call(this, at); }; 0"
        )
        await made.page.locator("#private").click()
        cockpit.do(reminder=True)
        await made.when("document.getElementById('reminder').textContent.startsWith('Meeting at')")
        for speed in (1.0, 2.0):
            cockpit.do(speed=speed)
            await made.when(f"document.querySelector('.value').textContent === '{speed:.0f}'")
        assert await made.ask("window.tones") == 2


async def test_a_profile_is_added_without_writing_its_name(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(profiles=("guest", "p1", "p3"))
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail settings")
        for place in range(3, 9):
            await made.press("profile add")
            await made.when(f"document.querySelectorAll('[data-key^=\"profile p\"]').length === {place}")
            chosen_one = "[data-key^='profile p'][aria-pressed='true']"
            assert await made.text(chosen_one) == f"Profile {place}"
        assert await made.ask("document.querySelector('[data-key=\"profile add\"]')") is None
        names = [str(name) for _, name in cockpit.asked]
    assert len(set(names)) == 6
    assert all(re.fullmatch("p[0-9a-f]{6}", name) for name in names)


async def test_a_profile_that_was_removed_is_never_made_again(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(profiles=("guest",), profile="guest")
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail settings")
        for _ in range(2):
            await made.press("profile add")
            await made.when("document.querySelector('[data-key^=\"profile p\"]')?.ariaPressed === 'true'")
            name = str(cockpit.asked[-1][1])
            await made.press(f"remove {name}")
            await made.press(f"remove {name}")
            await made.when("document.querySelector('[data-key^=\"profile p\"]') === null")
        assert [act for act, *_ in cockpit.asked] == ["profile", "remove_profile"] * 2
        assert cockpit.asked[0] != cockpit.asked[2]


async def test_a_guest_is_told_that_only_a_profile_can_agree(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.do(profile="guest")
    async with seat(browser, cockpit, tmp_path) as made:
        await chosen(made, "rail privacy")
        assert "A guest cannot agree" in await made.text(".warn")
        assert await made.ask("document.querySelector('[data-key=\"trips YES\"]')") is None
        await chosen(made, "choose profile")
        await chosen(made, "profile p1")
        await made.when("document.querySelector('[data-key=\"profile p1\"]').ariaPressed === 'true'")
        await chosen(made, "rail privacy")
        assert await made.ask("document.querySelector('.warn')") is None
        assert await made.ask("document.querySelector('[data-key=\"trips YES\"]') !== null")


@pytest.mark.parametrize(
    ("key", "notice"), [("trips YES", "A guest cannot agree"), ("profile add", "Eight profiles at most")]
)
async def test_a_choice_that_came_too_late_is_told_in_its_own_words(
    browser: Browser, tmp_path: Path, key: str, notice: str
) -> None:
    class Late(FakeCockpit):
        async def consent(self, purpose: Purpose, answer: Answer, text_id: str, text_version: int) -> Answered:
            return 409, {"error": f"{purpose} {answer} {text_id} {text_version}"}

        async def profile(self, profile: str) -> Answered:
            return 409, {"error": profile}

    cockpit = Late()
    cockpit.do(consent=dict.fromkeys(Purpose, "NO"))
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail privacy" if "trips" in key else "rail settings")
        await made.press(key)
        await made.when(f"document.getElementById('notice').textContent === '{notice}'")
        assert all("409" in text for text in made.complaints)
        made.complaints.clear()


async def test_signals_that_are_missing_are_named(browser: Browser, tmp_path: Path, cockpit: FakeCockpit) -> None:
    cockpit.do(missing=("park_lock", "some_role"))
    async with seat(browser, cockpit, tmp_path) as made:
        await made.press("rail settings")
        assert "Park lock" in await made.text(".warn")
        assert "some_role" in await made.text(".warn")


async def test_text_of_others_stays_text_and_the_policy_holds(
    browser: Browser, tmp_path: Path, cockpit: FakeCockpit
) -> None:
    cockpit.meetings[0]["title"] = "<img src=x onerror=alert(1)> & {from}"
    async with seat(browser, cockpit, tmp_path) as made:
        assert await made.text(".title") == "<img src=x onerror=alert(1)> & {from}"
        await made.faultless()
        with pytest.raises(Error, match="TrustedHTML"):
            await made.ask("document.body.innerHTML = 'x'")
        with pytest.raises(Error, match="fetch"):
            await made.ask("fetch('http://127.0.0.2:9/')")
        made.complaints.clear()
        await made.ask("window.violations.length = 0")
