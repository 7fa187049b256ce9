"""When to ask again. Pure: the time is an argument, the next deadline a return value."""

from dataclasses import dataclass

from calendar_bridge.view import DAY_S, day_of

POLL_S = 900.0
"""also without a notification: those may be lost, items come within 49 hours of their start, and end"""
SUBSCRIPTION_S = 4_230 * 60
"""longest life of a subscription to events that Graph has promised (Microsoft Learn, "subscription resource type")"""
SHORTEST_S = 60.0
"""between two renewals, whatever life Graph gives"""
FIRST_RETRY_S, LAST_RETRY_S = 2.0, 900.0
STUCK_S = 3_600.0
"""after what no retry mends"""


@dataclass(slots=True)
class Due:
    """One thing that is done again and again; wall time in seconds of the Unix epoch."""

    at_s: float
    retries: int = 0

    def done(self, next_s: float) -> None:
        """It was done."""
        self.at_s, self.retries = next_s, 0

    def sooner(self, now_s: float) -> None:
        """There is a reason to do it now; a service that asked to be left alone is left alone."""
        if not self.retries:
            self.at_s = min(self.at_s, now_s)

    def failed(self, now_s: float, after_s: float, random_01: float) -> float:
        """Seconds until it is tried again: doubling, jittered, and never less than was asked for."""
        delay_s = min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(self.retries, 20)) * (0.5 + random_01)
        return self.put_off(now_s, max(after_s, delay_s))

    def put_off(self, now_s: float, wait_s: float) -> float:
        """Until then it is not done."""
        self.retries += 1
        self.at_s = now_s + wait_s
        return wait_s


@dataclass(slots=True)
class Schedule:
    """Of one grant: a subscription that cannot be had stops no round."""

    sync: Due
    subscribe: Due

    @classmethod
    def beginning(cls, first_s: float) -> "Schedule":
        """Both at once."""
        return cls(Due(first_s), Due(first_s))

    def next_deadline(self) -> float:
        """When something is due."""
        return min(self.sync.at_s, self.subscribe.at_s)

    def synced(self, now_s: float) -> None:
        """Next at the poll, or just after midnight, when the view is to be seeded anew."""
        self.sync.done(min(now_s + POLL_S, (day_of(now_s) + 1) * DAY_S))

    def subscribed(self, now_s: float, expires_s: float) -> None:
        """Renew at half of its life, which Graph may have made shorter than was asked for."""
        self.subscribe.done(now_s + max(SHORTEST_S, (expires_s - now_s) / 2))
