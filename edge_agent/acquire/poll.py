"""All SocketCAN buses on one thread, each tick one block over all of them: `SocketCanReader`."""

import select
import threading
from collections.abc import Mapping

import numpy as np

from edge_agent import events
from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.can_frame import CLASSIC_ROW, FD_ROW, Filters, columns_of_rows
from edge_agent.acquire.line import Line
from edge_agent.acquire.reader import WAIT_S
from edge_agent.acquire.recvmmsg import Datagrams
from edge_agent.acquire.socketcan import RECEIVE_BYTES
from edge_agent.backoff import Backoff
from edge_agent.ports import Clock

GATHER_S = 0.1
"""Frames come together for a tick, but no longer than this: a twentieth of what RECEIVE_BYTES hold."""

SMALL_GATHER_S = 0.02
"""The same where RECEIVE_BYTES were not given: a third of what the usual buffer holds."""


class SocketCanReader:
    """A Reader of all SocketCAN buses; `addresses` by the buses' indices.

    It waits for the first frame, lets more come together for `tick_s`, and takes what is in all sockets with one
    system call each: 4 x 4000 frames/s cost 20 rounds a second, not 16000. While frames come it does not ask for them.
    """

    name = "socketcan"

    def __init__(
        self,
        addresses: Mapping[int, BusAddress],
        *,
        buses: int,
        tick_s: float,
        log: events.Log,
        clock: Clock,
        backoff: Backoff,
        receive_bytes: int = RECEIVE_BYTES,
    ) -> None:
        """`buses` counts those of other readers too."""
        self._buses = buses
        self._indices = np.arange(buses, dtype=np.uint8)
        self._clock = clock
        self._gather_s = min(tick_s, GATHER_S)
        self._filters: Mapping[int, Filters] = {}
        self._lines = [
            Line(at, address, log=log, backoff=backoff, receive_bytes=receive_bytes)
            for at, address in addresses.items()
        ]
        long = any(address.fd for address in addresses.values())
        self._datagrams = Datagrams(len(addresses), FD_ROW if long else CLASSIC_ROW)

    @property
    def opened(self) -> frozenset[str]:
        """Names of the buses that are open."""
        return frozenset(line.name for line in self._lines if line.is_open)

    def pass_only(self, filters: Mapping[int, Filters]) -> None:
        """From soon on (WAIT_S) the kernel holds back other ids on these buses; from any thread."""
        self._filters = filters

    def read(self, backlog: Backlog, stop: threading.Event) -> None:
        """Until `stop`; a bus that is gone is opened again with back-off while the others go on."""
        try:
            most = 0
            while not stop.is_set():
                self.keep_open()
                if most or self._wait():
                    if most < self._datagrams.at_once:
                        stop.wait(self._gathering_s())
                    most = self.read_round(backlog)
        finally:
            self.close()

    def keep_open(self) -> None:
        """Open the buses whose time it is, and have all pass what is wanted now."""
        for line in self._lines:
            line.keep_open(self._filters.get(line.index), self._clock.uptime_ns())

    def read_round(self, backlog: Backlog) -> int:
        """Take what is in all open buses' sockets as one block, without waiting; the most frames that one of them had.

        Where that is as many as are taken at once, it may have more.
        """
        counts, overruns = [0] * self._buses, [0] * self._buses
        received = self._datagrams
        for line in self._lines:
            if line.bus is not None:
                counts[line.index] = line.bus.receive(received)
                overruns[line.index] = line.bus.overrun()
        buses = self._indices.repeat(counts)
        backlog.add_block(columns_of_rows(received.rows, received.lengths, received.times_ns, buses), overruns)
        received.clear()
        for line in self._lines:
            line.leave_if_down(self._clock.uptime_ns())
        return max(counts)

    def close(self) -> None:
        """Release all buses."""
        for line in self._lines:
            line.close()

    def _wait(self) -> bool:
        """Whether a frame came within WAIT_S, or before some bus's next try."""
        poll = select.poll()
        uptime_ns, wait_s = self._clock.uptime_ns(), WAIT_S
        for line in self._lines:
            if line.bus is not None:
                poll.register(line.bus, select.POLLIN)
            else:
                wait_s = min(wait_s, max(line.due_ns - uptime_ns, 0) / 1e9)
        return bool(poll.poll(wait_s * 1000))

    def _gathering_s(self) -> float:
        """How long frames may come together."""
        if any(line.is_small for line in self._lines):
            return min(self._gather_s, SMALL_GATHER_S)
        return self._gather_s
