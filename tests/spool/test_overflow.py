from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import ANYTHING, LIVE_S, EnvelopeKey, LostRange, Part, Retention, Terms, Upload
from edge_agent.spool.framing import record_length
from edge_agent.spool.overflow import Overflow
from tests.spool.parts import sealed

ONE = record_length(sealed(1, 0, 3, 1_000))
"""bytes of one that is held"""


def holding(*priorities: int, room: int = 100) -> Overflow:
    """Sequences 0, 1, ... of these priorities."""
    overflow = Overflow(room * ONE)
    overflow.hold([sealed(1, seq, priority, 1_000) for seq, priority in enumerate(priorities)], powered_s=0)
    return overflow


def seqs(overflow: Overflow, limit: int = 99, terms: Terms = ANYTHING, powered_s: int = 0) -> list[int]:
    return [envelope.key.seq for envelope in overflow.lease(limit, terms, powered_s)]


def waiting(overflow: Overflow) -> list[int]:
    return [envelope.key.seq for envelope in overflow.waiting()]


def test_leases_go_by_priority_then_age_each_once() -> None:
    overflow = holding(5, 1, 5, 0)

    assert (seqs(overflow, 3), seqs(overflow), seqs(overflow)) == ([3, 1, 0], [2], [])


def test_what_is_given_back_is_offered_again() -> None:
    overflow = holding(5, 5)
    seqs(overflow)
    overflow.give_back(EnvelopeKey(1, 1))

    assert seqs(overflow) == [1]


def test_the_live_part_goes_first_and_the_backlog_is_what_is_older() -> None:
    overflow = holding(0)
    overflow.hold([sealed(1, 1, 9, 1_000)], powered_s=LIVE_S)
    live, backlog = (Terms(parts=frozenset({part})) for part in (Part.LIVE, Part.BACKLOG))

    assert seqs(overflow, terms=backlog, powered_s=LIVE_S - 1) == []
    assert seqs(overflow, 1, powered_s=LIVE_S) == [1]
    assert seqs(overflow, terms=live, powered_s=LIVE_S) == []
    assert seqs(overflow, terms=backlog, powered_s=LIVE_S) == [0]


def test_terms_hold_back_what_may_not_go_over_this_link() -> None:
    overflow = holding(2, 6)
    overflow.hold([replace(sealed(1, 2, 2, 1_000), upload=Upload.UNMETERED)], powered_s=0)

    assert seqs(overflow, terms=Terms(last_priority=5, unmetered=False)) == [0]
    assert seqs(overflow, terms=Terms(last_priority=5)) == [2]


def test_a_lease_gives_what_a_disk_would_give() -> None:
    overflow = Overflow(ONE)
    given = sealed(1, 0, tells=(LostRange(1, 7, 7, "cap"),))
    overflow.hold([replace(given, upload=Upload.UNMETERED, retention=Retention(powered_s=5), closed_ns=9)], 0)

    assert overflow.lease(1, ANYTHING, 0) == (replace(given, upload=Upload.UNMETERED, tells=()),)


def test_what_is_beyond_the_bound_goes_least_important_first_then_oldest_first() -> None:
    overflow = holding(5, 9, 0, 9, 5, room=2)

    assert [key.seq for key in overflow.shrink()] == [1, 3, 0]
    assert overflow.depth == (2, 2 * ONE)
    assert overflow.shrink() == ()


def test_what_is_in_flight_is_never_given_up() -> None:
    overflow = holding(0, 0, 0, room=1)
    seqs(overflow, 2)

    assert [key.seq for key in overflow.shrink()] == [2]
    assert overflow.depth == (2, 2 * ONE)


def test_one_that_can_never_fit_goes_alone() -> None:
    overflow = holding(9, 9, room=3)
    overflow.hold([sealed(1, 2, 0, 3 * ONE)], powered_s=0)

    assert [key.seq for key in overflow.shrink()] == [2]


def test_what_was_in_flight_when_newer_ones_of_its_stream_went_to_disk_stays_until_it_is_settled() -> None:
    overflow = holding(3, 3, 4, 3)
    assert seqs(overflow, 1) == [0]
    assert waiting(overflow) == [1, 3, 2]

    overflow.written([EnvelopeKey(1, 1), EnvelopeKey(1, 3)])
    overflow.give_back(EnvelopeKey(1, 0))

    assert waiting(overflow) == [2]
    assert seqs(overflow) == [0, 2]
    overflow.drop([EnvelopeKey(1, 0)])
    assert EnvelopeKey(1, 0) not in overflow


def test_settling_what_is_not_in_flight_is_a_mistake() -> None:
    overflow = holding(3)

    with pytest.raises(AssertionError, match="batch 1/0 is not leased"):
        overflow.in_flight(EnvelopeKey(1, 0))


def test_clearing_names_all_there_was() -> None:
    overflow = holding(3, 0, 3)
    seqs(overflow, 1)

    assert [key.seq for key in overflow.clear()] == [0, 1, 2]
    assert overflow.depth == (0, 0)


@given(
    sizes=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3_000)), max_size=30),
    leased=st.integers(0, 5),
    room=st.integers(0, 20_000),
)
def test_however_it_is_filled_it_ends_within_its_bound_or_with_what_is_in_flight(
    sizes: list[tuple[int, int]], leased: int, room: int
) -> None:
    overflow = Overflow(room)
    overflow.hold([sealed(1, seq, priority, size) for seq, (priority, size) in enumerate(sizes)], 0)
    in_flight = set(seqs(overflow, leased))

    gone = {key.seq for key in overflow.shrink()}

    left = {seq for seq in range(len(sizes)) if EnvelopeKey(1, seq) in overflow}
    assert not gone & in_flight
    assert gone | left == set(range(len(sizes)))
    length = sum(record_length(sealed(1, seq, *sizes[seq])) for seq in left)
    assert overflow.depth == (len(left), length)
    assert length <= room or left == in_flight


def test_what_waited_longer_than_its_rule_allows_goes_but_not_while_it_is_in_flight() -> None:
    overflow = Overflow(100 * ONE)
    lasting = [Retention(), Retention(powered_s=50), Retention(wall_s=50), Retention(powered_s=50)]
    held = [replace(sealed(1, seq, 3 - seq), retention=one, closed_ns=10**9) for seq, one in enumerate(lasting)]
    overflow.hold(held, powered_s=100)
    assert seqs(overflow, 1) == [3]

    assert (overflow.may_expire, overflow.expire(150, None), overflow.expire(150, 51)) == (True, (), ())
    assert overflow.expire(151, None) == (EnvelopeKey(1, 1),)
    assert overflow.expire(151, 52) == (EnvelopeKey(1, 2),)
    overflow.give_back(EnvelopeKey(1, 3))
    assert overflow.expire(151, None) == (EnvelopeKey(1, 3),)
    assert (overflow.may_expire, seqs(overflow)) == (False, [0])
