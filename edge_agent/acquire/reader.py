"""A thread that reads buses: `ReaderThread`, and what it runs, `Reader`."""

import threading
from collections.abc import Sequence
from typing import Protocol

from edge_agent.acquire.backlog import Backlog
from edge_agent.ports import Clock

WAIT_S = 0.1
"""How long a reader waits for a frame before it looks whether it should end."""

END_S = 1.0
"""How long all readers are waited for at the end, though drivers hang."""


class Reader(Protocol):
    """Reads one or several buses; one that is lost is opened again inside."""

    @property
    def name(self) -> str:
        """What its thread is called, after `acquire-`."""

    @property
    def opened(self) -> frozenset[str]:
        """Names of the buses whose frames arrive now; from any thread."""

    def read(self, backlog: Backlog, stop: threading.Event) -> None:
        """Read until soon after `stop` (WAIT_S); then everything opened is closed. What it raises is a defect."""


class ReaderThread:
    """Runs a reader until it is asked to end."""

    def __init__(self, reader: Reader, backlog: Backlog) -> None:
        self._reader = reader
        self._backlog = backlog
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        # A driver that hangs while it opens must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"acquire-{reader.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the thread: never a lost bus, always a defect."""
        if self._failure is not None:
            raise self._failure

    def ask_to_end(self) -> None:
        """Let the thread end soon."""
        self._stop.set()

    def wait_for_end(self, at_most_s: float = END_S) -> None:
        """Wait until the thread has ended, in WAIT_S, or no longer, where a driver hangs."""
        self._thread.join(timeout=at_most_s)

    def _run(self) -> None:
        try:
            self._reader.read(self._backlog, self._stop)
        except BaseException as error:  # noqa: BLE001  it is raised again by `check`, on the event loop
            self._failure = error


def end_all(threads: Sequence[ReaderThread], clock: Clock) -> None:
    """End all threads together: it takes WAIT_S, or END_S however many drivers hang."""
    for thread in threads:
        thread.ask_to_end()
    until_ns = clock.uptime_ns() + int(END_S * 1e9)
    for thread in threads:
        thread.wait_for_end(max(0, until_ns - clock.uptime_ns()) / 1e9)
