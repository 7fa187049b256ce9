"""What may be spent on the link in a day and a month, and what was. Pure.

Bytes are those of messages (`metering.py`), counted when they are sent, each time they are: a retry costs money too. On
a link that is not metered they count for nothing; blocks, which the hub meters, count on every link.

Days and months are UTC's by the wall clock. A clock that is known to be wrong begins none: then a day is over after 24
hours of powered-on time, and a month after 31 days of it, so that no vehicle without a clock is silent for ever. A
clock that goes back by a day or more takes what was spent with it into the earlier day.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Final

import numpy as np

from edge_agent.uplink.link import Link

DAY_NS: Final = 86_400_000_000_000
MONTH_NS: Final = 31 * DAY_NS
LOW_PERCENT: Final = 80


class Level(Enum):
    """How much is left; its value is the last priority that goes."""

    OPEN = 9
    LOW = 4
    SPENT = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits; None is no limit."""

    bytes_per_day: int | None = None
    bytes_per_month: int | None = None
    roaming_bytes_per_month: int | None = None
    blocks_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """Of the current day and month."""

    day: int = 0
    """since the Unix epoch"""
    month: int = 0
    day_powered_ns: int = 0
    """powered-on time since it began"""
    month_powered_ns: int = 0
    bytes_per_day: int = 0
    bytes_per_month: int = 0
    roaming_bytes_per_month: int = 0
    blocks_per_day: int = 0

    @property
    def by_limit(self) -> dict[str, int]:
        """What each limit of a budget is about."""
        return {one.name: getattr(self, one.name) for one in fields(Budget)}

    def later(self, now_ns: int, powered_ns: int, *, clock_is_right: bool) -> "Spent":
        """After so much more powered-on time, at this wall time."""
        moment = np.datetime64(now_ns, "ns")
        day, month = (int(moment.astype(f"datetime64[{unit}]").astype(np.int64)) for unit in "DM")
        day_ns, month_ns = self.day_powered_ns + powered_ns, self.month_powered_ns + powered_ns
        spent = replace(self, day_powered_ns=day_ns, month_powered_ns=month_ns)
        if clock_is_right:
            spent = replace(spent, day=day, month=month)
        day_is_over = day > self.day if clock_is_right else day_ns >= DAY_NS
        month_is_over = month > self.month if clock_is_right else month_ns >= MONTH_NS
        if day_is_over:
            spent = replace(spent, day_powered_ns=0, bytes_per_day=0, blocks_per_day=0)
        if month_is_over:
            spent = replace(spent, month_powered_ns=0, bytes_per_month=0, roaming_bytes_per_month=0)
        return spent

    def plus(self, size: int, blocks: int, link: Link) -> "Spent":
        """With one more message sent."""
        cost = size if link.metered else 0
        return replace(
            self,
            bytes_per_day=self.bytes_per_day + cost,
            bytes_per_month=self.bytes_per_month + cost,
            roaming_bytes_per_month=self.roaming_bytes_per_month + (cost if link.roaming else 0),
            blocks_per_day=self.blocks_per_day + blocks,
        )


def percent(spent: Spent, budget: Budget, link: Link) -> int:
    """Of the limit that is nearest, among those that bind on this link; cut to a whole number, 0 without a limit."""
    return max(_percents(spent, budget, link), default=0)


def level(spent_percent: int) -> Level:
    """What may go."""
    if spent_percent >= 100:  # noqa: PLR2004  a hundred percent
        return Level.SPENT
    return Level.LOW if spent_percent >= LOW_PERCENT else Level.OPEN


def _percents(spent: Spent, budget: Budget, link: Link) -> Iterator[int]:
    for limit in fields(budget):
        most = getattr(budget, limit.name)
        binds = limit.name == "blocks_per_day" or link.metered
        if most is not None and binds and (link.roaming or not limit.name.startswith("roaming")):
            yield getattr(spent, limit.name) * 100 // most if most else 100
