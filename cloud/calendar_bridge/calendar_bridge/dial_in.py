"""The number and the conference's id out of a Graph event's `onlineMeeting`; never out of its text. Pure.

Graph fills the fields where the organiser has a licence for audio conferencing, and has left them out at times where it
had (microsoft-graph-docs issues 10215 and 15861): having none is usual. A number in a body is not used, for the one
that stands there may lack the id, or be the meeting's own id.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164"""
CONFERENCE = re.compile(r"[0-9]{3,15}")
_SEPARATORS = re.compile(r"[\s().\-/]+")
_TRUNK = re.compile(r"^(\+[0-9 ]+)\(0\)")
"""`+49 (0) 69`: the zero in brackets is not dialled from abroad"""


@dataclass(frozen=True, slots=True)
class DialIn:
    """What is dialled; both empty where there is no number."""

    number: str = ""
    conference: str = ""


def dial_in(meeting: object) -> DialIn:
    """Toll number first, as toll-free ones end at a border; then those, any phone, the ready-made `quickDial`."""
    if not isinstance(meeting, Mapping):
        return DialIn()
    quick_number, quick_conference = _quick(meeting.get("quickDial"))
    number = next((one for one in map(_number, _numbers(meeting)) if one), quick_number)
    if not number:
        return DialIn()
    return DialIn(number, _conference(meeting.get("conferenceId")) or quick_conference)


def _numbers(meeting: Mapping[str, object]) -> Iterator[object]:
    yield meeting.get("tollNumber")
    yield from _list(meeting.get("tollFreeNumbers"))
    yield from (phone.get("number") for phone in _list(meeting.get("phones")) if isinstance(phone, Mapping))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _number(value: object) -> str:
    if not isinstance(value, str):
        return ""
    plain = _SEPARATORS.sub("", _TRUNK.sub(r"\1", value.removeprefix("tel:")))
    return plain if NUMBER.fullmatch(plain) else ""


def _conference(value: object) -> str:
    plain = re.sub(r"[\s#]+", "", value) if isinstance(value, str) else ""
    return plain if CONFERENCE.fullmatch(plain) else ""


def _quick(value: object) -> tuple[str, str]:
    if not isinstance(value, str):
        return "", ""
    number, _, conference = value.partition(",")
    return _number(number), _conference(conference.strip(", "))
