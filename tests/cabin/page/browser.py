"""Debian's Chromium on the real server, and what it had to complain about."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from cabin.ports import Cockpit
from tests.cabin.web.serving import Served, serving

CHROMIUM = "/usr/bin/chromium"
IS_THERE = shutil.which(CHROMIUM) is not None
WHY_NOT = "the head unit's page is tested in Debian's chromium, which is not installed here"
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
_NOTES_VIOLATIONS = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@dataclass(frozen=True, slots=True)
class Seat:
    """A page in front of a cockpit."""

    page: Page
    served: Served
    complaints: list[str] = field(default_factory=list)
    """errors and warnings of the console, errors that were thrown"""

    async def text(self, selector: str) -> str:
        return (await self.page.locator(selector).first.inner_text()).strip()

    async def root(self, name: str) -> str | None:
        return await self.page.evaluate(f"document.documentElement.dataset.{name}")  # type: ignore[no-any-return]

    async def when(self, condition: str, timeout_s: float = 5) -> None:
        """Until this JavaScript is true. Playwright's own way asks the page to eval, which its policy forbids."""
        async with asyncio.timeout(timeout_s):
            while not await self.page.evaluate(condition):  # noqa: ASYNC110  the page tells nothing by itself
                await asyncio.sleep(0.02)

    async def violations(self) -> list[str]:
        return await self.page.evaluate("window.violations")  # type: ignore[no-any-return]


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser of its own; its processes end with the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def seat(
    browser: Browser, cockpit: Cockpit, folder: Path, size: tuple[int, int] = WIDE, **context: Any
) -> AsyncIterator[Seat]:
    """The page, launched as the kiosk launches it, once it has drawn its first View."""
    async with serving(cockpit, folder) as served:
        opened = await browser.new_context(
            viewport={"width": size[0], "height": size[1]}, timezone_id="Europe/Berlin", **context
        )
        try:
            page = await opened.new_page()
            await page.add_init_script(_NOTES_VIOLATIONS)
            made = Seat(page, served)
            page.on("console", lambda message: _noted(made, message))
            page.on("pageerror", lambda error: made.complaints.append(str(error)))
            await page.goto(f"{served.origin}/?launch={served.token()}")
            await made.when("document.documentElement.dataset.link === 'held'")
            yield made
        finally:
            await opened.close()


def _noted(made: Seat, message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        made.complaints.append(message.text)
