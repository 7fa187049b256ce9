"""What is in flight, over sessions: how many at once, which one alone, and when one is set aside.

Pure. An envelope that ends every connection it is sent on (a poison message) would starve all others
for ever; one that merely was in flight when a tunnel began must never be given up. So:

- when a session dies, the oldest in flight is a suspect; all in flight are, where the session acknowledged nothing,
- a suspect waits until everything else is settled, then goes alone, the least often sent first,
- it is refused when `deaths` sessions died of it: the first in company, the others while it was alone on a
  connection that had acknowledged something.

A hub that acknowledges nothing therefore convicts nobody, and a poison message holds up nobody for long. An envelope
that the hub itself declines for now (a quota, an access list that forbids its topic) is a suspect too, so that the
others go first, but never refused for that: somebody may mend the list.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from edge_agent.records import Deferred, EnvelopeKey, Receipt, Refused

_HISTORY = 1024
"""Envelopes remembered between sessions; one that the spool gave up meanwhile is never settled here."""

_LOOK_PAST = 4
"""Times its size a window with suspects takes, to find something else among them that can prove the connection."""


@dataclass(frozen=True, slots=True)
class _Record:
    sends: int = 0
    deaths: int = 0


def _first(ready: Iterable[EnvelopeKey]) -> EnvelopeKey | None:
    return next(iter(ready), None)


class Window:
    """At most `size` envelopes in flight; they settle in any order."""

    def __init__(self, size: int = 16, deaths: int = 3) -> None:
        self._size = size
        self._deaths = deaths
        # Dictionaries, for their order; each key is in one of them.
        self._ready: dict[EnvelopeKey, None] = {}
        self._suspects: dict[EnvelopeKey, None] = {}
        self._in_flight: dict[EnvelopeKey, None] = {}
        self._records: dict[EnvelopeKey, _Record] = {}
        self._suspected: set[EnvelopeKey] = set()
        """those that a session died of, or that the hub declined"""
        self._proven = False  # this session has acknowledged something

    @property
    def room(self) -> int:
        """How many more may be taken now; 0 while a suspect waits or goes alone."""
        return max(0, self.reach - len(self._ready) - len(self._in_flight))

    @property
    def reach(self) -> int:
        """How many may be held now, of each lane where there are lanes; 0 while a suspect waits or goes alone."""
        if self._suspects or any(key in self._in_flight for key in self._suspected):
            return 0
        return self._size * (_LOOK_PAST if self._suspected else 1)

    @property
    def size(self) -> int:
        """The most that may be in flight."""
        return self._size

    @property
    def in_flight(self) -> int:
        """Sends that were begun and have no outcome yet."""
        return len(self._in_flight)

    def sends(self, key: EnvelopeKey) -> int:
        """How often an unsettled envelope was sent, over all sessions; 0 for one not remembered."""
        return self._records.get(key, _Record()).sends

    def take(self, keys: Sequence[EnvelopeKey]) -> None:
        """Add what was leased, at most `room`."""
        for key in keys:
            (self._suspects if key in self._suspected else self._ready)[key] = None

    def due(self, pick: Callable[[Iterable[EnvelopeKey]], EnvelopeKey | None] = _first) -> tuple[EnvelopeKey, ...]:
        """What to send now, each once; a suspect only when nothing else is in flight.

        `pick` says which of the others goes next, None where they wait for what is in flight; with nothing in flight
        it always names one.
        """
        if not self._ready and not self._in_flight and self._suspects:
            self._ready[min(self._suspects, key=self.sends)] = None
        due: list[EnvelopeKey] = []
        while self._ready and len(self._in_flight) < self._size and (key := pick(self._ready)) is not None:
            self._begin(key)
            due.append(key)
        return tuple(due)

    def withdrawn(self) -> tuple[EnvelopeKey, ...]:
        """Take out what was not sent on this connection; nothing is held against it."""
        held = (*self._ready, *self._suspects)
        self._ready.clear()
        self._suspects.clear()
        return held

    def acked(self, key: EnvelopeKey) -> None:
        """The hub has it."""
        self._proven = True
        self.refused(key)

    def refused(self, key: EnvelopeKey) -> None:
        """It will never be taken; nor will it be seen here again."""
        del self._in_flight[key]
        self._forget([key])

    def session_ended(
        self, cause: str, *, died: bool, not_taken: EnvelopeKey | None = None
    ) -> tuple[tuple[EnvelopeKey, Receipt], ...]:
        """Empty the window; return the receipt of everything that was in it.

        `died` is False where we closed the session ourselves: nothing is held against anyone. `not_taken` is what the
        hub declined, in flight; then it ended of nothing else.
        """
        if not_taken is not None:
            self._suspected.update([not_taken] if self._proven else self._in_flight)
        elif died:
            for key in self._blamed():
                record = self._records[key]
                self._records[key] = replace(record, deaths=record.deaths + 1)
                self._suspected.add(key)
        held = (*self._in_flight, *self._ready, *self._suspects)
        receipts = tuple((key, self._verdict(key, cause)) for key in held)
        for keys in (self._in_flight, self._ready, self._suspects):
            keys.clear()
        self._proven = False
        self._forget(key for key, receipt in receipts if isinstance(receipt, Refused))
        self._forget(list(self._records)[:-_HISTORY])
        return receipts

    def _begin(self, key: EnvelopeKey) -> None:
        self._suspects.pop(key, None)
        del self._ready[key]
        record = self._records.get(key, _Record())
        self._records[key] = replace(record, sends=record.sends + 1)
        self._in_flight[key] = None

    def _blamed(self) -> tuple[EnvelopeKey, ...]:
        in_flight = tuple(self._in_flight)
        if any(key in self._suspected for key in in_flight):  # then it is alone
            return in_flight if self._proven else ()
        return in_flight[:1] if self._proven else in_flight

    def _verdict(self, key: EnvelopeKey, cause: str) -> Receipt:
        if (deaths := self._records.get(key, _Record()).deaths) >= self._deaths:
            return Refused(f"{deaths} sessions ended while it was sent, the last with: {cause}")
        return Deferred(cause)

    def _forget(self, keys: Iterable[EnvelopeKey]) -> None:
        for key in keys:
            self._records.pop(key, None)
            self._suspected.discard(key)
