"""Envelopes in memory while the disk takes none. Pure.

They go by the spool's own rules: leased by part, priority and age; given up when their rule says so, and where they are
too many, least important first, oldest first, never what is in flight. What `waiting` gives is to go to disk before
anything newer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from operator import itemgetter

from edge_agent.records import LIVE_S, Envelope, EnvelopeKey, Part, Purpose, Retention, Terms, Upload
from edge_agent.spool.framing import Lifetime, lifetime_of, record_length
from edge_agent.spool.naming import PRIORITIES, STREAMS, StreamName, stream_of
from edge_agent.spool.stream import NEVER_S


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the spool keeps what it is given."""

    on_disk: bool = True
    memory_batches: int = 0
    memory_bytes: int = 0


@dataclass(slots=True)
class _Held:
    envelope: Envelope
    length: int
    lifetime: Lifetime
    leased: bool = False


class Overflow:
    """At most `cap_bytes` of envelopes, each counted as its record on disk would be."""

    def __init__(self, cap_bytes: int) -> None:
        self._cap_bytes = cap_bytes
        self._held: dict[StreamName, dict[EnvelopeKey, _Held]] = {name: {} for name in STREAMS}
        self._streams: dict[EnvelopeKey, StreamName] = {}
        self._overtaken: dict[StreamName, EnvelopeKey] = {}
        """the newest key of each stream that went to disk: the file of a stream only grows"""
        self._oversized: list[EnvelopeKey] = []
        """held since the last `shrink`, and for themselves more than the bound"""
        self._bytes = 0
        self._expires_powered_s = self._expires_wall_s = NEVER_S
        """nothing that is not in flight expires before"""

    def __contains__(self, key: EnvelopeKey) -> bool:
        return key in self._streams

    @property
    def depth(self) -> tuple[int, int]:
        """Envelopes, and the bytes of their records."""
        return len(self._streams), self._bytes

    @property
    def may_expire(self) -> bool:
        """Whether anything may expire that is not in flight, or was not when it was last looked at."""
        # Every batch passes through here on its way to the disk.
        return bool(self._streams) and min(self._expires_powered_s, self._expires_wall_s) < NEVER_S

    def hold(self, envelopes: Iterable[Envelope], powered_s: int) -> None:
        """Take these in, however many they are; `shrink` is to follow. Keys of one stream must grow for ever."""
        for envelope in envelopes:
            stream = stream_of(envelope)
            self._held.setdefault(stream, {})
            held = _Held(envelope, record_length(envelope), lifetime_of(envelope, powered_s))
            self._held[stream][envelope.key] = held
            self._streams[envelope.key] = stream
            self._bytes += held.length
            self._expect(held.lifetime)
            if held.length > self._cap_bytes:
                self._oversized.append(envelope.key)

    def shrink(self) -> tuple[EnvelopeKey, ...]:
        """Give up what is beyond the bound, and name it."""
        given_up = [key for key in self._oversized if key in self and not self._held[self._streams[key]][key].leased]
        self.drop(given_up)
        self._oversized.clear()
        excess = self._bytes - self._cap_bytes
        rest: list[EnvelopeKey] = []
        for key, held in self._idle() if excess > 0 else ():
            rest.append(key)
            excess -= held.length
            if excess <= 0:
                break
        self.drop(rest)
        return (*given_up, *rest)

    def expire(self, powered_s: int, wall_s: int | None) -> tuple[EnvelopeKey, ...]:
        """Give up what has waited longer than its rule allows, and name it; what is in flight does not expire.

        `wall_s` is None where the clock is not known to be right: then nothing expires by it.
        """
        if powered_s <= self._expires_powered_s and (wall_s or 0) <= self._expires_wall_s:
            return ()
        gone = tuple(key for key, held in self._idle() if _has_expired(held.lifetime, powered_s, wall_s or 0))
        self.drop(gone)
        self._expires_powered_s = self._expires_wall_s = NEVER_S
        for _, held in self._idle():
            self._expect(held.lifetime)
        return gone

    def waiting(self) -> tuple[Envelope, ...]:
        """What is to go to disk, oldest first within each stream.

        Not what is in flight; nor what was when newer ones of its stream went: that stays until it is settled.
        """
        return tuple(
            held.envelope
            for stream in sorted(self._held, key=lambda name: name.turn)
            for key, held in self._held[stream].items()
            if not held.leased and key > self._overtaken.get(stream, _FIRST)
        )

    def written(self, keys: Iterable[EnvelopeKey]) -> None:
        """These are on disk."""
        for key in keys:
            stream = self._streams[key]
            self._overtaken[stream] = max(key, self._overtaken.get(stream, _FIRST))
            self._remove(key)

    def drop(self, keys: Iterable[EnvelopeKey]) -> None:
        """These are settled, or given up."""
        for key in keys:
            self._remove(key)

    def withdraw(self, purposes: Purpose) -> tuple[tuple[EnvelopeKey, ...], frozenset[EnvelopeKey]]:
        """Give up all that needs consent to one of these, and name it; and what was in flight of it."""
        gone = {
            key: held for stream in self._held if stream.concerns(purposes) for key, held in self._held[stream].items()
        }
        self.drop(gone)
        return tuple(gone), frozenset(key for key, held in gone.items() if held.leased)

    def clear(self) -> tuple[EnvelopeKey, ...]:
        """Give up everything, and name it."""
        keys = tuple(sorted(self._streams))
        self.drop(keys)
        return keys

    def lease(self, limit: int, terms: Terms, powered_s: int) -> tuple[Envelope, ...]:
        """Up to `limit` that may go, as a spool gives them."""
        ready = list(islice(self._ready(terms, powered_s), limit))
        for held in ready:
            held.leased = True
        # A spool gives back no more of an envelope than what it would read from disk.
        return tuple(replace(held.envelope, tells=(), retention=Retention(), closed_ns=0) for held in ready)

    def in_flight(self, key: EnvelopeKey) -> Envelope:
        """The leased envelope of a key."""
        held = self._held[self._streams[key]][key]
        if not held.leased:
            raise AssertionError(f"batch {key.boot}/{key.seq} is not leased")
        return held.envelope

    def give_back(self, key: EnvelopeKey) -> None:
        """A leased envelope is to be offered again."""
        self.in_flight(key)
        held = self._held[self._streams[key]][key]
        held.leased = False
        self._expect(held.lifetime)

    def _ready(self, terms: Terms, powered_s: int) -> Iterator[_Held]:
        """What may go, in the order in which it goes."""
        for part in (part for part in Part if part in terms.parts):  # the live one is the first
            for priority in range(terms.last_priority + 1):
                for _, held in self._of_priority(priority):
                    link = terms.unmetered or held.envelope.upload is Upload.ANY
                    if link and not held.leased and _part(held, powered_s) is part:
                        yield held

    def _idle(self) -> Iterator[tuple[EnvelopeKey, _Held]]:
        """What may be given up, in the order in which it goes."""
        for priority in reversed(range(PRIORITIES)):
            yield from (item for item in self._of_priority(priority) if not item[1].leased)

    def _of_priority(self, priority: int) -> Iterator[tuple[EnvelopeKey, _Held]]:
        """Oldest first, and one by one: there may be ten thousands."""
        alike = [held.items() for stream, held in self._held.items() if stream.priority == priority]
        return merge(*alike, key=itemgetter(0))

    def _expect(self, lifetime: Lifetime) -> None:
        self._expires_powered_s = min(self._expires_powered_s, lifetime.expires_powered_s or NEVER_S)
        self._expires_wall_s = min(self._expires_wall_s, lifetime.expires_wall_s or NEVER_S)

    def _remove(self, key: EnvelopeKey) -> None:
        self._bytes -= self._held[self._streams.pop(key)].pop(key).length


_FIRST = EnvelopeKey(-1, -1)


def _part(held: _Held, powered_s: int) -> Part:
    return Part.LIVE if powered_s - held.lifetime.powered_s < LIVE_S else Part.BACKLOG


def _has_expired(lifetime: Lifetime, powered_s: int, wall_s: int) -> bool:
    return 0 < lifetime.expires_powered_s < powered_s or 0 < lifetime.expires_wall_s < wall_s
