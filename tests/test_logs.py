import io
import json
import logging
from collections.abc import Callable
from typing import TextIO

import pytest
import structlog

from edge_agent.logs import LEVELS, configure

SetUp = Callable[[str, TextIO], None]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, TextIO], None]:
    """`configure` as in a fresh process: pytest's own handlers come to the root logger after the fixtures."""

    def fresh(level: str, out: TextIO) -> None:
        if not any(type(one).__name__ == "_Foreign" for one in logging.getLogger().handlers):
            monkeypatch.setattr(logging.getLogger(), "handlers", [])
        configure(level, out)

    return fresh


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_line_of_json(set_up: SetUp) -> None:
    out = io.StringIO()
    set_up("info", out)

    structlog.get_logger().info("app.agent_started", boot=3, buses=["can0"])

    [line] = lines(out)
    timestamp = str(line.pop("timestamp"))
    assert timestamp.endswith("Z")
    assert line == {"event": "app.agent_started", "level": "info", "boot": 3, "buses": ["can0"]}


def test_on_a_terminal_it_is_for_eyes(set_up: SetUp) -> None:
    out = Terminal()
    set_up("info", out)

    structlog.get_logger().info("app.agent_started", boot=3)

    assert "app.agent_started" in out.getvalue()
    assert not out.getvalue().startswith("{")


@pytest.mark.parametrize(
    ("level", "heard"),
    [("verbose", 4), ("debug", 4), ("info", 3), ("warning", 2), ("error", 1), ("fatal", 0)],
)
def test_iot_edges_words_choose_the_level(set_up: SetUp, level: str, heard: int) -> None:
    out = io.StringIO()
    set_up(level, out)
    log = structlog.get_logger()

    log.debug("a.b")
    log.info("a.b")
    log.warning("a.b")
    log.error("a.b")

    assert len(lines(out)) == heard
    assert level in LEVELS


def test_an_exception_is_told_in_one_line(set_up: SetUp) -> None:
    out = io.StringIO()
    set_up("info", out)

    structlog.get_logger().error("app.broken", exc_info=ValueError("two\nlines"))

    [line] = lines(out)
    assert "ValueError: two\nlines" in str(line["exception"])


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
    set_up("info", second)

    structlog.get_logger().info("a.b")
    logging.getLogger("some.library").warning("once")

    assert first.getvalue() == ""
    assert [line["event"] for line in lines(second)] == ["a.b", "foreign.warned"]
