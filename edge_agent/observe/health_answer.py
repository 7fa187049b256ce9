"""The agent's side of `health_probe.py`: whoever connects is told the verdict of that moment."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from edge_agent import events
from edge_agent.events import Log
from edge_agent.observe.health import Verdict
from edge_agent.observe.health_probe import address_of


@asynccontextmanager
async def health_answered(folder: Path, verdict: Callable[[], Verdict], log: Log) -> AsyncIterator[None]:
    """Answers until the block ends; where that cannot be, it is told and stops nothing.

    `verdict` is called on the running loop, so a loop that is wedged gives no answer, which is one too.
    """
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as door:
        try:
            door.bind(address_of(folder))
            door.listen()
        except OSError as error:
            events.health_not_answered(log, folder=str(folder), reason=error.strerror or str(error))
            yield
            return
        loop.add_reader(door, _answer, door, verdict)
        try:
            yield
        finally:
            loop.remove_reader(door)


def _answer(door: socket.socket, verdict: Callable[[], Verdict]) -> None:
    """One who connected; nothing is read, and one line fits into any socket's buffer."""
    with suppress(OSError), door.accept()[0] as connection:  # whoever asked may have left
        connection.send(json.dumps(asdict(verdict())).encode())
