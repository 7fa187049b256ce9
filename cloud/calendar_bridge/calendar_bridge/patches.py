"""What the twin has against what it should have: the smallest patch. Pure.

A twin's desired properties hold 32 KB, of which the calendars of all profiles get 24 at most. What does not fit is
left out from the far end, without a gap: a list that ends early is a list, one with a hole says that an hour is free.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calendar_bridge.records import Held, Item

TWIN_BYTES = 32 * 1024
CALENDAR_BYTES = 24 * 1024
SPARE_BYTES = 1024
"""for what others write into the desired properties meanwhile"""
_SEAL_BYTES = 32 + 16
_AROUND_BYTES = len('"":{"n":1795366800,"u":1795971600,"s":""},')


@dataclass(frozen=True, slots=True)
class Change:
    """Of one profile."""

    put: tuple[Item, ...]
    """new or other than before, the nearest first"""
    drop: tuple[str, ...]
    held: int
    """how many the twin has then"""
    left_out: int
    """the furthest, which do not fit"""

    def __bool__(self) -> bool:
        return bool(self.put or self.drop)


def change(items: Sequence[Item], held: Mapping[str, Held], room_bytes: int) -> Change:
    """`items` are what should be there, the nearest first."""
    fitting = items[: _how_many_fit(items, room_bytes)]
    keys = {item.key for item in fitting}
    return Change(
        put=tuple(item for item in fitting if not _is_held(item, held.get(item.key))),
        drop=tuple(sorted(held.keys() - keys)),
        held=len(fitting),
        left_out=len(items) - len(fitting),
    )


def room_bytes(other_bytes: int, bytes_by_profile: Mapping[str, int], profile: str) -> int:
    """What the items of a profile may take beside everything else in the desired properties."""
    calendars = sum(size for name, size in bytes_by_profile.items() if name != profile)
    return max(0, min(CALENDAR_BYTES - calendars, TWIN_BYTES - SPARE_BYTES - other_bytes - calendars))


def size_bytes(item: Item) -> int:
    """In the twin, as JSON; sealing adds the ephemeral key and the tag, base64url a third."""
    return len(item.key) + _AROUND_BYTES + sealed_chars(item)


def sealed_chars(item: Item) -> int:
    """Length of its sealed text."""
    return -(-(_SEAL_BYTES + len(item.plain)) * 4 // 3)


def digest_of(item: Item) -> bytes:
    """By which a change is seen; kept in memory alone, for a guess could be tried against it."""
    return hashlib.sha256(item.plain).digest()


def next_version(now_s: float, last: int) -> int:
    """Rises with every item that is sent, also when the clock was set back or another process has sent the last."""
    return max(int(now_s), last + 1)


def _how_many_fit(items: Sequence[Item], room: int) -> int:
    used = 0
    for count, item in enumerate(items):
        used += size_bytes(item)
        if used > room:
            return count
    return len(items)


def _is_held(item: Item, held: Held | None) -> bool:
    return held is not None and held.until_s == item.until_s and held.digest == digest_of(item)
