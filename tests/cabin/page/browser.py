"""Debian's Chromium on the real server, and what it had to complain about."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, Route, async_playwright

from cabin.ports import Cockpit
from cabin.web.assets import STATIC
from tests.cabin.web.serving import Served, serving

CHROMIUM = "/usr/bin/chromium"
IS_THERE = os.access(CHROMIUM, os.X_OK)
WHY_NOT = "the head unit's page is tested in Debian's chromium, which is not installed here"
START_S = 15
WIDE, SMALL, LOW = (1920, 720), (1024, 600), (1280, 480)
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_NOTES = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
  window.drawn = [];
  const note = () => {
    const value = document.querySelector("#tiles .value")?.textContent;
    if (value !== undefined && value !== window.drawn.at(-1)?.[1]) window.drawn.push([Date.now(), value]);
  };
  new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true });
"""
"""`violations` of the policy, and what the first tile showed: [milliseconds of the epoch, text] at each change."""


@dataclass(frozen=True, slots=True)
class Seat:
    """A page in front of a cockpit."""

    page: Page
    served: Served
    complaints: list[str] = field(default_factory=list)
    """errors and warnings of the console, errors that were thrown"""

    async def ask(self, expression: str) -> Any:
        """What this JavaScript is in the page."""
        return await self.page.evaluate(expression)

    async def root(self, name: str) -> Any:
        """A `data-` attribute of the whole page."""
        return await self.ask(f"document.documentElement.dataset.{name}")

    async def when(self, condition: str, timeout_s: float = 20) -> None:
        """Until this JavaScript is true. Playwright's own way asks the page to eval, which its policy forbids."""
        async with asyncio.timeout(timeout_s):
            while not await self.ask(condition):  # noqa: ASYNC110  the page tells nothing by itself
                await asyncio.sleep(0.02)

    async def text(self, selector: str) -> str:
        return (await self.page.locator(selector).first.inner_text()).strip()

    async def press(self, key: str) -> None:
        """The button with this `data-key`."""
        await self.page.locator(f"[data-key='{key}']").click()

    async def faultless(self) -> None:
        """Nothing was complained of so far."""
        assert self.complaints == []
        assert await self.ask("window.violations") == []


@contextlib.contextmanager
def started(folder: Path) -> Iterator[str]:
    """A browser's process, and where it is spoken to; it ends with the block. To start it once is enough."""
    command = [CHROMIUM, "--headless", "--remote-debugging-port=0", f"--user-data-dir={folder}", *_ARGUMENTS]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  our own words
    try:
        told = folder / "DevToolsActivePort"
        deadline = time.monotonic() + START_S
        while not (told.exists() and told.read_text().count("\n")):
            assert time.monotonic() < deadline, "chromium does not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{told.read_text().splitlines()[0]}"
    finally:
        process.terminate()
        process.wait()


@contextlib.asynccontextmanager
async def connected(endpoint: str) -> AsyncIterator[Browser]:
    """A way to that browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(endpoint)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def sitting(
    browser: Browser, served: Served, size: tuple[int, int] = WIDE, *, pseudo: bool = False, **context: Any
) -> AsyncIterator[Seat]:
    """The page, launched as the kiosk launches it, once it has drawn its first View; `pseudo` in place of English."""
    viewport = {"width": size[0], "height": size[1]}
    opened = await browser.new_context(viewport=viewport, timezone_id="Europe/Berlin", **context)  # type: ignore[arg-type]  # a TypedDict of the same
    try:
        page = await opened.new_page()
        page.set_default_timeout(20_000)
        await page.add_init_script(_NOTES)
        if pseudo:
            await page.route("**/static/lang/en.json", _longer)
        made = Seat(page, served)
        page.on("console", lambda message: _noted(made, message))
        page.on("pageerror", lambda error: made.complaints.append(str(error)))
        await page.goto(f"{served.origin}/?launch={served.token()}")
        await made.when("document.documentElement.dataset.link === 'held'")
        yield made
    finally:
        await opened.close()


@contextlib.asynccontextmanager
async def seat(
    browser: Browser,
    cockpit: Cockpit,
    folder: Path,
    size: tuple[int, int] = WIDE,
    *,
    pseudo: bool = False,
    **context: Any,
) -> AsyncIterator[Seat]:
    """A server and a page at it; the page has complained of nothing when the block ends."""
    async with serving(cockpit, folder) as served, sitting(browser, served, size, pseudo=pseudo, **context) as made:
        yield made
        await made.faultless()


def _noted(made: Seat, message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        made.complaints.append(message.text)


async def _longer(route: Route) -> None:
    texts = json.loads((STATIC / "lang" / "en.json").read_text())
    kept = {"locale", "consent.version"}
    await route.fulfill(json={key: text if key in kept else _pseudo(text) for key, text in texts.items()})


_ACCENTED = str.maketrans("aceinouyACEINOUY", "áçéïñöúýÁÇÉÏÑÖÚÝ")


def _pseudo(text: str) -> str:
    """The same with other letters and 40 % more of them; the gaps stay."""
    parts = re.split(r"(\{\w+\})", text)
    changed = "".join(part if part.startswith("{") else part.translate(_ACCENTED) for part in parts)
    more = sum(letter.isalpha() for part in parts if not part.startswith("{") for letter in part) * 2 // 5
    return f"{changed} {'öx ' * (more // 3)}".strip() if more > 3 else changed + "öxö"[:more]
