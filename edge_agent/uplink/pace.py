"""How many envelopes may be on their way before they queue up in front of a live one. Pure.

A background transfer that watches delay, as LEDBAT does (RFC 6817), in envelopes instead of bytes of a socket: a socket
takes megabytes at once, and a live envelope would wait behind all of them. What counts is the time from handing an
envelope over to its acknowledgement, against the smallest such time of its size with nothing else on the way:

- where each waits for the one before it (a slow link) one at a time fills the link, and more would only be a queue,
- where most of that time is distance, more fit in side by side, until the next one would wait for longer than that.

So a live envelope meets at most what takes one envelope's time from handing over to acknowledgement, or TOLERATED_S.
One more than before is tried where it can harm nobody, and less and less often where it failed.
"""

from dataclasses import dataclass, replace
from math import inf, log2

TOLERATED_S = 0.025
"""A wait nobody notices: half a tick, as long as a commit to flash. Sixteen in flight take 10 ms on a link that is no
hindrance (1 KB, all of it the SDK's work); with 5 ms here a busy loop passed for a queue, and they went one by one."""
FIRST_HOLD_NS = 1_000_000_000
HICCUP_HOLD_NS = 100_000_000
"""Where neither a try nor what came of it was more than a hiccup, it is no sign of a queue, and harms nobody."""
RENEWED_NS = 300_000_000_000
"""How long measured times count: a link gets slower too. Then it is begun anew with one at a time."""
COMPARABLE = 4
"""What is tried behind something smaller than a quarter of it would tell nothing."""


@dataclass(frozen=True, slots=True)
class Going:
    """One envelope on its way, and what was on the way before it."""

    payload_bytes: int
    ahead: int
    ahead_bytes: int
    fresh_bytes: int
    """of those ahead what was handed over at the same moment; the others may be as good as there"""
    tries: bool = False
    """one more than ever before went well"""


class Pace:
    """Of one connection; at most `most` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._window = 1
        self._times_s: dict[int, float] = {}  # bounded by the classes of size there are
        self._full_s: dict[int, float] = {}
        """likewise: what the latest took that was in time with as many on the way as there may be"""
        self._late_ns: int | None = None
        """when the last answer came late, if none since came in time"""
        self._trying = False
        self._try_ns = 0
        self._hold_ns = FIRST_HOLD_NS
        self._renew_ns = 0

    @property
    def window(self) -> int:
        """How many may be on the way, envelopes of other lanes counted."""
        return self._window

    def admitted(self, going: Going, *, now_ns: int, quiet_s: float) -> Going | None:
        """One more, or None where it must wait; no live one is expected for `quiet_s`."""
        if now_ns >= self._renew_ns:
            self._renew(now_ns)
        known = _size_class(going.payload_bytes) in self._times_s
        if going.ahead == 0 or (going.ahead < self._window and known):
            return going
        return self._tried(replace(going, tries=True), now_ns, quiet_s)

    def acked(self, going: Going, waited_s: float, now_ns: int) -> None:
        """It was acknowledged this long after it was handed over."""
        size_class = _size_class(going.payload_bytes)
        least_s = min(self._times_s.get(size_class, inf), waited_s)
        if going.ahead == 0 or size_class in self._times_s:
            self._times_s[size_class] = least_s
        crowded = _is_crowded(going, waited_s, least_s)
        if not crowded and going.ahead + 1 >= self._window:
            self._full_s[size_class] = waited_s
        if going.tries:
            self._trying = False
            if crowded:
                self._put_off(going, least_s, waited_s, now_ns)
            elif going.ahead >= self._window < self._most:
                self._window += 1
                self._hold_ns = FIRST_HOLD_NS
        elif going.ahead < self._window and crowded:
            # One late answer is chance, and so are all that were on the way meanwhile: a hiccup holds up all of them.
            # One more that was handed over after it is a queue.
            if self._late_ns is None:
                self._late_ns = now_ns
            elif now_ns - waited_s * 1e9 >= self._late_ns:
                self._late_ns = now_ns
                fit = going.ahead * _tolerated_s(going, least_s) / (waited_s - least_s)
                self._window = max(1, min(self._window - 1, 1 + int(fit)))
                self._put_off(going, least_s, waited_s, now_ns)
        elif going.ahead < self._window:
            self._late_ns = None

    def _tried(self, going: Going, now_ns: int, quiet_s: float) -> Going | None:
        least_s = self._times_s.get(_size_class(going.payload_bytes), inf)
        due = going.ahead >= self._window < self._most and now_ns >= self._try_ns and not self._trying
        tells = going.fresh_bytes * COMPARABLE >= going.payload_bytes
        if not (due and tells and least_s < inf and self._at_most_s(going, least_s) <= max(quiet_s, TOLERATED_S)):
            return None
        self._trying = True
        return going

    def _at_most_s(self, going: Going, least_s: float) -> float:
        """For how long a try may hold up a live one: for what those ahead of it take, and for its own time.

        Ahead of it each takes its own time where it waits for the one before; no longer than was measured where not.
        """
        return least_s + min(going.ahead * least_s, self._full_s.get(_size_class(going.payload_bytes), inf))

    def _put_off(self, going: Going, least_s: float, waited_s: float, now_ns: int) -> None:
        if self._at_most_s(going, least_s) <= TOLERATED_S and waited_s <= 4 * TOLERATED_S:
            self._try_ns = now_ns + HICCUP_HOLD_NS
            return
        self._try_ns = now_ns + self._hold_ns
        self._hold_ns = min(2 * self._hold_ns, RENEWED_NS)

    def _renew(self, now_ns: int) -> None:
        self._renew_ns = now_ns + RENEWED_NS
        self._times_s.clear()
        self._full_s.clear()
        self._window = 1


def _size_class(payload_bytes: int) -> int:
    """Four in each doubling: within one, sizes differ by 19 %."""
    return int(4 * log2(max(1, payload_bytes)))


def _is_crowded(going: Going, waited_s: float, least_s: float) -> bool:
    """Whether it waited behind others for too long."""
    return waited_s - least_s > _tolerated_s(going, least_s)


def _tolerated_s(going: Going, least_s: float) -> float:
    """For how long it may wait behind others: a send's own distance.

    With `s` the time on the line and `d` the distance, it takes s + d alone and (n + 1) s behind n that fill the line:
    it waited n s - d. That is more than d where it is more than n / (n + 2) of s + d.
    """
    n = going.ahead_bytes / max(1, going.payload_bytes)
    return max(TOLERATED_S, least_s * n / (n + 2))
