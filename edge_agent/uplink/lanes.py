"""Live envelopes and those that wait since long, beside each other on one connection: which goes next. Pure.

Live first. The backlog fills what they leave free, at a pace (`pace.py`) at which no live one waits for more than one
of it. Where live ones alone would fill the link, so many that some wait for room in flight, the backlog has a share.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from edge_agent.records import Envelope, EnvelopeKey, Part
from edge_agent.uplink.pace import Going, Pace

SHARE: Final = 0.2
"""of the bytes, for the backlog"""
CREDIT_BYTES: Final = 1 << 20
"""The most that live ones may owe the backlog: four of the largest messages."""
AHEAD: Final = 4
"""Times what may go side by side: so many of the backlog are leased and wait, if they are no more than"""
AHEAD_BYTES: Final = 256 * 1024
QUIET_NS: Final = 10_000_000_000
"""Without a live envelope for so long, the age of a batch unless a rule says otherwise, none is expected at once."""
BURST_NS: Final = 50_000_000
"""Live envelopes closer together than this come at one time."""


@dataclass(frozen=True, slots=True)
class _Held:
    part: Part
    payload_bytes: int


class Lanes:
    """Of one connection, with at most `size` in flight over both lanes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: dict[EnvelopeKey, _Held] = {}  # leased; bounded by `limit`
        self._going: dict[EnvelopeKey, Going] = {}  # in flight
        self._held_of, self._going_of = Counter[Part](), Counter[Part]()
        self._going_bytes = 0
        self._pace = Pace(size)
        self._backlog_bytes = AHEAD_BYTES
        """of the latest that was leased"""
        self._credit = 0.0
        self._live_ns: int | None = None
        """when the last live one went, or when this began"""
        self._live_every_ns = 0
        self._fresh_bytes = self._last_ns = 0

    def limit(self, part: Part, reach: int) -> int:
        """How many more of a part may be leased.

        `reach` as of the window; where it looks past its size for something that proves the connection, so does this.
        """
        held = self._held_of[part]
        if part is Part.LIVE or reach > self._size:
            return max(0, reach - held)
        if not reach:
            return 0
        going = self._going_of[part]
        # As many wait here as are to go side by side next, and a try of one more needs another beside it; of small ones
        # more. A lease costs two changes of thread, so it fetches half of them.
        window = self._pace.window
        aim = max(window + 1, min(AHEAD * window, AHEAD_BYTES // max(1, self._backlog_bytes)))
        short = max(going, window) + aim - held
        return short if 2 * short >= aim else 0

    def take(self, part: Part, envelopes: Sequence[Envelope]) -> None:
        """Leased, to be sent."""
        self._held |= {envelope.key: _Held(part, len(envelope.payload)) for envelope in envelopes}
        self._held_of[part] += len(envelopes)
        if part is Part.BACKLOG and envelopes:
            self._backlog_bytes = len(envelopes[-1].payload)

    def pick(self, ready: Iterable[EnvelopeKey], now_ns: int) -> EnvelopeKey | None:
        """Which of those goes now; None where they must wait. With nothing in flight one always goes."""
        if self._live_ns is None:
            self._live_ns = now_ns
        live, backlog = self._first(ready, Part.LIVE), self._first(ready, Part.BACKLOG)
        owed = backlog is not None and self._credit >= self._held[backlog].payload_bytes
        if live is not None and not owed:
            return self._begin_live(live, now_ns)
        return None if backlog is None else self._begin_backlog(backlog, now_ns, owed=owed)

    def acked(self, key: EnvelopeKey, waited_s: float, now_ns: int) -> None:
        """The hub had it so long after it was sent."""
        if self._held[key].part is Part.BACKLOG:
            self._pace.acked(self._going[key], waited_s, now_ns)

    def forget(self, key: EnvelopeKey) -> None:
        """It is held no more."""
        part = self._held.pop(key).part
        self._held_of[part] -= 1
        if going := self._going.pop(key, None):
            self._going_of[part] -= 1
            self._going_bytes -= going.payload_bytes

    def _first(self, ready: Iterable[EnvelopeKey], part: Part) -> EnvelopeKey | None:
        if self._held_of[part] == self._going_of[part]:  # else a backlog is looked through for each envelope of it
            return None
        return next((key for key in ready if self._held[key].part is part), None)

    def _begin_live(self, key: EnvelopeKey, now_ns: int) -> EnvelopeKey:
        payload_bytes = self._held[key].payload_bytes
        if now_ns - (self._live_ns or 0) >= BURST_NS:
            self._live_every_ns = now_ns - (self._live_ns or 0)
        self._live_ns = now_ns
        self._begin(key, self._next(key, now_ns), now_ns)
        if len(self._going) < self._size:
            self._credit = 0.0
        elif self._held_of[Part.BACKLOG]:
            self._credit = min(CREDIT_BYTES, self._credit + payload_bytes * SHARE / (1 - SHARE))
        return key

    def _begin_backlog(self, key: EnvelopeKey, now_ns: int, *, owed: bool) -> EnvelopeKey | None:
        going = self._next(key, now_ns)
        admitted = self._pace.admitted(going, now_ns=now_ns, quiet_s=self._quiet_s(now_ns))
        if admitted is None and not owed:
            return None
        self._credit = max(0.0, self._credit - going.payload_bytes)
        self._begin(key, admitted or going, now_ns)
        return key

    def _quiet_s(self, now_ns: int) -> float:
        """For how long no live envelope is expected: they come as regularly as their rules seal batches."""
        since_ns = now_ns - (self._live_ns or 0)
        return inf if since_ns >= QUIET_NS else (self._live_every_ns - since_ns) / 1e9

    def _next(self, key: EnvelopeKey, now_ns: int) -> Going:
        fresh_bytes = self._fresh_bytes if self._last_ns == now_ns else 0
        return Going(self._held[key].payload_bytes, len(self._going), self._going_bytes, fresh_bytes)

    def _begin(self, key: EnvelopeKey, going: Going, now_ns: int) -> None:
        self._going[key] = going
        self._going_of[self._held[key].part] += 1
        self._going_bytes += going.payload_bytes
        self._fresh_bytes, self._last_ns = going.fresh_bytes + going.payload_bytes, now_ns
