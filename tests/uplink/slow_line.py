"""A line that sends one envelope after another, simulated: how long live ones wait beside a backlog."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice

from edge_agent.records import Envelope, EnvelopeKey, Part
from edge_agent.uplink.lanes import Lanes
from edge_agent.uplink.window import Window
from tests.uplink.fakes import envelope

LIVE_BOOT, BACKLOG_BOOT = 2, 1


@dataclass(frozen=True)
class Line:
    """Bytes go out in order at a rate; the acknowledgement comes a distance later."""

    bits_per_s: float
    distance_s: float = 0.0

    def send_s(self, payload_bytes: int) -> float:
        """From handing over to acknowledgement, alone."""
        return payload_bytes * 8 / self.bits_per_s + self.distance_s


@dataclass
class Outcome:
    live_s: list[float] = field(default_factory=list)
    """of each live envelope, in order, from its coming to its acknowledgement"""
    live_bytes: int = 0
    backlog_bytes: int = 0
    backlog_sent: int = 0
    most_in_flight: int = 0


class Play:
    """Window and lanes on a line, for a while."""

    def __init__(
        self, line: Line, *, live: list[tuple[float, int]], backlog: tuple[int, ...] = (), count: int = 0
    ) -> None:
        """`live`: (when, bytes); `count` envelopes of the sizes of `backlog` in turn wait at the beginning."""
        self.line = line
        self._backlog: Iterator[Envelope] = islice(
            (
                envelope(seq, boot=BACKLOG_BOOT, payload=bytes(size))
                for seq, size in enumerate(cycle(backlog) if backlog else ())
            ),
            count,
        )
        self._window, self._lanes = Window(), Lanes(16)
        self._waiting: list[Envelope] = []
        self._held: dict[EnvelopeKey, Envelope] = {}
        self._sent: dict[EnvelopeKey, tuple[float, Envelope]] = {}
        self._came_s: dict[EnvelopeKey, float] = {}
        self._free_s = 0.0
        self._events = [
            (when, number, envelope(number, boot=LIVE_BOOT, payload=bytes(size)))
            for number, (when, size) in enumerate(live)
        ]
        heapq.heapify(self._events)
        self.outcome = Outcome()

    @property
    def in_flight(self) -> int:
        return len(self._sent)

    def run(self, until_s: float) -> Outcome:
        self._step(0.0)
        while self._events and self._events[0][0] <= until_s:
            now_s, _, one = heapq.heappop(self._events)
            if one.key in self._sent:
                self._acked(one, now_s)
            else:
                self._came_s[one.key] = now_s
                self._waiting.append(one)
            self._step(now_s)
        return self.outcome

    def _acked(self, one: Envelope, now_s: float) -> None:
        began_s, _ = self._sent.pop(one.key)
        self._window.acked(one.key)
        self._lanes.acked(one.key, now_s - began_s, int(now_s * 1e9))
        self._lanes.forget(one.key)
        if one.key.boot == LIVE_BOOT:
            self.outcome.live_s.append(now_s - self._came_s.pop(one.key))
            self.outcome.live_bytes += len(one.payload)
        else:
            self.outcome.backlog_bytes += len(one.payload)
            self.outcome.backlog_sent += 1

    def _step(self, now_s: float) -> None:
        self._lease(Part.LIVE)
        self._lease(Part.BACKLOG)
        for key in self._window.due(partial(self._lanes.pick, now_ns=int(now_s * 1e9))):
            one = self._held.pop(key)
            self._free_s = max(self._free_s, now_s) + len(one.payload) * 8 / self.line.bits_per_s
            self._sent[key] = now_s, one
            heapq.heappush(
                self._events, (self._free_s + self.line.distance_s, 1_000_000 + key.seq + key.boot * 10_000_000, one)
            )
        self.outcome.most_in_flight = max(self.outcome.most_in_flight, len(self._sent))

    def _lease(self, part: Part) -> None:
        limit = self._lanes.limit(part, self._window.reach)
        if part is Part.LIVE:
            leased, self._waiting = self._waiting[:limit], self._waiting[limit:]
        else:
            leased = list(islice(self._backlog, limit))
        self._held.update({one.key: one for one in leased})
        self._lanes.take(part, leased)
        self._window.take([one.key for one in leased])
