"""A bus of any python-can interface, read message by message: `MessageReader`."""

import threading
from contextlib import closing

from edge_agent import events
from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.device_time import DeviceTime
from edge_agent.acquire.openings import Openings
from edge_agent.acquire.pythoncan import PythonCanBus, frame_of
from edge_agent.acquire.reader import WAIT_S
from edge_agent.backoff import Backoff
from edge_agent.errors import BusDown
from edge_agent.ports import Clock


class MessageReader:
    """A Reader of one bus: python-can's receive blocks, and so needs a thread for itself."""

    def __init__(self, address: BusAddress, index: int, *, log: events.Log, clock: Clock, backoff: Backoff) -> None:
        self.name = address.name
        self._address, self._index = address, index
        self._clock = clock
        self._openings = Openings(address, backoff, log)
        self._is_open = False

    @property
    def opened(self) -> frozenset[str]:
        """The bus's name while it is open."""
        return frozenset({self.name} if self._is_open else ())

    def read(self, backlog: Backlog, stop: threading.Event) -> None:
        """Until `stop`; a bus that is gone is opened again with back-off."""
        while not stop.is_set():
            try:
                self._read_opened(backlog, stop)
            except BusDown as down:
                stop.wait(self._openings.lost(down, self._clock.uptime_ns()))

    def _read_opened(self, backlog: Backlog, stop: threading.Event) -> None:
        """One opening to its end."""
        with closing(PythonCanBus(self._address)) as bus:
            device = DeviceTime()
            self._openings.opened(self._clock.uptime_ns())
            self._is_open = True
            try:
                while not stop.is_set():
                    message = bus.receive(WAIT_S)
                    if message is not None:
                        t_ns = device.wall_ns(message.timestamp, *self._clock.both_ns())
                        backlog.add(frame_of(message, self._index, t_ns))
            finally:
                self._is_open = False
