import threading

import pytest

from edge_agent.acquire.backlog import Backlog
from edge_agent.acquire.reader import ReaderThread


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
