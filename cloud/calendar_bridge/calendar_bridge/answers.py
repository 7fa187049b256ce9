"""What the status of an HTTP answer means. Pure; the time is an argument."""

import json
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from calendar_bridge.errors import Absent, Refused, Throttled, TokenExpired, Unreachable
from calendar_bridge.ports import Answer

LONGEST_WAIT_S = 3_600.0
"""whatever a service asks for"""
UNSAID_WAIT_S = 10.0
_BUSY = {429, 503, 504}


def judged(service: str, answer: Answer, now_s: float) -> Answer:
    """A good answer. Raises Throttled, Unreachable (5xx), TokenExpired (401), Absent (404), Refused (other 4xx)."""
    match answer.status:
        case status if 200 <= status < 300:  # noqa: PLR2004  good ones
            return answer
        case status if status in _BUSY:
            raise Throttled(service, retry_after_s(answer.headers, now_s))
        case 401:
            raise TokenExpired
        case 404:
            raise Absent(service)
        case status if status >= 500:  # noqa: PLR2004  its own mistakes
            raise Unreachable(service, f"it answers with {status}")
        case status:
            raise Refused(service, status, error_code(answer))


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float:
    """Seconds, or a date (RFC 9110, 10.2.3); 10 s where neither can be read, an hour at most."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(LONGEST_WAIT_S, float(text))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return UNSAID_WAIT_S
    seconds = at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now_s
    return min(LONGEST_WAIT_S, max(0.0, seconds))


def object_of(service: str, answer: Answer) -> Mapping[str, object]:
    """The JSON object of an answer. Raises Unreachable."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise Unreachable(service, "its answer is not JSON") from error
    if not isinstance(found, dict):
        raise Unreachable(service, "its answer is not an object")
    return found


def error_code(answer: Answer) -> str:
    """`error.code` as Graph and Key Vault have it, or `error` as OAuth 2 does; empty where there is none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    code = error.get("code") if isinstance(error, dict) else error
    return code[:80] if isinstance(code, str) else ""
