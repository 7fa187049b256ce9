"""One bus read on a thread of its own: `BusReader`."""

import random
import threading
from collections.abc import Callable
from typing import Protocol

from edge_agent import events
from edge_agent.acquire.backlog import Backlog, Taken
from edge_agent.acquire.pythoncan import BusAddress, PythonCanBus, frame_of
from edge_agent.backoff import Backoff
from edge_agent.errors import BusDown
from edge_agent.ports import Clock

RECEIVE_S = 0.1
"""How long a reader waits for a frame before it looks whether it should end."""


class OpenBus(Protocol):
    """A bus to be read by one thread."""

    def read_into(self, backlog: Backlog, stop: threading.Event) -> None:
        """Read what is there, waiting up to RECEIVE_S for it. Raises BusDown when the bus is gone."""

    def close(self) -> None:
        """Release the bus; it may be gone already."""


class MessageBus:
    """A bus of any python-can interface, read message by message. Raises BusDown, from the constructor too."""

    def __init__(self, address: BusAddress, index: int) -> None:
        self._bus = PythonCanBus(address)
        self._index = index

    def read_into(self, backlog: Backlog, _: threading.Event) -> None:
        """Read one message."""
        message = self._bus.receive(RECEIVE_S)
        if message is not None:
            backlog.add(frame_of(message, self._index))

    def close(self) -> None:
        """Release the bus."""
        self._bus.close()


class BusReader:
    """Reads a bus into a bounded buffer; a bus that is gone is opened again with back-off.

    `log` is called on the reader's thread; all else is the caller's.
    """

    def __init__(
        self,
        address: BusAddress,
        open_bus: Callable[[], OpenBus],
        *,
        log: events.Log,
        clock: Clock,
        backoff: Backoff,
        capacity: int,
    ) -> None:
        """`open_bus` raises BusDown."""
        self._address = address
        self._open_bus = open_bus
        self._log = log
        self._clock = clock
        self._backoff = backoff
        self._backlog = Backlog(capacity, fd=address.fd)
        self._failure: BaseException | None = None
        self.is_open = False
        """whether frames arrive now, if there are any"""
        self._stop = threading.Event()
        # A driver that hangs while it opens must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"acquire-{address.name}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self) -> Taken:
        """Everything read since the call before. Raises what ended the thread: never a lost bus, always a defect."""
        if self._failure is not None:
            raise self._failure
        return self._backlog.take()

    def ask_to_end(self) -> None:
        """Let the thread end soon; it closes its bus."""
        self._stop.set()

    def wait_for_end(self) -> None:
        """Wait until the thread has ended: RECEIVE_S, and never over a second, even where a driver hangs."""
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        try:
            self._read_and_reopen()
        except BaseException as error:  # noqa: BLE001  it is raised again by `take`, on the event loop
            self._failure = error

    def _read_and_reopen(self) -> None:
        retry_num = -1
        while not self._stop.is_set():
            begun_ns = self._clock.uptime_ns()
            try:
                self._read()
            except BusDown as down:
                spell_s = (self._clock.uptime_ns() - begun_ns) / 1e9
                retry_num = self._backoff.next_retry_num(retry_num, spell_s)
                wait_s = self._backoff.delay_s(retry_num, random.random())  # noqa: S311  jitter, not a secret
                events.bus_lost(
                    self._log, bus=self._address.name, reason=down.reason, retry_num=retry_num, wait_s=wait_s
                )
                self._stop.wait(wait_s)

    def _read(self) -> None:
        """Read one opening of the bus to its end."""
        address = self._address
        bus = self._open_bus()
        try:
            events.bus_opened(self._log, bus=address.name, interface=address.interface, channel=address.channel)
            self.is_open = True
            while not self._stop.is_set():
                bus.read_into(self._backlog, self._stop)
        finally:
            self.is_open = False
            bus.close()
