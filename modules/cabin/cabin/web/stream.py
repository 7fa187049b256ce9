"""One View after the other to every page: of the newest alone, never a queue, and never faster than may be drawn."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Final

from cabin import events
from cabin.events import Log
from cabin.ports import Views

QUIET_S: Final = 0.5
"""After so long without a change a View goes out all the same: the page greys a number whose age it cannot see to be
less than 1 s, and locks itself after 2 s without any."""
MOST_PAGES: Final = 32
_BEGINNING: Final = b"retry: 1000\n\n"


class Stream:
    """Renders a View once for all pages. A page that is slow finds the newest when it comes back for more."""

    def __init__(self, views: Views, log: Log) -> None:
        self._views = views
        self._log = log
        self._event = b""
        self._number = 0
        self._news = asyncio.Event()
        self._wanted = asyncio.Event()
        self._pages = 0
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether one more page would be too many."""
        return self._pages >= MOST_PAGES

    async def pump(self) -> None:
        """Render while any page listens; until cancelled."""
        while True:
            await self._wanted.wait()
            seq = self._views.seq
            self._tell(self._rendered())
            pause_s = self._views.redraw_ms / 1000
            await asyncio.sleep(pause_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, QUIET_S - pause_s)):
                    await self._views.changed(seq)

    async def events(self) -> AsyncGenerator[bytes, None]:
        """What one page reads: where it stands at once, then the newest whenever it has read the last; until close."""
        self._join(1)
        try:
            number = self._number
            yield _BEGINNING + self._rendered()
            while not self._closed:
                if number == self._number:
                    await self._news.wait()
                else:
                    number = self._number
                    yield self._event
        finally:
            self._join(-1)

    def close(self) -> None:
        """Let every page go; the streams end by themselves."""
        self._closed = True
        self._news.set()

    def _join(self, change: int) -> None:
        self._pages += change
        if self._pages:
            self._wanted.set()
        else:
            self._wanted.clear()
        (events.page_joined if change > 0 else events.page_left)(self._log, pages=self._pages)

    def _rendered(self) -> bytes:
        body = json.dumps(self._views.view(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return b"event: view\ndata: " + body.encode() + b"\n\n"

    def _tell(self, event: bytes) -> None:
        self._event = event
        self._number += 1
        news, self._news = self._news, asyncio.Event()
        news.set()
