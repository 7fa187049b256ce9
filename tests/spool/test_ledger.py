"""Random actions over the ledger, compared with the plainest model: a list of keys and a set in flight."""

from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_agent.records import EnvelopeKey, LostRange, Part, Terms
from edge_agent.spool.framing import FILE_HEADER_SIZE, Framed, Lifetime
from edge_agent.spool.ledger import Incoming, Leased, Ledger, Placement
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.state import SpoolState
from edge_agent.spool.stream import Segment
from tests.spool.parts import named

BUDGET_BYTES = 6_000
SEGMENT_BYTES = 1_000
GROUPS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([60, 100, 300, 1_500, 7_000])), min_size=1, max_size=5)


def ledger(budget_bytes: int = BUDGET_BYTES) -> Ledger:
    return Ledger(budget_bytes=budget_bytes, segment_bytes=SEGMENT_BYTES)


def put(books: Ledger, *items: tuple[int, int, int]) -> tuple[LostRange, ...]:
    """Commit (seq, priority, length) of boot 1; returns what was lost by it."""
    admission = books.admit([Incoming(EnvelopeKey(1, seq), priority, length) for seq, priority, length in items])
    books.commit(books.place(admission.admitted))
    return admission.evicted + admission.lost


def seqs(lost: tuple[LostRange, ...]) -> list[int]:
    return [key.seq for key in named(lost)]


class LedgerActions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.books = ledger()
        self.seq = 0
        self.priority: dict[EnvelopeKey, int] = {}
        self.length: dict[EnvelopeKey, int] = {}
        self.live: list[EnvelopeKey] = []
        self.in_flight: set[EnvelopeKey] = set()
        self.owed: list[EnvelopeKey] = []
        self.told: dict[EnvelopeKey, set[EnvelopeKey]] = {}
        self.acked: set[EnvelopeKey] = set()
        self.buried: set[EnvelopeKey] = set()

    def incoming(self, group: list[tuple[int, int]]) -> list[Incoming]:
        items = []
        for priority, length in group:
            key = EnvelopeKey(1, self.seq)
            self.seq += 1
            self.priority[key], self.length[key] = priority, length
            items.append(Incoming(key, priority, length))
        return items

    @invariant()
    def what_may_go_is_held(self) -> None:
        held = {self.priority[key] for key in (*self.live, *self.in_flight)}
        for last_priority in (0, 4, 9):
            expected = any(priority <= last_priority for priority in held)
            assert self.books.holds(Terms(last_priority=last_priority)) is expected

    def give_up(self, evicted: list[EnvelopeKey], least: int) -> None:
        assert not self.in_flight.intersection(evicted)
        assert set(evicted) <= set(self.live)
        assert all(self.priority[key] >= least for key in evicted)
        self.live = [key for key in self.live if key not in evicted]
        self.owed += [*evicted, *(lost for key in evicted for lost in self.told.pop(key, ()))]
        if evicted and not self.in_flight:
            most_important = min(self.priority[key] for key in evicted)
            kept = [key for key in self.live if self.priority[key] == most_important]
            assert all(self.priority[key] <= most_important for key in self.live)
            assert all(key > gone for key in kept for gone in evicted if self.priority[gone] == most_important)

    @rule(group=GROUPS, disk_works=st.booleans())
    def append(self, group: list[tuple[int, int]], disk_works: bool) -> None:
        items = self.incoming(group)
        admission = self.books.admit(items)
        evicted, lost = named(admission.evicted), named(admission.lost)
        self.give_up(evicted, min(item.priority for item in items))
        assert [item.key for item in admission.admitted] == [item.key for item in items if item.key not in lost]
        placements = self.books.place(admission.admitted)
        if disk_works:
            self.books.commit(placements)
            self.live += [item.key for item in admission.admitted]
            self.owed += lost
        else:
            self.books.abandon(admission, placements)
        if self.books.doomed:
            self.bury()

    @rule(limit=st.integers(1, 6))
    def lease(self, limit: int) -> None:
        ready = sorted(set(self.live) - self.in_flight, key=lambda key: (self.priority[key], key))

        leased = self.books.lease(limit)

        assert [lease.key for lease in leased] == ready[:limit]
        for lease in leased:
            assert lease.segment.length(lease.index) == self.length[lease.key]
            self.in_flight.add(lease.key)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), end=st.sampled_from(["acked", "deferred", "refused"]))
    def settle(self, data: st.DataObject, end: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_flight)))
        self.in_flight.remove(key)
        if end == "deferred":
            self.books.give_back(key)
            return
        self.live.remove(key)
        told = self.told.pop(key, set())
        if end == "acked":
            self.books.settle(key)
            self.acked.add(key)
        else:
            assert self.books.lose(key, end) == (LostRange(key.boot, key.seq, key.seq, end),)
            self.owed += [key, *told]

    @rule()
    def bury(self) -> None:
        for segment in self.books.sweep():
            assert segment.dead
            self.books.buried(segment)
            self.buried |= {segment.key(index) for index in range(segment.count)}

    @rule()
    def tell(self) -> None:
        """The newest batch on disk tells all there is, and what others tell beside it."""
        ranges = self.books.owed.to_tell()
        handed = set(named(ranges))
        assert set(self.owed) <= handed <= set(self.owed).union(*self.told.values())
        self.told = {key: told - handed for key, told in self.told.items()}
        self.owed = sorted(handed)
        if self.live:
            self.books.owed.tell(max(self.live), ranges)
            self.told.setdefault(max(self.live), set()).update(handed)
            self.owed = []

    @invariant()
    def the_books_balance(self) -> None:
        assert self.books.depth == (len(self.live), sum(self.length[key] for key in self.live))
        assert self.books.total_bytes <= BUDGET_BYTES
        assert sorted(named(self.books.owed.untold)) == sorted(self.owed)
        assert {key: set(named(ranges)) for key, ranges in self.books.owed.told.items()} == {
            key: keys for key, keys in self.told.items() if keys
        }

    @invariant()
    def the_marks_lie_around_what_is_live(self) -> None:
        for stream, marks in self.books.marks().items():
            live = [key for key in self.live if self.priority[key] == stream.priority]
            assert marks.held == max(live, default=None)
            assert not any(marks.covers(key) for key in live)
            assert all(marks.covers(key) for key in self.acked - self.buried if self.priority[key] == stream.priority)


TestLedgerActions = LedgerActions.TestCase
TestLedgerActions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_what_others_still_hold_between_lost_batches_is_not_claimed() -> None:
    books = ledger()
    put(books, (0, 9, 400), (1, 3, 100), (2, 9, 400), (3, 9, 400))

    lost = put(books, (4, 0, 4_800))

    assert lost == (LostRange(1, 0, 0, "cap"), LostRange(1, 2, 2, "cap"))
    assert [lease.key.seq for lease in books.lease(9)] == [4, 1, 3]


def test_the_growing_segment_goes_too_when_it_is_the_only_one() -> None:
    books = ledger()
    put(books, (0, 9, 400), (1, 3, 900))

    assert seqs(put(books, (2, 0, 4_700))) == [0]


def test_what_is_in_flight_stays_and_the_next_segment_goes() -> None:
    books = ledger()
    put(books, (0, 9, 900), (1, 9, 900), (2, 3, 900))
    books.lease(2)
    books.give_back(EnvelopeKey(1, 2))

    assert seqs(put(books, (3, 0, 3_600))) == [1]


def test_a_less_important_batch_is_lost_itself_before_a_more_important_one_goes() -> None:
    books = ledger()
    put(books, (0, 0, 5_500))

    assert seqs(put(books, (1, 5, 900))) == [1]


def test_nothing_is_evicted_for_a_batch_that_would_not_fit_anyway() -> None:
    books = ledger()
    put(books, (0, 9, 900))

    assert seqs(put(books, (1, 0, BUDGET_BYTES))) == [1]
    assert books.depth[0] == 1


def test_what_is_settled_already_goes_before_anything_that_is_needed() -> None:
    books = ledger()
    put(books, (0, 0, 900), (1, 9, 900))
    books.lease(1)
    books.settle(EnvelopeKey(1, 0))

    assert put(books, (2, 0, 4_700)) == ()


def test_a_segment_a_write_failed_on_is_not_written_to_again() -> None:
    books = ledger()
    put(books, (0, 3, 100))
    admission = books.admit([Incoming(EnvelopeKey(1, 1), 3, 100)])
    failed = books.place(admission.admitted)
    books.abandon(admission, failed)

    (again,) = books.place(admission.admitted)

    assert isinstance(again, Placement)
    assert again.segment is not failed[0].segment
    assert again.previous_seq == 0


def test_a_range_that_is_owed_already_is_not_offered_again_after_a_restart() -> None:
    books = ledger()
    books.resume(SpoolState(1, 5, (LostRange(1, 4, 5, "refused"),)), {StreamName(3): 0})
    spans = [Framed(EnvelopeKey(1, seq), None, at, at + 100) for seq, at in ((3, 16), (4, 116), (5, 216))]

    books.adopt(SegmentName(StreamName(3), 0), 1, 316, spans)

    assert [lease.key.seq for lease in books.lease(9)] == [3]


def test_a_settled_segment_between_others_can_go_and_nothing_thinks_it_damaged() -> None:
    books = ledger()
    put(books, *((seq, 3, 900) for seq in range(4)))
    books.lease(3)
    books.settle(EnvelopeKey(1, 1))
    books.settle(EnvelopeKey(1, 2))

    assert [segment.name.number for segment in books.sweep()] == [1, 2]
    assert books.marks()[StreamName(3)].settled is None
    assert books.marks()[StreamName(3)].held == EnvelopeKey(1, 3)


def test_a_key_that_does_not_grow_is_a_mistake_of_ours() -> None:
    books = ledger()
    put(books, (5, 3, 100))

    with pytest.raises(AssertionError, match="1/4 came after 1/5"):
        put(books, (4, 3, 100))


def test_settling_what_is_not_leased_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="1/4 is not leased"):
        ledger().settle(EnvelopeKey(1, 4))


def test_an_empty_segment_takes_its_header_of_the_budget() -> None:
    books = ledger()
    put(books, (0, 3, 100))

    assert books.total_bytes == FILE_HEADER_SIZE + 100


LASTING_90_S = Lifetime(powered_s=10, expires_powered_s=100)
LIVE, BACKLOG = (Terms(frozenset({part})) for part in (Part.LIVE, Part.BACKLOG))


def put_lasting(books: Ledger, *seqs: int, lifetime: Lifetime = LASTING_90_S) -> None:
    items = [Incoming(EnvelopeKey(1, seq), 3, 400, lifetime=lifetime) for seq in seqs]
    books.commit(books.place(books.admit(items).admitted))


def test_what_is_in_flight_does_not_expire_and_does_when_it_comes_back() -> None:
    books = ledger()
    put_lasting(books, 0)
    books.lease(1)
    assert books.expire(101, None) == ()
    in_flight = books.next_expiry

    books.give_back(EnvelopeKey(1, 0))

    assert (in_flight, books.next_expiry) == ((None, None), (100, None))
    assert books.expire(101, None) == (LostRange(1, 0, 0, "expired"),)
    assert books.depth == (0, 0)


def test_nothing_expires_by_a_wall_clock_that_is_not_known_to_be_right() -> None:
    books = ledger()
    put_lasting(books, 0, lifetime=Lifetime(expires_wall_s=1_800_000_000))

    assert books.expire(0, None) == ()
    assert books.expire(0, 1_800_000_000) == ()
    assert books.expire(0, 1_800_000_001) == (LostRange(1, 0, 0, "expired"),)


def test_what_comes_back_into_an_earlier_segment_is_leased_before_the_later_ones() -> None:
    books = ledger()
    put_lasting(books, *range(6))
    assert seqs_of(books.lease(4, BACKLOG, powered_s=1_000)) == [0, 1, 2, 3]

    books.give_back(EnvelopeKey(1, 0))

    assert seqs_of(books.lease(2, BACKLOG, powered_s=1_000)) == [0, 4]


def test_the_live_part_ends_a_minute_after_it_was_kept_and_says_when() -> None:
    books = ledger()
    put_lasting(books, 0)

    assert books.backlog_due(BACKLOG, 20) == 70
    assert seqs_of(books.lease(1, BACKLOG, powered_s=69)) == []
    assert seqs_of(books.lease(1, LIVE, powered_s=70)) == []
    assert books.backlog_due(BACKLOG, 70) is None
    assert seqs_of(books.lease(1, BACKLOG, powered_s=70)) == [0]


def test_a_lease_of_live_ones_looks_at_no_segment_of_a_backlog_of_a_million() -> None:
    books = Ledger(budget_bytes=1 << 31, segment_bytes=1 << 22)
    books.resume(SpoolState(1, 2_000), {StreamName(3): 999})
    looked: list[int] = []

    class Watched(Segment):
        def first_ready(self, begin: int = 0, end: int | None = None) -> int | None:
            looked.append(self.name.number)
            return super().first_ready(begin, end)

    with patch("edge_agent.spool.ledger.Segment", Watched):
        for number in range(1_000):
            start, key = FILE_HEADER_SIZE, EnvelopeKey(1, 2 * number)
            books.adopt(SegmentName(StreamName(3), number), 1, 1_000, [Framed(key, None, start, start + 400)])
    books.commit(books.place([Incoming(EnvelopeKey(2, seq), 3, 100, lifetime=Lifetime(5)) for seq in range(16)]))

    assert seqs_of(books.lease(16, LIVE, powered_s=6)) == list(range(16))
    assert looked == []
    assert seqs_of(books.lease(500, BACKLOG, powered_s=6))[-1] == 998
    assert len(looked) < 1_500


def seqs_of(leased: list[Leased]) -> list[int]:
    return [lease.key.seq for lease in leased]


def test_a_segment_that_is_thinned_and_then_evicted_for_one_batch_is_removed_and_not_rewritten() -> None:
    books = ledger()
    put_lasting(books, *range(10), lifetime=Lifetime(thin=2))
    on_disk = books.total_bytes

    books.admit([Incoming(EnvelopeKey(1, 10), 0, 5_900)], rules_of=lambda segment: ["idle"] * segment.count)

    assert {one.why for one in books.owed.untold} == {"thinned", "cap"}
    assert books.shrunk == ()
    assert sum(segment.size for segment in books.sweep()) == on_disk
