"""Random actions over a spool, and a plain model that knows what each is to answer: three spools, the same answers.

The ledger alone and the segment files behind it are to answer as the model to the last batch: what is leased in which
order, what is evicted, thinned or expired, what is owed. The SQLite spool makes room batch by batch and counts payload
bytes alone, so which batches go differs by right; what must be equal: the order of leases, what expires, that nothing
in flight and nothing more important goes, and that every batch is delivered, or told as lost, once and not both.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_agent.records import (
    Acked,
    Deferred,
    Envelope,
    EnvelopeKey,
    LostRange,
    Part,
    Purpose,
    Receipt,
    Refused,
    Retention,
    Terms,
    Upload,
)
from edge_agent.spool.framing import Lifetime, lifetime_of, record_length, stream_in
from edge_agent.spool.ledger import Incoming, Ledger
from edge_agent.spool.naming import segment_named
from edge_agent.spool.opening import open_store
from edge_agent.spool.store import Store
from edge_agent.spool.stream import Segment
from tests.contract.sqlite_spool import SqliteSpool
from tests.spool.driven_clock import NOON_S, NS, DrivenClock
from tests.spool.parts import Ear, sealed
from tests.spool.plain_model import Item, Lost, PlainModel, item_of

CAP_BYTES = 16_000
SHARE = CAP_BYTES // 16
BUDGET_BYTES = CAP_BYTES - 2 * SHARE
SEGMENT_BYTES = 1_000

RETENTIONS = st.sampled_from(
    [Retention(), Retention(powered_s=90), Retention(wall_s=200), Retention(thin=2)]
) | st.builds(Retention, st.sampled_from([0, 1, 150]), st.sampled_from([0, 50]), st.integers(1, 3))
TERMS = st.builds(
    Terms,
    st.sampled_from([frozenset(Part), frozenset({Part.LIVE}), frozenset({Part.BACKLOG})]),
    st.sampled_from([9, 9, 5, 0]),
    st.booleans(),
)


@dataclass
class Sketch:
    """What a batch is to be like."""

    priority: int
    upload: Upload
    size: int
    rule: str
    retention: Retention
    purposes: Purpose | None = None


SKETCHES = st.builds(
    Sketch,
    st.sampled_from([0, 2, 2, 5, 9, 9]),
    st.sampled_from([Upload.ANY, Upload.ANY, Upload.UNMETERED]),
    st.sampled_from([1, 200, 200, 300, 600, 2_500]),
    st.sampled_from(["idle", "drive"]),
    RETENTIONS,
    st.sampled_from([None, None, None, Purpose(0), Purpose.TRIPS, Purpose.TRIPS | Purpose.LOCATION]),
)


class Door(Protocol):
    """One of the spools, as the actions know it."""

    boot: int

    @property
    def powered_s(self) -> int: ...

    def append(self, envelopes: Sequence[Envelope]) -> tuple[LostRange, ...]: ...
    def lease(self, limit: int, terms: Terms) -> list[EnvelopeKey]: ...
    def settle(self, key: EnvelopeKey, receipt: Receipt) -> None: ...
    def withdraw(self, purposes: Purpose) -> None: ...
    def note(self) -> None: ...
    def close(self) -> None: ...


class LedgerDoor:
    """No files: what is told of them is believed."""

    def __init__(self, clock: DrivenClock) -> None:
        self.boot = 1
        self._clock = clock
        self._books = Ledger(budget_bytes=BUDGET_BYTES, segment_bytes=SEGMENT_BYTES)
        self._rules: dict[EnvelopeKey, str] = {}

    @property
    def powered_s(self) -> int:
        return int(self._clock.elapsed_s)

    def append(self, envelopes: Sequence[Envelope]) -> tuple[LostRange, ...]:
        self._expire()
        self._rules |= {envelope.key: envelope.rule for envelope in envelopes}
        admission = self._books.admit([self._incoming(one) for one in envelopes], None, self._rules_of)
        if self._books.doomed or admission.lost:
            self.note()
        placements = self._books.place(admission.admitted)
        self._books.commit(placements)
        kept = {placement.key for placement in placements}
        for envelope in envelopes:
            if envelope.key in kept:
                self._books.owed.tell(envelope.key, envelope.tells)
        assert self._books.total_bytes <= BUDGET_BYTES
        return self._books.owed.to_tell()

    def lease(self, limit: int, terms: Terms) -> list[EnvelopeKey]:
        self._expire()
        return [lease.key for lease in self._books.lease(limit, terms, powered_s=self.powered_s)]

    def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        match receipt:
            case Acked():
                self._books.settle(key)
            case Deferred():
                self._books.give_back(key)
            case Refused():
                self._books.lose(key, "refused")

    def withdraw(self, purposes: Purpose) -> None:
        self._books.withdraw(purposes)
        self.note()

    def note(self) -> None:
        for segment in self._books.sweep():
            assert segment.dead
            self._books.buried(segment)
        for segment in self._books.shrunk:
            self._books.rewritten(segment)

    def close(self) -> None:
        pass

    def _expire(self) -> None:
        due = self._books.next_expiry
        wall_s = NOON_S + int(self._clock.elapsed_s) if self._clock.synced else None
        expired = self._books.expire(self.powered_s, wall_s)
        assert not expired or self.powered_s > (due[0] or 10**12) or (wall_s or 0) > (due[1] or 10**12)

    def _incoming(self, one: Envelope) -> Incoming:
        lifetime: Lifetime = lifetime_of(one, self.powered_s)
        return Incoming(one.key, one.priority, record_length(one), one.upload, lifetime, one.purposes)

    def _rules_of(self, segment: Segment) -> list[str]:
        return [self._rules[segment.key(index)] for index in range(segment.count)]


class StoreDoor:
    """The segment files."""

    def __init__(self, folder: Path, clock: DrivenClock) -> None:
        self._folder, self._clock, self._log = folder, clock, Ear()
        self._store: Store = open_store(
            folder, cap_bytes=CAP_BYTES, segment_bytes=SEGMENT_BYTES, log=self._log, clock=clock
        )
        self.boot = self._store.boot.boot

    @property
    def powered_s(self) -> int:
        return self._store.powered_s

    def append(self, envelopes: Sequence[Envelope]) -> tuple[LostRange, ...]:
        appended = self._store.append(envelopes)
        assert sum(path.stat().st_size for path in self._folder.glob("*.seg")) <= BUDGET_BYTES
        return tuple(appended.owed)

    def lease(self, limit: int, terms: Terms) -> list[EnvelopeKey]:
        envelopes = self._store.lease(limit, terms)
        for one in envelopes:
            assert one.payload == sealed(one.key.boot, one.key.seq, size=len(one.payload)).payload
        return [envelope.key for envelope in envelopes]

    def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        self._store.settle(key, receipt)

    def withdraw(self, purposes: Purpose) -> None:
        self._store.withdraw(purposes)
        self._store.wipe(purposes)
        left = [path.name for path in self._folder.rglob("*.seg*")]
        assert not [name for name in left if (named := segment_named(name)) and named[0].stream.concerns(purposes)]
        headers = [path.read_bytes()[:16] for path in (self._folder / "refused").iterdir()]
        assert not [stream for header in headers if (stream := stream_in(header)) and stream.concerns(purposes)]

    def note(self) -> None:
        self._store.commit()

    def close(self) -> None:
        self._store.close()

    def alarms(self) -> set[str]:
        return set(self._log.alarms())


class SqliteDoor:
    """The oracle's loop is run for each call."""

    def __init__(self, folder: Path, clock: DrivenClock) -> None:
        self._spool = SqliteSpool(folder, CAP_BYTES // 2, clock)
        self.boot = self._spool.boot.boot

    @property
    def powered_s(self) -> int:
        return self._spool.powered_s

    def append(self, envelopes: Sequence[Envelope]) -> tuple[LostRange, ...]:
        return tuple(asyncio.run(self._spool.append(envelopes)).owed)

    def lease(self, limit: int, terms: Terms) -> list[EnvelopeKey]:
        return [envelope.key for envelope in self._spool.take(limit, terms)]

    def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        asyncio.run(self._spool.settle(key, receipt))

    def withdraw(self, purposes: Purpose) -> None:
        self._spool.withdraw(purposes)

    def note(self) -> None:
        pass

    def close(self) -> None:
        asyncio.run(self._spool.close())


def reasons(lost: Sequence[LostRange]) -> Lost:
    return {EnvelopeKey(one.boot, seq): one.why for one in lost for seq in range(one.first_seq, one.last_seq + 1)}


class SpoolActions(RuleBasedStateMachine):
    """What holds of any spool; `exact` ones make room as the model does."""

    exact = False

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="actions-"))
        self.clock = DrivenClock()
        self.model = PlainModel(BUDGET_BYTES if self.exact else 10**12, SEGMENT_BYTES if self.exact else 10**12)
        self.door = self.opened()
        self.seq = 0
        self.priority: dict[EnvelopeKey, int] = {}
        self.acked: set[EnvelopeKey] = set()
        self.untold: Lost = {}
        self.told: dict[EnvelopeKey, Lost] = {}
        self.arrived: Lost = {}
        """what the far end was told as lost"""
        self.returned: tuple[LostRange, ...] = ()
        self.notes()

    def opened(self) -> Door:
        raise NotImplementedError

    @initialize(synced=st.sampled_from([True, True, None]))
    def begin(self, synced: bool | None) -> None:
        self.clock.synced = synced

    @rule(sketches=st.lists(SKETCHES, max_size=4), told_at_once=st.integers(0, 3))
    def append(self, sketches: list[Sketch], told_at_once: int) -> None:
        envelopes = [self.envelope(sketch, told_at_once) for sketch in sketches]
        self.look_at_the_time()
        items = [item_of(envelope, self.model.powered_s) for envelope in envelopes]
        self.lose(self.model.expire())
        before = {item.key: item for item in [*self.model.held(), *items]}
        lost, kept = self.model.append(items)

        self.returned = self.door.append(envelopes)
        owed = reasons(self.returned)

        if not self.exact:
            lost = self.follow(owed, before, items)
            kept = [item for item in items if item.key not in lost]
        self.lose(lost)
        if self.model.must_note:
            self.notes()
        for envelope in envelopes:
            if envelope.key in {item.key for item in kept}:
                self.tell(envelope)
        everything = self.untold | {key: why for one in self.told.values() for key, why in one.items()}
        assert self.untold.items() <= owed.items() <= everything.items()
        self.told = {
            carrier: {key: why for key, why in one.items() if key not in owed} for carrier, one in self.told.items()
        }
        self.untold = owed

    @rule(sketch=SKETCHES, count=st.integers(5, 15))
    def append_many_alike(self, sketch: Sketch, count: int) -> None:
        self.append([sketch] * count, 0)

    @rule(limit=st.integers(1, 6), terms=TERMS)
    def lease(self, limit: int, terms: Terms) -> None:
        self.look_at_the_time()
        self.lose(self.model.expire())
        expected = self.model.may_be_leased(terms)[:limit]

        assert self.door.lease(limit, terms) == expected
        for key in expected:
            self.model.item(key).in_flight = True

    @precondition(lambda self: self.in_flight())
    @rule(data=st.data(), receipt=st.sampled_from([Acked(), Acked(), Deferred("later"), Refused("too big")]))
    def settle(self, data: st.DataObject, receipt: Receipt) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_flight())))
        self.door.settle(key, receipt)
        item = self.model.item(key)
        item.in_flight = False
        if isinstance(receipt, Acked):
            item.settled = True
            self.acked.add(key)
            self.arrived |= self.told.pop(key, {})
        elif isinstance(receipt, Refused):
            item.settled = True
            self.lose({key: "refused"})

    @rule(purposes=st.sampled_from([Purpose.TRIPS, Purpose.LOCATION, Purpose.TRIPS | Purpose.CALENDAR]))
    def withdraw(self, purposes: Purpose) -> None:
        self.door.withdraw(purposes)
        self.lose(self.model.withdraw(purposes))
        self.notes()

    @rule(seconds=st.sampled_from([1, 20, 45, 60, 100]))
    def time_goes_on(self, seconds: int) -> None:
        self.clock.elapsed_s += seconds

    @rule()
    def note(self) -> None:
        self.door.note()
        self.model.sweep()
        self.notes()

    @invariant()
    def every_batch_is_somewhere_and_in_one_place_alone(self) -> None:
        held = {item.key for item in self.model.held()}
        told = {key for one in self.told.values() for key in one}
        assert held | self.acked | set(self.untold) | told | set(self.arrived) >= set(self.priority)
        assert not held & (self.acked | set(self.untold))

    def teardown(self) -> None:
        for _ in range(4):
            for key in self.in_flight():
                self.door.settle(key, Acked())
                self.finish(key)
            self.lease(10**6, Terms())
            for key in self.in_flight():
                self.door.settle(key, Acked())
                self.finish(key)
            if self.untold:
                self.append([Sketch(0, Upload.ANY, 1, "idle", Retention())], 10**6)
        self.append([], 0)
        assert not self.untold
        assert not self.told
        assert set(self.priority) == self.acked | set(self.arrived)
        self.door.close()
        shutil.rmtree(self.home)

    def finish(self, key: EnvelopeKey) -> None:
        item = self.model.item(key)
        item.in_flight, item.settled = False, True
        self.acked.add(key)
        self.arrived |= self.told.pop(key, {})

    def in_flight(self) -> list[EnvelopeKey]:
        return [item.key for item in self.model.held() if item.in_flight]

    def look_at_the_time(self) -> None:
        self.model.powered_s = self.door.powered_s
        self.model.wall_s = NOON_S + int(self.clock.elapsed_s) if self.clock.synced else None

    def envelope(self, sketch: Sketch, told_at_once: int) -> Envelope:
        tells, self.returned = self.returned[:told_at_once], self.returned[told_at_once:]
        plain = sealed(self.door.boot, self.seq, sketch.priority, sketch.size, tells=tells)
        self.seq += 1
        self.priority[plain.key] = sketch.priority
        closed_ns = (NOON_S + int(self.clock.elapsed_s) - self.seq % 30) * NS
        return replace(
            plain,
            upload=sketch.upload,
            rule=sketch.rule,
            retention=sketch.retention,
            closed_ns=closed_ns,
            purposes=sketch.purposes,
        )

    def lose(self, lost: Lost) -> None:
        """A lost batch's own tellings are to be told again."""
        for key in lost:
            self.untold |= self.told.pop(key, {})
        self.untold |= lost

    def tell(self, envelope: Envelope) -> None:
        named = {key: why for key, why in reasons(envelope.tells).items() if self.untold.get(key) == why}
        whole = [one for one in envelope.tells if all(key in named for key in reasons([one]))]
        if told := reasons(whole):
            self.told[envelope.key] = told
            self.untold = {key: why for key, why in self.untold.items() if key not in told}

    def follow(self, owed: Lost, before: dict[EnvelopeKey, Item], items: Sequence[Item]) -> Lost:
        """What a spool that makes room in its own way gave up."""
        lost = {key: why for key, why in owed.items() if key in before}
        assert set(lost.values()) <= {"cap", "thinned"}
        assert not any(before[key].in_flight for key in lost)
        least = min((item.stream.priority for item in items), default=10)
        assert all(before[key].stream.priority >= least for key in lost)
        for key in lost:
            before[key].settled = True
        return lost

    def notes(self) -> None:
        """What survives a power cut is as of now."""
        self.noted_settled = self.model.settled()
        self.noted_untold, self.noted_told = dict(self.untold), {key: dict(one) for key, one in self.told.items()}


class LedgerActions(SpoolActions):
    exact = True

    def opened(self) -> Door:
        return LedgerDoor(self.clock)


class StoreActions(SpoolActions):
    exact = True

    def opened(self) -> Door:
        self.starts = 0
        return StoreDoor(self.home / "0", self.clock)

    @rule(cleanly=st.booleans())
    def start_again(self, cleanly: bool) -> None:
        """Reopen the folder after a close, or a copy of it as a power cut would leave it."""
        if cleanly:
            self.door.close()
            self.model.sweep()
            self.notes()
        before, before_s = self.door, self.door.powered_s
        self.starts += 1
        shutil.copytree(self.home / str(self.starts - 1), self.home / str(self.starts))
        self.clock.elapsed_s += 1_000  # parked: the agent did not run
        after = StoreDoor(self.home / str(self.starts), self.clock)
        assert after.alarms() == set()
        known_s = before_s if cleanly else max((item.kept_s for item in self.model.held()), default=0)
        assert known_s <= after.powered_s <= before_s
        if not cleanly:
            before.close()
        self.door = after
        self.model.start_again(self.noted_settled)
        self.untold, self.told, self.returned, self.seq = self.noted_untold, self.noted_told, (), 0
        self.acked -= {item.key for item in self.model.held()}
        self.notes()


class SqliteActions(SpoolActions):
    def opened(self) -> Door:
        return SqliteDoor(self.home, self.clock)


TestLedgerActions = LedgerActions.TestCase
TestLedgerActions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestStoreActions = StoreActions.TestCase
TestStoreActions.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestSqliteActions = SqliteActions.TestCase
TestSqliteActions.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
