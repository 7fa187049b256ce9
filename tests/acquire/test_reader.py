import threading

import pytest

from edge_agent.acquire import reader
from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.reader import ReaderThread, end_all
from edge_agent.clock import SystemClock


class Waiting:
    """Reads nothing until it is stopped, or breaks."""

    name = "drive"
    opened = frozenset({"drive"})

    def __init__(self, error: BaseException | None = None) -> None:
        self.begun = threading.Event()
        self._error = error

    def read(self, backlog: Backlog, stop: threading.Event) -> None:
        assert backlog.take().parts == ()
        self.begun.set()
        if self._error:
            raise self._error
        stop.wait()


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


def test_the_thread_has_its_name_and_ends_when_asked() -> None:
    thread = ReaderThread(Waiting(), Backlog(1, 1, 8))
    thread.start()
    assert "acquire-drive" in names()
    thread.check()
    thread.ask_to_end()
    thread.wait_for_end()

    assert "acquire-drive" not in names()


def test_a_defect_is_raised_where_somebody_asks() -> None:
    thread = ReaderThread(Waiting(ZeroDivisionError("a defect")), Backlog(1, 1, 8))
    thread.start()
    thread.wait_for_end()

    with pytest.raises(ZeroDivisionError, match="a defect"):
        thread.check()


class Hung(Waiting):
    """Its driver does not come back before the test is over."""

    def __init__(self, over: threading.Event) -> None:
        super().__init__()
        self._over = over

    def read(self, backlog: Backlog, stop: threading.Event) -> None:
        super().read(backlog, stop)
        self._over.wait()


def test_several_drivers_that_hang_are_waited_for_no_longer_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "END_S", 0.2)
    over = threading.Event()
    threads = [ReaderThread(Hung(over), Backlog(1, 1, 8)) for _ in range(5)]
    for thread in threads:
        thread.start()

    clock = SystemClock()
    begun_ns = clock.uptime_ns()
    end_all(threads, clock)
    took_ns = clock.uptime_ns() - begun_ns
    over.set()
    end_all(threads, clock)

    assert took_ns < 5 * 200_000_000
    assert "acquire-drive" not in names()
