import logging

import pytest

from edge_agent.uplink.mqtt_door import causes_of, reason_of, silenced


def test_an_error_comes_before_what_caused_it_whether_it_was_said_or_not() -> None:
    innermost, handling, outermost = ValueError("innermost"), OSError("while handling it"), RuntimeError("outermost")
    handling.__context__, outermost.__cause__ = innermost, handling

    assert [str(error) for error in causes_of(outermost)] == ["outermost", "while handling it", "innermost"]


def test_an_error_without_a_text_is_told_by_its_kind() -> None:
    assert [reason_of(TimeoutError()), reason_of(OSError("no route"))] == ["TimeoutError", "no route"]


def test_a_client_that_is_silenced_warns_nobody(caplog: pytest.LogCaptureFixture) -> None:
    silenced("a.client.of.the.tests").error("that the broker is away")

    assert caplog.records == []
    assert logging.getLogger("a.client.of.the.tests").level == logging.CRITICAL
