"""All profiles' items, with what was seen of each: judges what the twin and the bridge say. Pure; time is an argument.

Three rules hold for each item. Its version must be greater than the last one seen of its key, or an operator could
bring back what was withdrawn. It is gone at its `until`, 7 days after it came, 7 days of powered-on time after it came,
or 15 minutes after its end, whichever is first: a wall clock that is set back keeps nothing. And one that cannot be
used is refused alone.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from cabin.calendar.items import is_over, meeting_of
from cabin.calendar.seal import CarKey, Sealed, seal
from cabin.errors import MessageRejected
from cabin.records import Meeting

GUEST: Final = "guest"
"""Whoever drives a shared car first; has no calendar."""
LONGEST_S: Final = 7 * 86_400
MOST_ITEMS: Final = 2_000
MOST_SEEN: Final = 20_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST = 2**53
"""What every reader of JSON holds exactly."""


@dataclass(frozen=True, slots=True)
class Moment:
    """By both clocks."""

    now_s: float
    """wall time"""
    powered_s: float
    """for how long the cabin has run since its calendar was begun, over restarts"""


@dataclass(frozen=True, slots=True)
class Kept:
    """One item, opened, and sealed as it came."""

    sealed: Sealed
    meeting: Meeting
    gone_s: float
    """wall time"""
    gone_powered_s: float

    def is_due(self, moment: Moment) -> bool:
        """Whether it may not be shown any more, wherever the car is."""
        return moment.now_s >= self.gone_s or moment.powered_s >= self.gone_powered_s


@dataclass(slots=True)
class Judgement:
    """What became of items that came."""

    taken: int = 0
    old: int = 0
    """seen before, or past their time: not an error after a reconnect"""
    refused: list[MessageRejected] = field(default_factory=list)
    changed: bool = False
    """whether the book is other than before"""


class Book:
    """Every item that is kept, by profile and key."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, Kept]] = {}
        self._seen: dict[str, dict[str, tuple[int, int]]] = {}
        """profile -> key -> (greatest version, greatest until)"""
        self._in_twin: dict[str, frozenset[str]] = {}
        self._judged: dict[tuple[str, str], object] = {}
        """what the twin said when it was last read: nothing is judged twice"""
        self._refused: dict[tuple[str, str], MessageRejected] = {}
        """of what the twin says now"""

    @property
    def profiles(self) -> tuple[str, ...]:
        """The guest first, then all that have a calendar, also an empty one."""
        return (GUEST, *sorted(self._items))

    def counts(self) -> Mapping[str, int]:
        """How many items each profile has."""
        return {profile: len(items) for profile, items in sorted(self._items.items())}

    @property
    def refused(self) -> Sequence[MessageRejected]:
        """Why items that stand in the twin cannot be used."""
        return tuple(self._refused.values())

    def meetings(self, profile: str, moment: Moment) -> Iterator[Meeting]:
        """Those of a profile that may be shown, in no order."""
        return (one.meeting for one in self._items.get(profile, {}).values() if not one.is_due(moment))

    def meeting(self, profile: str, key: str) -> Meeting | None:
        """One of them, or None."""
        one = self._items.get(profile, {}).get(key)
        return one.meeting if one else None

    def apply(self, desired: Mapping[str, object], key: CarKey, moment: Moment) -> Judgement:
        """The whole map of the twin; what was in it before and is not any more was withdrawn."""
        judgement = Judgement()
        entries = {(profile, name): entry for profile, name, entry in _flat(desired)}
        self._withdraw(desired, judgement)
        for (profile, name), entry in entries.items():
            if self._judged.get((profile, name)) != entry:
                self._refused.pop((profile, name), None)
                self._judge((profile, name), entry, key, moment, judgement)
        self._judged = entries
        self._refused = {place: why for place, why in self._refused.items() if place in entries}
        return judgement

    def add(self, profile: str, items: Mapping[str, object], key: CarKey, moment: Moment) -> Judgement:
        """Items beside the twin; null withdraws one."""
        judgement = Judgement()
        for name, entry in items.items():
            if entry is None:
                self._drop(profile, name, judgement)
            else:
                self._judge((profile, name), entry, key, moment, judgement)
        return judgement

    def expire(self, moment: Moment, zone: ZoneInfo) -> int:
        """Forget what is due or over, and profiles of which nothing is left; returns how many items went."""
        gone = 0
        for profile, items in list(self._items.items()):
            left = {
                name: one
                for name, one in items.items()
                if not one.is_due(moment) and not is_over(one.meeting, moment.now_s, zone)
            }
            gone += len(items) - len(left)
            self._items[profile] = left
            if not left and profile not in self._in_twin:
                del self._items[profile]
        for seen in self._seen.values():
            # A week more: the greatest version need not be the one with the greatest until.
            for name in [one for one, (_, until) in seen.items() if moment.now_s > until + LONGEST_S]:
                del seen[name]
        return gone

    def forget(self, profile: str) -> None:
        """Everything of a profile; with the key that its items were sealed to goes the need for their versions."""
        for of_profile in (self._items, self._seen, self._in_twin):
            of_profile.pop(profile, None)

    def seal_again(self, before: CarKey, after: CarKey) -> None:
        """To another key, so that the one before can be destroyed."""
        self._items = {
            profile: {name: _sealed_again(one, before, after) for name, one in items.items()}
            for profile, items in self._items.items()
        }

    def text(self, key_id: str, powered_s: float) -> str:
        """As it is kept on disk: items sealed."""
        return json.dumps(
            {
                "key_id": key_id,
                "powered_s": round(powered_s, 1),
                "items": {profile: _written(items) for profile, items in self._items.items()},
                "seen": self._seen,
                "in_twin": {profile: sorted(names) for profile, names in self._in_twin.items()},
            },
            separators=(",", ":"),
        )

    @classmethod
    def read(cls, text: str, key: CarKey) -> "Book":
        """From what `text` wrote. Raises ValueError, KeyError or TypeError where it is not that.

        An item that does not open any more is left out.
        """
        kept, book = json.loads(text), cls()
        book._seen = {
            profile: {name: (int(version), int(until)) for name, (version, until) in seen.items()}
            for profile, seen in kept["seen"].items()
        }
        book._in_twin = {profile: frozenset(names) for profile, names in kept["in_twin"].items()}
        for profile, items in kept["items"].items():
            book._items[profile] = dict(_read(profile, items, key))
        return book

    def _judge(self, place: tuple[str, str], entry: object, key: CarKey, moment: Moment, judgement: Judgement) -> None:
        try:
            sealed = _sealed_of(*place, entry)
            if self._is_old(sealed, moment):
                judgement.old += 1
            else:
                self._take(sealed, key, moment)
                judgement.taken += 1
                judgement.changed = True
        except MessageRejected as refusal:
            judgement.refused.append(refusal)
            self._refused[place] = refusal

    def _is_old(self, sealed: Sealed, moment: Moment) -> bool:
        seen, _ = self._seen.get(sealed.profile, {}).get(sealed.key, (0, 0))
        return sealed.version <= seen or sealed.until_s <= moment.now_s

    def _take(self, sealed: Sealed, key: CarKey, moment: Moment) -> None:
        seen = self._seen.setdefault(sealed.profile, {})
        items = self._items.setdefault(sealed.profile, {})
        place = f"calendar.{sealed.profile}.{sealed.key}"
        if sealed.key not in items and sum(self.counts().values()) >= MOST_ITEMS:
            raise MessageRejected(place, f"is one too many: {MOST_ITEMS} items are kept")
        if sealed.key not in seen and sum(map(len, self._seen.values())) >= MOST_SEEN:
            raise MessageRejected(place, f"is one too many: {MOST_SEEN} keys were seen")
        plain = key.open(sealed)
        meeting = meeting_of(plain, profile=sealed.profile, key=sealed.key, version=sealed.version)
        _, until = seen.get(sealed.key, (0, 0))
        seen[sealed.key] = (sealed.version, max(until, sealed.until_s))
        left_s = min(sealed.until_s - moment.now_s, LONGEST_S)
        items[sealed.key] = Kept(sealed, meeting, moment.now_s + left_s, moment.powered_s + left_s)

    def _withdraw(self, desired: Mapping[str, object], judgement: Judgement) -> None:
        for profile, names in self._in_twin.items():
            now = desired.get(profile)
            for name in names - (now.keys() if isinstance(now, Mapping) else set()):
                self._drop(profile, name, judgement)
            if profile not in desired:
                judgement.changed |= self._items.pop(profile, None) is not None
        in_twin = {
            profile: frozenset(items)
            for profile, items in desired.items()
            if _is_profile(profile) and isinstance(items, Mapping)
        }
        for profile in in_twin:
            self._items.setdefault(profile, {})
        judgement.changed |= in_twin != self._in_twin
        self._in_twin = in_twin

    def _drop(self, profile: str, name: str, judgement: Judgement) -> None:
        judgement.changed |= self._items.get(profile, {}).pop(name, None) is not None


def _flat(desired: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    """(profile, key, entry); a profile that is no map is an entry of its own without a key."""
    for profile, items in desired.items():
        if isinstance(items, Mapping):
            yield from ((profile, name, entry) for name, entry in items.items())
        else:
            yield profile, "", items


def _is_profile(profile: str) -> bool:
    return profile != GUEST and _NAME.fullmatch(profile) is not None


def _sealed_of(profile: str, name: str, entry: object) -> Sealed:
    if not _is_profile(profile):
        raise MessageRejected("calendar", f"a profile has 1 to 64 of A-Z, a-z, 0-9, _ and -, and is not {GUEST}")
    if not _NAME.fullmatch(name):
        raise MessageRejected(f"calendar.{profile}", "must map keys of 1 to 64 of A-Z, a-z, 0-9, _ and - to items")
    match entry:
        case {"n": int() as version, "u": int() as until_s, "s": str() as text, **others} if (
            type(version) is int and type(until_s) is int and not others
        ):
            if 0 < version <= _LARGEST and 0 < until_s <= _LARGEST:
                return Sealed(profile, name, version, until_s, text)
    raise MessageRejected(f"calendar.{profile}.{name}", "must have n, u (whole numbers from 1 on) and s, no more")


def _sealed_again(one: Kept, before: CarKey, after: CarKey) -> Kept:
    return Kept(seal(before.open(one.sealed), one.sealed, after.public), one.meeting, one.gone_s, one.gone_powered_s)


def _written(items: Mapping[str, Kept]) -> Mapping[str, list[object]]:
    return {
        name: [one.sealed.version, one.sealed.until_s, one.sealed.text, one.gone_s, one.gone_powered_s]
        for name, one in items.items()
    }


def _read(profile: str, items: Mapping[str, Any], key: CarKey) -> Iterator[tuple[str, Kept]]:
    for name, (version, until_s, text, gone_s, gone_powered_s) in items.items():
        sealed = Sealed(profile, name, int(version), int(until_s), str(text))
        try:
            meeting = meeting_of(key.open(sealed), profile=profile, key=name, version=sealed.version)
        except MessageRejected:
            continue
        yield name, Kept(sealed, meeting, float(gone_s), float(gone_powered_s))
