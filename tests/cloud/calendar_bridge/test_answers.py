import pytest

from calendar_bridge.answers import error_code, judged, object_of, retry_after_s
from calendar_bridge.errors import Absent, BridgeError, Refused, Throttled, TokenExpired, Unreachable
from calendar_bridge.ports import Answer

NOW_S = 1_795_348_800.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("37", 37),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 11:00:30 GMT", 0),
        ("99999999", 3600),
        ("", 10),
        ("-5", 10),
        ("٣", 10),
        ("soon", 10),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_has_an_end(text: str, seconds: float) -> None:
    assert retry_after_s({"retry-after": text}, NOW_S) == seconds


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (429, Throttled),
        (503, Throttled),
        (504, Throttled),
        (500, Unreachable),
        (401, TokenExpired),
        (404, Absent),
        (403, Refused),
    ],
)
def test_a_status_has_one_verdict(status: int, verdict: type[BridgeError]) -> None:
    with pytest.raises(verdict):
        judged("Graph", Answer(status, {}, b'{"error": {"code": "x"}}'), NOW_S)


def test_a_good_answer_is_the_answer() -> None:
    answer = Answer(204, {}, b"")
    assert judged("Graph", answer, NOW_S) is answer


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff"])
def test_what_is_no_object_is_a_failure_of_the_service(body: bytes) -> None:
    with pytest.raises(Unreachable):
        object_of("Graph", Answer(200, {}, body))
    assert not error_code(Answer(400, {}, body))


def test_the_code_of_an_error_stands_where_graph_or_oauth_write_it() -> None:
    assert error_code(Answer(400, {}, b'{"error": {"code": "Gone"}}')) == "Gone"
    assert error_code(Answer(400, {}, b'{"error": "invalid_grant"}')) == "invalid_grant"
