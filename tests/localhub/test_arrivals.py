import contextlib
import json
import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import DiskBusy, PayloadRefused
from edge_agent.localhub.arrivals import Arrival, ArrivalLog, read_arrivals
from edge_agent.localhub.identities import ModuleId

AGENT = ModuleId("v1", "agent")


def test_a_message_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "arrived.jsonl"
    with ArrivalLog(path) as log:
        log.append(AGENT, {"$.on": "bulk", "schema": "columns/1 ü"}, b"\x1f\x8b\n", at_ms=5)
        assert list(read_arrivals(path)) == [
            Arrival(1, 5, "v1", "agent", "bulk", {"$.on": "bulk", "schema": "columns/1 ü"}, b"\x1f\x8b\n")
        ]


def test_the_line_has_the_published_form(tmp_path: Path) -> None:
    path = tmp_path / "arrived.jsonl"
    with ArrivalLog(path) as log:
        log.append(AGENT, {}, b"abc", at_ms=5)
    assert json.loads(path.read_text()) == {
        "n": 1,
        "at_ms": 5,
        "device": "v1",
        "module": "agent",
        "output": None,
        "properties": {},
        "body": "YWJj",
    }


@given(st.lists(st.binary(max_size=50), max_size=5), st.data())
def test_a_file_cut_anywhere_goes_on_after_its_last_whole_line(bodies: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arrived.jsonl"
        with ArrivalLog(path) as log:
            for body in bodies:
                log.append(AGENT, {}, body, at_ms=0)
        os.truncate(path, data.draw(st.integers(0, path.stat().st_size)))
        whole = path.read_bytes().count(b"\n")
        assert [arrival.body for arrival in read_arrivals(path)] == bodies[:whole]
        with ArrivalLog(path) as log:
            log.append(AGENT, {}, b"next", at_ms=0)
        assert [(one.n, one.body) for one in read_arrivals(path)] == [
            (number, body) for number, body in enumerate([*bodies[:whole], b"next"], 1)
        ]


def test_a_file_that_is_not_there_has_no_arrivals(tmp_path: Path) -> None:
    assert list(read_arrivals(tmp_path / "none")) == []


@pytest.mark.parametrize("line", ["{}", "7", "not JSON", '{"n":1,"body":"*"}'])
def test_a_line_that_is_no_arrival_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "arrived.jsonl"
    with ArrivalLog(path) as log:
        log.append(AGENT, {}, b"", at_ms=0)
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(PayloadRefused, match=r"arrived\.jsonl:2: not an arrival"):
        list(read_arrivals(path))


def test_a_disk_that_takes_half_a_line_keeps_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "arrived.jsonl"
    with ArrivalLog(path) as log:
        log.append(AGENT, {}, b"first", at_ms=0)
        before = path.read_bytes()
        for room in (10, 0):
            with (
                files_of_at_most(len(before) + room),
                pytest.raises(DiskBusy, match=r"arrived\.jsonl cannot be written"),
            ):
                log.append(AGENT, {}, b"second", at_ms=0)
            assert path.read_bytes() == before
        log.append(AGENT, {}, b"third", at_ms=0)
    assert [(one.n, one.body) for one in read_arrivals(path)] == [(1, b"first"), (2, b"third")]


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The kernel takes what fits and refuses the rest, as on a full disk (Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
