"""The pictures of docs/, of a made-up drive: `python -m tests.cabin.page.screenshots [folder]`."""

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import structlog

from tests.cabin.page.browser import connected, seat, started
from tests.cabin.web.fake_cockpit import FakeCockpit, Scene

DOCS = Path(__file__).parents[3] / "docs"


async def take(folder: Path) -> None:
    """cabin-{day,night}-{parked,moving}.png, and the trips of a parked car."""
    with tempfile.TemporaryDirectory() as profile, started(Path(profile)) as endpoint:
        await take_from(endpoint, folder)


async def take_from(endpoint: str, folder: Path) -> None:
    """The same, from a browser that runs."""
    async with connected(endpoint) as browser:
        for theme in ("day", "night"):
            parked = Scene(theme=theme)
            moving = Scene("moving", "standard", theme, redraw_ms=500, speed=53.2)
            for name, scene in (("parked", parked), ("moving", moving)):
                with tempfile.TemporaryDirectory() as data:
                    async with seat(browser, FakeCockpit(scene), Path(data)) as made:
                        await made.page.screenshot(path=folder / f"cabin-{theme}-{name}.png")
                        if name == "parked":
                            await made.page.locator("[data-key='rail trips']").click()
                            await made.when("document.querySelectorAll('.plots canvas').length > 0")
                            await made.page.screenshot(path=folder / f"cabin-{theme}-trips.png")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(take(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS))
