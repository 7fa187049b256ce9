"""When a bus that is lost is opened again: `Openings`. The time is an argument."""

import random

from edge_agent import events
from edge_agent.acquire.address import BusAddress
from edge_agent.backoff import Backoff
from edge_agent.errors import BusDown


class Openings:
    """Tells what becomes of one bus, and counts how long it is left alone."""

    def __init__(self, address: BusAddress, backoff: Backoff, log: events.Log) -> None:
        self.due_ns = 0
        """uptime of the next try"""
        self._address, self._backoff, self._log = address, backoff, log
        self._retry_num = -1
        self._opened_ns: int | None = None
        """None while it is not open: a driver that takes long to say no was not healthy for so long"""

    def opened(self, uptime_ns: int) -> None:
        """Its frames arrive from now on."""
        self._opened_ns = uptime_ns
        address = self._address
        events.bus_opened(self._log, bus=address.name, interface=address.interface, channel=address.channel)

    def lost(self, down: BusDown, uptime_ns: int) -> float:
        """It could not be opened, or has gone away; seconds until the next try."""
        spell_s = 0.0 if self._opened_ns is None else (uptime_ns - self._opened_ns) / 1e9
        self._opened_ns = None
        self._retry_num = self._backoff.next_retry_num(self._retry_num, spell_s)
        wait_s = self._backoff.delay_s(self._retry_num, random.random())  # noqa: S311  jitter, not a secret
        self.due_ns = uptime_ns + int(wait_s * 1e9)
        events.bus_lost(self._log, bus=self._address.name, reason=down.reason, retry_num=self._retry_num, wait_s=wait_s)
        return wait_s
