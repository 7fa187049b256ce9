"""One SocketCAN bus through all its openings, as the thread that reads all of them keeps it: `Line`."""

from edge_agent import events
from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.can_frame import FILTERS_MAX, Filters
from edge_agent.acquire.openings import Openings
from edge_agent.acquire.socketcan import RECEIVE_BYTES, SocketCanBus
from edge_agent.backoff import Backoff
from edge_agent.errors import BusDown


class Line:
    """A bus that is open, or waits for its next try; what an operator must know of it is told once, not each time."""

    def __init__(
        self, index: int, address: BusAddress, *, log: events.Log, backoff: Backoff, receive_bytes: int
    ) -> None:
        self.index = index
        self.name = address.name
        self.bus: SocketCanBus | None = None
        """None while it is not open"""
        self._address = address
        self._openings = Openings(address, backoff, log)
        self._receive_bytes = receive_bytes
        self._log = log
        self._passes: Filters | None = None
        self._told_small = self._told_open = False

    @property
    def due_ns(self) -> int:
        """Uptime of the next try."""
        return self._openings.due_ns

    @property
    def is_open(self) -> bool:
        """Whether its frames arrive now, if there are any."""
        return self.bus is not None

    @property
    def is_small(self) -> bool:
        """Whether it is open and its receive buffer holds less than it should."""
        return self.bus is not None and self.bus.receive_bytes < RECEIVE_BYTES

    def keep_open(self, filters: Filters | None, uptime_ns: int) -> None:
        """Open the bus when it is time, and have it pass what is wanted now."""
        if self.bus is None and uptime_ns < self.due_ns:
            return
        try:
            bus = self.bus or self._opened(uptime_ns)
            if filters != self._passes:
                self._pass_only(bus, filters)
        except BusDown as down:
            self._lose(down, uptime_ns)

    def leave_if_down(self, uptime_ns: int) -> None:
        """Close the bus if it is gone."""
        if self.bus is not None and self.bus.down is not None:
            self._lose(self.bus.down, uptime_ns)

    def close(self) -> None:
        """Release the bus."""
        if self.bus is not None:
            self.bus.close()
        self.bus = self._passes = None

    def _opened(self, uptime_ns: int) -> SocketCanBus:
        self.bus = bus = SocketCanBus(self._address, self._receive_bytes)
        if bus.receive_bytes < self._receive_bytes and not self._told_small:
            self._told_small = True
            events.receive_buffer_small(self._log, bus=self.name, size=bus.receive_bytes, wanted=self._receive_bytes)
        self._openings.opened(uptime_ns)
        return bus

    def _pass_only(self, bus: SocketCanBus, filters: Filters | None) -> None:
        too_many = filters is not None and len(filters) > FILTERS_MAX
        bus.pass_only(None if too_many else filters)
        self._passes = filters
        if filters is not None and not too_many:
            events.id_filter_set(self._log, bus=self.name, filters=len(filters))
        elif filters is not None and not self._told_open:
            self._told_open = True
            events.id_filter_left_open(self._log, bus=self.name, filters=len(filters), limit=FILTERS_MAX)

    def _lose(self, down: BusDown, uptime_ns: int) -> None:
        self.close()
        self._openings.lost(down, uptime_ns)
