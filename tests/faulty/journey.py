"""A fixed run over everything a store does, by a client that remembers what it was promised."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_agent.errors import DiskBusy, SpoolUnusable
from edge_agent.records import (
    Acked,
    Deferred,
    Envelope,
    EnvelopeKey,
    LostRange,
    Part,
    Receipt,
    Refused,
    Retention,
    Terms,
    Upload,
)
from edge_agent.spool.opening import open_store
from edge_agent.spool.store import Store
from tests.faulty.simulated_disk import SimulatedDisk
from tests.spool.parts import Ear, named, sealed

HOME = Path("/data")
FOLDER = HOME / "agent" / "spool"
CAP_BYTES, SEGMENT_BYTES = 12_000, 1_000

Life = Callable[[Store, "HandClock"], None]

GROUPS_A_LIFE = 10
RULES = (
    (0, Upload.ANY, Retention(), 150),
    (4, Upload.UNMETERED, Retention(powered_s=150), 330),
    (9, Upload.ANY, Retention(thin=2), 340),
    (9, Upload.ANY, Retention(), 300),
)
"""(priority, upload, retention, bytes) of each batch in a group; one append fills a segment and begins the next"""


@dataclass
class HandClock:
    """A wall clock nobody trusts, and an uptime that goes where it is put."""

    uptime_s: int = 0

    def now_ns(self) -> int:
        return 0

    def uptime_ns(self) -> int:
        return self.uptime_s * 1_000_000_000

    def both_ns(self) -> tuple[int, int]:
        return self.now_ns(), self.uptime_ns()

    def is_synced(self) -> bool | None:
        return None


def opened(disk: SimulatedDisk, log: Ear, clock: HandClock | None = None) -> Store:
    return open_store(
        FOLDER, cap_bytes=CAP_BYTES, segment_bytes=SEGMENT_BYTES, log=log, disk=disk, clock=clock or HandClock()
    )


@dataclass
class Promises:
    """What a store has said, and what was done with it."""

    boots: list[int] = field(default_factory=list)
    """whose opening has returned"""
    given: dict[EnvelopeKey, Envelope] = field(default_factory=dict)
    """every batch that an append was ever called with, as it was the first time"""
    answered: set[EnvelopeKey] = field(default_factory=set)
    """those that an append has returned for, kept or owed"""
    kept: set[EnvelopeKey] = field(default_factory=set)
    """those that it said are on disk"""
    acked: set[EnvelopeKey] = field(default_factory=set)
    noted: set[EnvelopeKey] = field(default_factory=set)
    """acked before a commit that has returned"""

    def snapshot(self) -> "Promises":
        return Promises(*(copy(value) for value in vars(self).values()))

    def extent(self) -> tuple[int, ...]:
        """How many of each; they only grow, so it tells apart the moments of one run."""
        return tuple(map(len, vars(self).values()))

    def accounted(self, found: Collection[EnvelopeKey], owed: tuple[LostRange, ...]) -> set[EnvelopeKey]:
        """Batches that are there, that arrived, or whose loss is owed or told by one of those."""
        here = self.acked.union(found)
        told = {key for carrier in here for key in named(self.given[carrier].tells)}
        return here | told | set(named(owed))


class Journey:
    """Lives of a store on one disk, by one client.

    Where the disk fails, the client does as the agent does: what an append did not take goes first in the next one, and
    a store that cannot be used is opened again.
    """

    def __init__(self, disk: SimulatedDisk, promises: Promises | None = None) -> None:
        self.disk, self.log = disk, Ear()
        self.promises = promises or Promises()
        self._waiting: list[Envelope] = []
        self._owed: tuple[LostRange, ...] = ()
        self._acked: set[EnvelopeKey] = set()
        """in this life"""

    def run(self) -> None:
        """Two lives of all there is; the first is closed, the second ends as it stands."""
        self._live(self._first_life)
        self._live(self._second_life)

    def go_on(self) -> None:
        """One more life, a short one."""
        self._live(self._short_life)

    def _live(self, life: Life) -> None:
        clock = HandClock()
        for _ in range(3):
            with suppress(SpoolUnusable):
                store = opened(self.disk, self.log, clock)
                self.promises.boots.append(store.boot.boot)
                self._waiting, self._owed, self._acked = [], (), set()
                life(store, clock)
                return
            self.disk.kill()

    def _first_life(self, store: Store, clock: HandClock) -> None:
        self._fill(store, clock)
        self._deliver(store, 2)
        store.close()

    def _second_life(self, store: Store, clock: HandClock) -> None:
        self._fill(store, clock)
        self._deliver(store, 10**6)
        self._append(store, [])

    def _short_life(self, store: Store, clock: HandClock) -> None:
        clock.uptime_s += 10
        self._append(store, _group(store.boot.boot, 0))
        self._turn_down(store)
        self._deliver(store, 3)
        self._append(store, _group(store.boot.boot, 1))
        self._deliver(store, 2, Terms(parts=frozenset({Part.BACKLOG})))
        self._append(store, _group(store.boot.boot, 2))
        store.close()

    def _fill(self, store: Store, clock: HandClock) -> None:
        for number in range(GROUPS_A_LIFE):
            clock.uptime_s += 10
            self._append(store, _group(store.boot.boot, number))
            match number % 6:
                case 1:
                    self._deliver(store, 1, Terms(parts=frozenset({Part.LIVE})))
                case 3:
                    self._turn_down(store)
                case 5:
                    self._deliver(store, 2, Terms(last_priority=4))

    def _append(self, store: Store, group: Sequence[Envelope]) -> None:
        for number, envelope in enumerate(group):
            one = replace(envelope, tells=() if number else self._owed)
            assert one.key not in self.promises.given, f"{one.key} is given twice"
            self.promises.given[one.key] = one
            self._waiting.append(one)
        self._owed = () if group else self._owed
        with suppress(DiskBusy):
            appended = store.append(self._waiting)
            waiting = set(appended.waiting)
            self.promises.kept.update(appended.kept)
            self.promises.answered.update(one.key for one in self._waiting if one.key not in waiting)
            self._waiting = [one for one in self._waiting if one.key in waiting]
            self._owed = appended.owed

    def _deliver(self, store: Store, count: int, terms: Terms | None = None) -> None:
        for envelope in store.lease(count, terms or Terms()):
            self.promises.acked.add(envelope.key)
            self._acked.add(envelope.key)
            store.settle(envelope.key, Acked())
        with suppress(OSError):
            store.commit()
            self.promises.noted |= self._acked

    def _turn_down(self, store: Store) -> None:
        receipts: tuple[Receipt, ...] = (Refused("too big"), Deferred("later"))
        for envelope, receipt in zip(store.lease(2), receipts, strict=False):
            store.settle(envelope.key, receipt)


def _group(boot: int, number: int) -> list[Envelope]:
    return [
        replace(sealed(boot, number * len(RULES) + at, priority, size), upload=upload, retention=retention)
        for at, (priority, upload, retention, size) in enumerate(RULES)
    ]
