import io
import logging
import threading

import pytest

from edge_agent.acquire.logwatch import Complaints, Lines, MalformedLog, WholeReads


def lines(text: str, *, asc: bool = False) -> Lines:
    return Lines(io.BufferedReader(io.BytesIO(text.encode())), asc=asc)


def test_the_place_counts_empty_lines_that_are_left_out() -> None:
    watched = lines("one\n\n\ntwo\n")

    assert [(line, watched.place()) for line in watched] == [("one\n", "line 1: "), ("two\n", "line 4: ")]


def test_an_empty_line_ends_an_asc_header_before_the_first_line_with_a_time() -> None:
    assert list(lines("date x\n 0.1 1 2\n 0.2 1 2\n", asc=True)) == ["date x\n", "\n", " 0.1 1 2\n", " 0.2 1 2\n"]


def test_a_short_read_of_an_object_is_the_end_of_the_file_too_early() -> None:
    watched = WholeReads(io.BufferedReader(io.BytesIO(bytes(40))))
    watched.read(16)

    with pytest.raises(EOFError, match="ends inside an object"):
        watched.read(32)


def test_a_missing_header_or_missing_padding_is_the_end_of_the_log() -> None:
    watched = WholeReads(io.BufferedReader(io.BytesIO(bytes(33))))
    assert len(watched.read(32)) == 32

    assert len(watched.read(3)) == 1
    assert watched.read(16) == b""


def test_a_warning_on_this_thread_is_raised_where_it_was_given_and_on_another_it_is_not() -> None:
    theirs = logging.getLogger("can.io.trc")
    with Complaints():
        other = threading.Thread(target=theirs.warning, args=("a line of another log",))
        other.start()
        other.join()
        theirs.info("nothing is lost")
        with pytest.raises(MalformedLog, match="line lost"):
            theirs.warning("line %s", "lost")

    theirs.warning("nobody listens any more")
