import io
import logging
import threading

import pytest

from edge_agent.acquire.logwatch import AscLines, Complaints, Lines, MalformedLog, WholeReads


def stream(text: str) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(text.encode()))


def test_the_place_counts_empty_lines_that_are_left_out() -> None:
    watched = Lines(stream("one\n\n\ntwo\n"))

    assert [(line, watched.place()) for line in watched] == [("one\n", "line 1: "), ("two\n", "line 4: ")]
    assert watched.line == "two\n"


def test_an_empty_line_ends_an_asc_header_before_the_first_line_with_a_time() -> None:
    watched = AscLines(stream("date x\n 0.1 1 2\n\n 0.2 1 2\n"))

    assert [(line, watched.place()) for line in watched] == [
        ("date x\n", "line 1: "),
        ("\n", "line 2: "),
        (" 0.1 1 2\n", "line 2: "),
        (" 0.2 1 2\n", "line 4: "),
    ]


def test_relative_times_of_an_asc_count_from_the_line_before_whatever_it_is() -> None:
    watched = AscLines(
        stream("base hex timestamps relative\n0.5 Start of measurement\n 0.1 1 2\n// 7.0\n 0.2 Status\n 0.4 1 2\n")
    )

    assert [(line.split()[0], watched.before_ns) for line in watched if line.strip()][1:] == [
        ("0.5", 0),
        ("0.1", 500_000_000),
        ("//", 500_000_000),
        ("0.2", 600_000_000),
        ("0.4", 800_000_000),
    ]


def test_absolute_times_of_an_asc_count_from_the_start() -> None:
    watched = AscLines(stream("base hex timestamps absolute\n 0.1 1 2\n 0.2 base hex timestamps relative\n 0.3 1 2\n"))

    assert {watched.before_ns for _ in watched} == {0}


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
