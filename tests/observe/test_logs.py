import io
import logging
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import pytest

from edge_agent.observe.logs import LEVELS, Lines, configure
from tests.agent_log import events_in

SetUp = Callable[[str, TextIO], Lines]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> SetUp:
    """`configure` as in a fresh process: pytest's own handlers come to the root logger after the fixtures."""

    def fresh(level: str, out: TextIO) -> Lines:
        if not any(type(one).__name__ == "_Foreign" for one in logging.getLogger().handlers):
            monkeypatch.setattr(logging.getLogger(), "handlers", [])
        return configure(level, out)

    return fresh


def lines(out: io.StringIO) -> list[dict[str, object]]:
    told = list(events_in(out.getvalue()))
    assert len(told) == out.getvalue().count("\n")
    return told


IOT_EDGES = re.compile(
    r"^(?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z)?\s*(<(?P<logLevel>\d)>)?\s*"
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d\s)?\s*(?P<text>.*)"
)
"""what GetModuleLogs knows of a line: its severity, which its filter goes by, and its text"""


@pytest.mark.parametrize(
    ("method", "severity", "word"),
    [("error", 3, "ERR"), ("warning", 4, "WRN"), ("info", 6, "INF"), ("debug", 7, "DBG")],
)
def test_iot_edge_finds_severity_and_text_in_a_line(set_up: SetUp, method: str, severity: int, word: str) -> None:
    out = io.StringIO()
    log = set_up("verbose", out)

    getattr(log, method)("a.b", reason="first\r\nsecond\u2028third")

    [line] = out.getvalue().splitlines()
    found = IOT_EDGES.fullmatch(line)
    assert found is not None
    assert found["logLevel"] == str(severity)
    assert found["text"].startswith(f'[{word}] {{"')
    [told] = lines(out)
    assert told["reason"] == "first\r\nsecond\u2028third"
    stamp = datetime.fromisoformat(str(told["timestamp"]))
    assert abs((datetime.now(UTC) - stamp).total_seconds()) < 5
    assert line[4:34] == f"{stamp:%Y-%m-%d %H:%M:%S}.{stamp.microsecond // 1000:03} +00:00"


def test_a_changed_level_counts_for_loggers_that_there_are(set_up: SetUp) -> None:
    out = io.StringIO()
    log = set_up("info", out)

    for number, level in enumerate(("info", "debug", "error", "info")):
        log.set_level(level)
        log.debug("a.debug", number=number)
        log.info("an.info", number=number)

    told = [(line["event"], line["number"]) for line in lines(out)]
    assert told == [("an.info", 0), ("a.debug", 1), ("an.info", 1), ("an.info", 3)]


def test_an_event_is_one_line_of_json(set_up: SetUp) -> None:
    out = io.StringIO()
    log = set_up("info", out)

    log.info("app.agent_started", boot=3, buses=["can0"])

    [line] = lines(out)
    timestamp = str(line.pop("timestamp"))
    assert timestamp.endswith("Z")
    assert line == {"event": "app.agent_started", "level": "info", "boot": 3, "buses": ["can0"]}


def test_on_a_terminal_it_is_for_eyes(set_up: SetUp) -> None:
    out = Terminal()
    log = set_up("info", out)

    log.info("app.agent_started", boot=3)

    assert "app.agent_started" in out.getvalue()
    assert not re.match("[<{]", out.getvalue())


@pytest.mark.parametrize(
    ("level", "heard"),
    [("verbose", 4), ("debug", 4), ("info", 3), ("warning", 2), ("error", 1), ("fatal", 0)],
)
def test_iot_edges_words_choose_the_level(set_up: SetUp, level: str, heard: int) -> None:
    out = io.StringIO()
    log = set_up(level, out)

    log.debug("a.b")
    log.info("a.b")
    log.warning("a.b")
    log.error("a.b")

    assert len(lines(out)) == heard
    assert level in LEVELS


def test_a_field_that_is_no_json_is_told_as_it_is_written() -> None:
    out = io.StringIO()

    configure("info", out).info("a.b", path=Path("car.dbc"))

    [line] = lines(out)
    assert line["path"] == repr(Path("car.dbc"))


def test_threads_do_not_cut_each_others_lines() -> None:
    out = io.StringIO()
    log = configure("info", out)

    def tell(number: int) -> None:
        for _ in range(200):
            log.info("a.b", number=number, text="x" * 200)

    threads = [threading.Thread(target=tell, args=(number,), name=f"teller-{number}") for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(lines(out)) == 800


def test_what_libraries_warn_of_goes_the_same_way(set_up: SetUp) -> None:
    out = io.StringIO()
    set_up("info", out)

    logging.getLogger("some.library").warning('it said "%s"', "no")
    logging.getLogger("some.library").info("chatter")

    [line] = lines(out)
    assert (line["event"], line["level"]) == ("foreign.warned", "warning")
    assert (line["logger"], line["message"]) == ("some.library", 'it said "no"')


def test_a_library_that_logs_wrongly_breaks_nothing(
    set_up: SetUp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    set_up("info", out)
    monkeypatch.setattr(logging, "raiseExceptions", True)

    logging.getLogger("some.library").warning("%d", "no number")

    assert out.getvalue() == ""
    assert "Logging error" in capsys.readouterr().err


def test_configured_again_it_speaks_to_the_new_stream(set_up: SetUp) -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up("info", first)
    log = set_up("info", second)

    log.info("a.b")
    logging.getLogger("some.library").warning("once")

    assert first.getvalue() == ""
    assert [line["event"] for line in lines(second)] == ["a.b", "foreign.warned"]
