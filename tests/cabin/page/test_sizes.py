"""What a driver can read and hit, measured in the page: in every language, by day and by night, parked and not."""

import itertools
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.async_api import Browser

from tests.cabin.page.browser import LOW, SMALL, WIDE, Seat, seat
from tests.cabin.web.fake_cockpit import FakeCockpit, Scene

DIALLING: tuple[dict[str, object], ...] = (
    {"dialer": "dialing", "dialled": "a1"},
    {"dialer": "failed", "dialled": "a1"},
    {"dialer": "none"},
)
DAY_S = 86_400
LOCKED = ("moving", "idling", "unknown")
SIZES = (WIDE, SMALL, LOW)
PLACES = ("now", "link", "trips", "privacy", "privacy of a guest", "settings")

_MEASURE = """() => {
  const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = numbers(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error("a ground that shines through cannot be measured");
    }
  };
  const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const seen = (e) => e.getClientRects().length > 0;
  const name = (e) => `${e.tagName} ${e.id} ${e.className} ${e.textContent.slice(0, 30)}`;
  const style = (e, name) => getComputedStyle(e)[name];
  const all = [...document.body.querySelectorAll("*")].filter(seen);
  const texts = all.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()));
  const wrong = [];
  for (const e of texts) {
    const size = parseFloat(style(e, "fontSize"));
    const most = e.matches(".value, .when, .title, #clock, #trip-now dd, .dial span") ? 32 : 24;
    if (size < most) wrong.push(`${size} px: ${name(e)}`);
    const ratio = contrast(light(numbers(style(e, "color"))), light(ground(e)));
    if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${name(e)}`);
    const clamped = style(e, "webkitLineClamp") !== "none";
    const inline = style(e, "display") === "inline";
    if (!clamped && !inline && e.scrollWidth > e.clientWidth + 1) wrong.push(`cut off: ${name(e)}`);
    const frame = e.closest("li, button, .button, section, header");
    const [inner, outer] = [e.getBoundingClientRect(), frame.getBoundingClientRect()];
    if (inner.left < outer.left - 1 || inner.right > outer.right + 1) wrong.push(`sticks out: ${name(e)}`);
    if (!clamped && !e.closest("#parked, #meeting-list, #tiles li:nth-child(n + 7)") &&
        (inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1)) wrong.push(`sticks out below: ${name(e)}`);
  }
  for (const e of all.filter((e) => e.matches("button, a"))) {
    const { width, height } = e.getBoundingClientRect();
    if (width < 76 || height < 76) wrong.push(`target ${width} by ${height}: ${name(e)}`);
  }
  const moves = (e) => style(e, "transitionDuration") !== "0s" || style(e, "animationName") !== "none";
  if (all.some(moves) || document.getAnimations().length > 0) wrong.push("something moves");
  const canScroll = (e) => ["auto", "scroll"].includes(style(e, "overflowY"));
  const scrolls = all.filter((e) => canScroll(e) && e.scrollHeight > e.clientHeight + 1);
  const end = (e) => e.getBoundingClientRect();
  const lower = all.filter((e) => end(e).bottom > innerHeight + 1 || end(e).right > innerWidth + 1);
  return { wrong: [...new Set(wrong)], scrolls: scrolls.map(name), lower: lower.map(name), texts: texts.length };
}"""


Wrongs = dict[tuple[object, ...], list[str]]


async def wrongs(made: Seat, *, locked: bool) -> list[str]:
    measured: Any = await made.ask(f"({_MEASURE})()")
    assert measured["texts"] > 10
    beyond = [f"scrolls: {one}" for one in measured["scrolls"]]
    beyond += [f"beyond the screen: {one}" for one in measured["lower"]]
    return list(measured["wrong"]) + (beyond if locked else [])


async def resized(made: Seat, size: tuple[int, int]) -> None:
    await made.page.set_viewport_size({"width": size[0], "height": size[1]})


async def entered(made: Seat, place: str) -> None:
    """Until all that stands there is drawn."""
    await made.press("rail now" if place == "link" else f"rail {place.partition(' ')[0]}")
    if place == "link":
        await made.press("qr a1")
        await made.when("document.querySelector('.qr')?.complete")
    elif place == "trips":
        await made.when("document.querySelectorAll('.plots canvas').length > 0")
    elif place == "privacy of a guest":
        await made.when("document.querySelector('.warn') !== null")
    elif place == "privacy":
        await made.when("document.querySelector('.warn') === null")


@pytest.mark.parametrize(
    ("language", "in_days"),
    [("en", 0), ("de", 0), ("pseudo", 0), ("pseudo", 1)],
    ids=["en", "de", "pseudo", "pseudo, tomorrow"],
)
async def test_everything_can_be_read_and_hit_while_driving(
    browser: Browser, tmp_path: Path, language: str, in_days: int
) -> None:
    spoken = "de" if language == "de" else "en"
    cockpit = FakeCockpit(Scene("moving", redraw_ms=20, language=spoken, speed=188))
    cockpit.meetings[0]["title"] = "Thirty characters, no more now"
    for meeting in cockpit.meetings[:3]:
        meeting |= {name: cast("int", meeting[name]) + in_days * DAY_S for name in ("start_s", "end_s")}
    found: Wrongs = {}
    async with seat(browser, cockpit, tmp_path, pseudo=language == "pseudo") as made:
        for number, (drive, theme) in enumerate(itertools.product(LOCKED, ("day", "night"))):
            strict = number % 3 != 1
            market = "strict" if strict else "standard"
            changes = {"reminder": strict, "word": "agent_gone" if strict else "online", "dialer": "idle", "age_ms": 40}
            cockpit.do(drive=drive, market=market, theme=theme, **changes)
            state = "document.documentElement.dataset.theme + document.documentElement.dataset.drive"
            await made.when(f"{state} === '{theme}{drive}'")
            for size in SIZES:
                await resized(made, size)
                found[drive, market, theme, size] = await wrongs(made, locked=True)
        for dialling in DIALLING:
            cockpit.do(age_ms=1500, **dialling)
            told = "document.getElementById('tiles').lastChild.dataset.state === 'old'"
            await made.when(told)
            for size in SIZES:
                await resized(made, size)
                found[*dialling.values(), size] = await wrongs(made, locked=True)
    assert {state: wrong for state, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("language", ["en", "de", "pseudo"])
async def test_everything_can_be_read_and_hit_when_parked(browser: Browser, tmp_path: Path, language: str) -> None:
    spoken = "de" if language == "de" else "en"
    cockpit = FakeCockpit(Scene(redraw_ms=20, language=spoken, missing=("park_lock", "speed")))
    found: Wrongs = {}
    async with seat(browser, cockpit, tmp_path, pseudo=language == "pseudo") as made:
        for size, theme, place in itertools.product(SIZES, ("day", "night"), PLACES):
            await resized(made, size)
            cockpit.do(theme=theme, profile="guest" if "guest" in place else "p1")
            await made.when(f"document.documentElement.dataset.theme === '{theme}'")
            await entered(made, place)
            found[theme, place, size] = await wrongs(made, locked=False)
    assert {state: wrong for state, wrong in found.items() if wrong} == {}
