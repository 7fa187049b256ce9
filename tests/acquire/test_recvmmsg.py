import errno
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.recvmmsg import SO_TIMESTAMPNS, Datagrams


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(near), closing(far):
        yield near, far


def received(datagrams: Datagrams) -> list[bytes]:
    count = datagrams.receive()
    return [bytes(datagrams.rows[row, : datagrams.lengths(count)[row]]) for row in range(count)]


@given(st.lists(st.lists(st.binary(min_size=1, max_size=72), max_size=20), max_size=6))
def test_datagrams_arrive_as_they_were_sent_whatever_came_before(bursts: list[list[bytes]]) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(near), closing(far):
        datagrams = Datagrams(near, 72)
        for burst in bursts:
            for one in burst:
                far.send(one)
            assert received(datagrams) == burst
        assert received(datagrams) == []


def test_more_than_a_block_comes_in_several(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.acquire.recvmmsg.BLOCK_ROWS", 16)
    near, far = pair
    datagrams = Datagrams(near, 16)
    sent = [number.to_bytes(16, "little") for number in range(39)]
    for one in sent:
        far.send(one)

    assert [received(datagrams) for _ in range(4)] == [sent[:16], sent[16:32], sent[32:], []]


def test_times_are_the_kernels_to_the_nanosecond(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    datagrams = Datagrams(near, 16)
    began_ns = time.time_ns()
    for _ in range(20):
        far.send(bytes(16))
    ended_ns = time.time_ns()
    count = datagrams.receive()
    times = datagrams.times_ns(count)

    assert count == 20
    assert times.dtype == np.int64
    assert began_ns <= times[0] <= times[-1] <= ended_ns
    assert (np.diff(times) >= 0).all()
    assert (times % 1000 != 0).any()


def test_a_time_is_the_one_that_recvmsg_gives(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    datagrams = Datagrams(near, 16)
    far.send(bytes(16))
    _, ((_, kind, stamp),), *_ = near.recvmsg(16, 64, socket.MSG_PEEK)
    datagrams.receive()
    seconds, nanoseconds = np.frombuffer(stamp, np.dtype("l"))

    assert kind == SO_TIMESTAMPNS
    assert datagrams.times_ns(1).tolist() == [int(seconds) * 10**9 + int(nanoseconds)]


def test_what_found_no_room_is_counted_exactly_before_another_datagram_comes() -> None:
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as near,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as far,
    ):
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        near.bind(("127.0.0.1", 0))
        datagrams = Datagrams(near, 16)
        for number in range(3000):
            far.sendto(number.to_bytes(16, "little"), near.getsockname())
        kept = datagrams.receive()

        assert 0 < kept < 100
        assert datagrams.overruns() == 3000 - kept
        assert datagrams.overruns() == 3000 - kept


def test_a_socket_that_is_closed_says_so(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _ = pair
    datagrams = Datagrams(near, 16)
    near.close()

    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        datagrams.receive()
    assert caught.value.errno == errno.EBADF
