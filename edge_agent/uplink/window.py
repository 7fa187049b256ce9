"""What is in flight, over sessions: how many at once, which one alone, and when one is to be kept apart.

Pure. An envelope that ends every connection it is sent on (a poison message) would starve all others
for ever; one that merely was in flight when a tunnel began must never be given up. So:

- when a session dies, the oldest in flight is a suspect; all in flight are, where the session acknowledged nothing,
- a suspect waits until everything else is settled, then goes alone, the least often sent first,
- it is convicted when `deaths` sessions died of it: the first in company, the others while it was alone on a
  connection that had acknowledged something. Then it is for the quarantine, which has it tried alone now and then.

A hub that acknowledges nothing therefore convicts nobody, and a poison message holds up nobody for long. An envelope
that the hub itself declines for now (a quota, an access list that forbids its topic) is a suspect too, so that the
others go first, but never convicted of that: somebody may mend the list.

What is in flight when a session dies goes twice where the hub had it. So after a session that died one envelope goes,
and each acknowledgement lets one more go beside the others, up to `size`: a hub that takes and never acknowledges gets
its duplicates from the first such session, and one from each that follows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from edge_agent.records import Deferred, EnvelopeKey

_HISTORY = 1024
"""Envelopes remembered between sessions; one that the spool gave up meanwhile is never settled here."""

WORN_SENDS = 60
"""Some five minutes at the back-off's cap. An envelope that has no verdict by then was the last there was: nothing else
was left to prove a connection by, so none may ever come."""

_LOOK_PAST = 4
"""Times its size a window with suspects takes, to find something else among them that can prove the connection."""


@dataclass(frozen=True, slots=True)
class Convicted:
    """So many more sessions died of it; it is not to go with others again."""

    deaths: int
    cause: str


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
        self._on_trial: set[EnvelopeKey] = set()
        """those of the suspected that come from the quarantine"""
        self._abreast = size
        """how many may be in flight now"""
        self._proven = False

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
    def proven(self) -> bool:
        """Whether this session has acknowledged something."""
        return self._proven

    @property
    def in_flight(self) -> int:
        """Sends that were begun and have no outcome yet."""
        return len(self._in_flight)

    def sends(self, key: EnvelopeKey) -> int:
        """How often an unsettled envelope was sent, over all sessions; 0 for one not remembered."""
        return self._records.get(key, _Record()).sends

    @property
    def worn(self) -> int:
        """How many of the suspected were sent so often, on a session each, that whoever waits for them may give up."""
        return sum(self.sends(key) >= WORN_SENDS for key in self._suspected)

    def take(self, keys: Sequence[EnvelopeKey]) -> None:
        """Add what was leased, of each part as many as `Lanes.limit` makes of `reach`."""
        for key in keys:
            (self._suspects if key in self._suspected else self._ready)[key] = None

    def take_alone(self, key: EnvelopeKey) -> None:
        """Add one from the quarantine, as a suspect: it goes when all else is settled, and one death convicts it."""
        self._on_trial.add(key)
        self._suspected.add(key)
        self._suspects[key] = None

    def due(self, pick: Callable[[Iterable[EnvelopeKey]], EnvelopeKey | None] = _first) -> tuple[EnvelopeKey, ...]:
        """What to send now, each once; a suspect only when nothing else is in flight.

        `pick` says which of the others goes next, None where they wait for what is in flight; with nothing in flight
        it always names one.
        """
        if not self._ready and not self._in_flight and self._suspects:
            self._ready[min(self._suspects, key=self.sends)] = None
        due: list[EnvelopeKey] = []
        while self._ready and len(self._in_flight) < self._abreast and (key := pick(self._ready)) is not None:
            self._begin(key)
            due.append(key)
        return tuple(due)

    def withdrawn(self) -> tuple[EnvelopeKey, ...]:
        """Take out what was not sent on this connection; nothing is held against it."""
        held = (*self._ready, *self._suspects)
        self._ready.clear()
        self._suspects.clear()
        self._end_trials(held)
        return held

    def acked(self, key: EnvelopeKey) -> None:
        """The hub has it."""
        self._proven = True
        self._abreast = min(self._size, self._abreast + 1)
        self.refused(key)

    def refused(self, key: EnvelopeKey) -> None:
        """It will never be taken; nor will it be seen here again."""
        del self._in_flight[key]
        self._forget([key])

    def session_ended(
        self, cause: str, *, died: bool, not_taken: EnvelopeKey | None = None
    ) -> tuple[tuple[EnvelopeKey, Deferred | Convicted], ...]:
        """Empty the window; return what became of everything that was in it.

        `died` is False where we closed the session ourselves: nothing is held against anyone. `not_taken` is what the
        hub declined, in flight; then it ended of nothing else.
        """
        convicted: dict[EnvelopeKey, Convicted] = {}
        if not_taken is not None:
            self._suspected.update([not_taken] if self._proven else self._in_flight)
        elif died:
            convicted = {key: Convicted(deaths, cause) for key in self._blamed() if (deaths := self._died_of(key))}
        held = (*self._in_flight, *self._ready, *self._suspects)
        for keys in (self._in_flight, self._ready, self._suspects):
            keys.clear()
        self._abreast = 1 if died else self._abreast
        self._proven = False
        self._end_trials(tuple(self._on_trial))
        self._suspected.difference_update(convicted)
        self._forget(list(self._records)[:-_HISTORY])
        return tuple((key, convicted.get(key, Deferred(cause))) for key in held)

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

    def _died_of(self, key: EnvelopeKey) -> int:
        """One session more; for how many it is convicted, 0 where it is not yet."""
        record = self._records[key]
        self._records[key] = replace(record, deaths=record.deaths + 1)
        self._suspected.add(key)
        if key in self._on_trial:
            return 1
        return self._deaths if record.deaths + 1 >= self._deaths else 0

    def _end_trials(self, keys: Iterable[EnvelopeKey]) -> None:
        """They are in the quarantine, where nothing is expected of them that holds up others."""
        on_trial = self._on_trial.intersection(keys)
        self._on_trial -= on_trial
        self._suspected -= on_trial

    def _forget(self, keys: Iterable[EnvelopeKey]) -> None:
        for key in keys:
            self._records.pop(key, None)
            self._suspected.discard(key)
            self._on_trial.discard(key)
