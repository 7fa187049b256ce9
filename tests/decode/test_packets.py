"""What a transfer does with each packet, and what a bus keeps of its transfers."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.packets import MOST_TRANSFERS, Transfer, Transfers

PATIENCE_NS = 100


def transfer(size: int = 20, *, in_order: bool = True, counted: bool = True) -> Transfer:
    return Transfer(size, patience_ns=PATIENCE_NS, in_order=in_order, can_id=1, counted=counted)


def part(number: int, byte: int = 0) -> bytes:
    return bytes([number, byte]) + bytes(5)


def taken(one: Transfer, indices: Sequence[int]) -> list[int]:
    return [one.take(index, part(index)) for index in indices]


def test_a_message_is_whole_with_its_last_packet_without_what_fills_it_up() -> None:
    one = transfer(16)

    assert one.pending
    assert taken(one, [0, 1, 2]) == [0, 0, 0]
    assert (one.whole, one.pending) == (True, False)
    assert one.payload() == part(0) + part(1) + b"\2\0"


def test_a_gap_in_order_loses_the_message_once_and_takes_what_is_left_of_it() -> None:
    one = transfer(50)

    assert taken(one, [0, 1, 3, 4, 5, 6, 7]) == [0, 0, 1, 0, 0, 0, 0]
    assert not one.whole
    assert not one.pending


def test_packets_out_of_order_are_taken_where_a_receiver_may_ask_for_them() -> None:
    one = transfer(20, in_order=False)

    assert taken(one, [2, 0, 2, 1, 0]) == [0] * 5
    assert one.payload() == (part(0) + part(1) + part(2))[:20]


def test_a_packet_that_says_something_else_the_second_time_is_another_message_s() -> None:
    for in_order in (True, False):
        one = transfer(in_order=in_order)
        one.take(0, part(0))

        assert one.take(0, part(0, 9)) == 2
        assert one.can_id is None


def test_a_packet_from_before_the_last_is_another_message_s_in_order() -> None:
    one = transfer()
    taken(one, [0, 1])

    assert one.take(0, part(0)) == 2


def test_after_a_whole_message_its_last_packet_may_come_again_but_no_other() -> None:
    one = transfer()
    taken(one, [0, 1, 2])

    assert taken(one, [2, 3]) == [0, 1]


def test_each_run_of_packets_that_nothing_announced_is_one_message() -> None:
    one = transfer(0)

    assert taken(one, [3, 4, 4, 5, 1, 2, 7, 0]) == [1, 0, 0, 0, 1, 0, 0, 1]


def test_where_packets_may_come_again_those_that_nothing_announced_are_one_message() -> None:
    assert taken(transfer(0, in_order=False), [3, 4, 1, 2]) == [1, 0, 0, 0]


def test_a_packet_too_short_for_its_place_loses_the_message() -> None:
    for size, packet, lost in ((9, b"\0\0", 0), (9, b"\0", 1), (14, bytes(6), 1)):
        one = transfer(size)
        one.take(0, part(0))

        assert one.take(1, packet) == lost


def test_a_message_nobody_counts_is_lost_without_a_word() -> None:
    one = transfer(counted=False)

    assert taken(one, [0, 2]) == [0, 0]


def test_a_transfer_silent_for_too_long_is_ended_and_counted_once() -> None:
    transfers = Transfers()
    for at_ns, key in ((0, "found"), (0, "expired"), (50, "kept")):
        transfers.begin(key, transfer(), at_ns)

    assert transfers.find("found", 100) is not None
    assert transfers.find("found", 101) is None
    transfers.expire(101)
    assert transfers.incomplete() == 2
    assert transfers.incomplete() == 0
    assert transfers.find("kept", 150) is not None


def test_a_packet_gives_a_transfer_time_again() -> None:
    transfers = Transfers()
    one = transfers.begin("one", transfer(), 0)

    transfers.take(one, 0, part(0), 90)

    assert transfers.find("one", 190) is one


def test_a_transfer_in_place_of_another_ends_it() -> None:
    transfers = Transfers()
    first = transfers.begin("one", transfer(7), 0)
    assert transfers.take(first, 0, part(0), 0)
    transfers.begin("one", transfer(), 0)
    assert transfers.incomplete() == 0

    transfers.begin("one", transfer(), 0)

    assert transfers.incomplete() == 1


@given(st.integers(1, 40))
def test_beyond_the_most_the_one_begun_first_is_given_up_and_counted(more: int) -> None:
    transfers = Transfers()
    for key in range(MOST_TRANSFERS + more):
        transfers.begin(key, transfer(), 0)

    assert transfers.incomplete() == more
    assert transfers.find(more - 1, 0) is None
    assert transfers.find(more, 0) is not None
