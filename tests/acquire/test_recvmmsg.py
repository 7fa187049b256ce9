import errno
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.recvmmsg import SO_TIMESTAMPNS, Datagrams, ask_for_times, overruns


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(near), closing(far):
        yield near, far


def received(datagrams: Datagrams, *sources: socket.socket) -> list[bytes]:
    datagrams.clear()
    counts = [datagrams.receive(source) for source in sources]
    assert datagrams.count == sum(counts)
    return [bytes(row[:length]) for row, length in zip(datagrams.rows, datagrams.lengths, strict=True)]


@given(st.lists(st.lists(st.binary(min_size=1, max_size=72), max_size=20), max_size=6))
def test_datagrams_arrive_as_they_were_sent_whatever_came_before(bursts: list[list[bytes]]) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(near), closing(far):
        datagrams = Datagrams(1, 72)
        for burst in bursts:
            for one in burst:
                far.send(one)
            assert received(datagrams, near) == burst
        assert received(datagrams, near) == []


def test_datagrams_of_several_sockets_stand_one_after_the_other(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    other_near, other_far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(other_near), closing(other_far):
        datagrams = Datagrams(2, 16)
        for one in (b"a", b"bb"):
            far.send(one)
            other_far.send(2 * one)
        first = received(datagrams, near, other_near)
        far.send(b"c")
        second = received(datagrams, other_near, near)

    assert first == [b"a", b"bb", b"aa", b"bbbb"]
    assert second == [b"c"]


def test_no_socket_takes_another_ones_turn(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    datagrams = Datagrams(1, 16, at_once=16)
    sent = [number.to_bytes(16, "little") for number in range(39)]
    for one in sent:
        far.send(one)

    assert [received(datagrams, near) for _ in range(4)] == [sent[:16], sent[16:32], sent[32:], []]


def test_times_are_the_kernels_to_the_nanosecond(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    ask_for_times(near)
    datagrams = Datagrams(1, 16)
    began_ns = time.time_ns()
    for _ in range(20):
        far.send(bytes(16))
    ended_ns = time.time_ns()
    count = datagrams.receive(near)
    times = datagrams.times_ns

    assert count == 20
    assert times.dtype == np.int64
    assert began_ns <= times[0] <= times[-1] <= ended_ns
    assert (np.diff(times) >= 0).all()
    assert (times % 1000 != 0).any()


def test_a_time_is_the_one_that_recvmsg_gives(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    ask_for_times(near)
    datagrams = Datagrams(1, 16)
    far.send(bytes(16))
    _, ((_, kind, stamp),), *_ = near.recvmsg(16, 64, socket.MSG_PEEK)
    datagrams.receive(near)
    seconds, nanoseconds = np.frombuffer(stamp, np.dtype("l"))

    assert kind == SO_TIMESTAMPNS
    assert datagrams.times_ns.tolist() == [int(seconds) * 10**9 + int(nanoseconds)]


def test_what_found_no_room_is_counted_exactly_before_another_datagram_comes() -> None:
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as near,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as far,
    ):
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        near.bind(("127.0.0.1", 0))
        for number in range(3000):
            far.sendto(number.to_bytes(16, "little"), near.getsockname())
        kept = Datagrams(1, 16).receive(near)

        assert 0 < kept < 100
        assert overruns(near) == 3000 - kept
        assert overruns(near) == 3000 - kept


def test_a_socket_that_is_closed_says_so(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _ = pair
    datagrams = Datagrams(1, 16)
    near.close()

    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        datagrams.receive(near)
    assert caught.value.errno == errno.EBADF
