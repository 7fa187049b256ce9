"""Envelopes that connections died of, kept apart while all others flow, and tried again ever more seldom. Pure.

A message that ends every connection is poison; but so looks one that a hub, a proxy or a radio cannot carry today. So
the first verdict is no loss: it stays leased, where it holds up nobody, and goes again, alone, on a connection that is
well for a while: after a minute at first, then after twice as long each time, up to an hour. Only when `deaths`
connections in all died of it, over `lasts_s` at least, is it given up: a fault of some hours costs no batch, and a
poison message costs some ten connections.

What waits here keeps its segment on disk, so it is bounded: of more than `most` the one that most connections died of
is given up, of several the one that waits longest. A restart finds all of it unsettled and begins anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge_agent.backoff import Backoff
from edge_agent.records import Envelope, EnvelopeKey, Refused, Terms, Upload

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Patience:
    """Times are the agent's uptime."""

    first_s: float = 60.0
    """before the first trial; twice as long before each that follows"""
    cap_s: float = 3600.0
    healthy_s: float = 10.0
    """a connection is this old before it is risked"""
    deaths: int = 8
    lasts_s: float = 4 * 3600.0
    most: int = 4

    def wait_ns(self, trials: int) -> int:
        """Before the next trial, after so many."""
        # No jitter: what one vehicle's batch does to its connection comes of no event that others share.
        return int(Backoff(self.first_s, self.cap_s).delay_s(trials, 0.5) * _NS)


PATIENCE: Final = Patience()


@dataclass(slots=True)
class _Kept:
    envelope: Envelope
    deaths: int
    trials: int
    since_ns: int
    due_ns: int
    cause: str


class Quarantine:
    """Holds the leases of what is in it; whoever puts something in, or asks for a trial, settles the rest."""

    def __init__(self, patience: Patience = PATIENCE) -> None:
        self._patience = patience
        self._kept: dict[EnvelopeKey, _Kept] = {}  # as they came; bounded by `most`

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    @property
    def keys(self) -> frozenset[EnvelopeKey]:
        """What is in it, also while it is tried."""
        return frozenset(self._kept)

    def put(self, envelope: Envelope, *, deaths: int, cause: str, now_ns: int) -> tuple[tuple[Envelope, Refused], ...]:
        """So many more sessions died of it; what is to be given up for good, which is no longer in it."""
        one = self._kept.setdefault(envelope.key, _Kept(envelope, 0, -1, now_ns, now_ns, cause))
        one.deaths += deaths
        one.trials += 1
        one.cause = cause
        one.due_ns = now_ns + self._patience.wait_ns(one.trials)
        given_up = [one] if self._is_poison(one, now_ns) else []
        if len(self._kept) - len(given_up) > self._patience.most:
            given_up.append(max(self._kept.values(), key=lambda each: each.deaths))
        for each in given_up:
            del self._kept[each.envelope.key]
        return tuple((each.envelope, self._verdict(each)) for each in given_up)

    def due(self, now_ns: int, terms: Terms, connected_ns: int) -> Envelope | None:
        """What may be tried now, on a connection that is well since `connected_ns`; nothing changes by that."""
        if self._kept and now_ns >= connected_ns + self._healthy_ns:
            for one in self._may_go(terms):
                if one.due_ns <= now_ns:
                    return one.envelope
        return None

    def due_ns(self, terms: Terms, connected_ns: int) -> int | None:
        """When something will be; None where there is nothing."""
        first_ns = min((one.due_ns for one in self._may_go(terms)), default=None)
        return None if first_ns is None else max(first_ns, connected_ns + self._healthy_ns)

    def unanswered(self, key: EnvelopeKey, now_ns: int) -> None:
        """A trial came to no end of its own; it is held against nobody, and the next one is as far away again."""
        one = self._kept[key]
        one.due_ns = now_ns + self._patience.wait_ns(one.trials)

    def forget(self, key: EnvelopeKey) -> None:
        """It is settled."""
        del self._kept[key]

    @property
    def _healthy_ns(self) -> int:
        return int(self._patience.healthy_s * _NS)

    def _may_go(self, terms: Terms) -> Iterable[_Kept]:
        return (
            one
            for one in self._kept.values()
            if one.envelope.priority <= terms.last_priority and (terms.unmetered or one.envelope.upload is Upload.ANY)
        )

    def _is_poison(self, one: _Kept, now_ns: int) -> bool:
        lasted_ns = now_ns - one.since_ns
        return one.deaths >= self._patience.deaths and lasted_ns >= self._patience.lasts_s * _NS

    def _verdict(self, one: _Kept) -> Refused:
        return Refused(f"{one.deaths} sessions ended while it was sent, the last with: {one.cause}")
