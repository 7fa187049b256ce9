"""Calls handed to the head unit's own platform as `tel:` addresses, over a Unix socket.

The page does not get them: while driving it may not know the number, and what a browser does with a `tel:` link is its
own affair. The platform's program listens on the socket and reads one line a call, `tel:+496936505770,,123456789%23`;
it answers `ok`, or one line that says why not, and makes the call as it makes all others. How the call goes on is the
platform's to show, so that the state is `idle` again at once.
"""

import asyncio
from pathlib import Path
from typing import Final

from cabin import events
from cabin.calls.dialstring import DialString
from cabin.errors import CallFailed
from cabin.events import Log

ANSWER_S: Final = 5.0
REASON_CHARS: Final = 100


class TelDialer:
    """Implements `ports.Dialer`."""

    def __init__(self, socket: Path, log: Log, *, answer_s: float = ANSWER_S) -> None:
        self._socket = socket
        self._log = log
        self._answer_s = answer_s
        self._last = "idle"

    @property
    def state(self) -> str:
        """As `ports.Dialer`; `none` where nobody ever listened."""
        return self._last if self._socket.exists() else "none"

    async def run(self) -> None:
        """As `ports.Dialer`; the socket is looked for at each question."""
        await asyncio.Event().wait()

    async def dial(self, number: str, tones: str) -> None:
        """As `ports.Dialer`."""
        self._last = "dialing"
        try:
            async with asyncio.timeout(self._answer_s):
                answer = await self._handed_over(DialString(number, tones).uri)
            if answer != "ok":
                raise CallFailed(answer or "the platform hung up without a word")
            self._last = "idle"
        except TimeoutError as error:
            raise CallFailed(f"the platform did not answer within {self._answer_s:g} s") from error
        except (OSError, ValueError) as error:
            raise CallFailed("the platform does not listen") from error
        finally:
            if self._last == "dialing":
                self._last = "failed"
                events.call_failed(self._log, reason="not taken by the platform")

    async def close(self) -> None:
        """As `ports.Dialer`."""

    async def _handed_over(self, uri: str) -> str:
        reader, writer = await asyncio.open_unix_connection(self._socket, limit=1024)
        try:
            writer.write(f"{uri}\n".encode())
            await writer.drain()
            return (await reader.readline()).decode(errors="replace").strip()[:REASON_CHARS]
        finally:
            writer.close()
