"""What may stand in a twin's reported properties, and how what is too much is cut to it, saying so. Pure.

A reported twin holds 32 KB (IoT Hub quotas), and edgeHub refuses a whole patch for one name, text, number or depth that
it does not take (ReportedPropertiesValidator). So each section has a room, all of them together less than a twin holds.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
JsonObject = Mapping[str, JsonValue]

REPORTED_BYTES: Final = 24_000
"""of JSON text in ASCII, which is never shorter than what a hub counts of texts and names. It is a promise of
docs/twin.md: a new section takes its room from the others"""
ROOMS: Final[Mapping[str, int]] = {
    "agent": 300,
    "budget": 450,
    "config": 4_400,
    "consent": 340,
    "databases": 2_400,
    "health": 4_450,
    "link": 150,
    "log_level": 80,
    "power": 110,
    "quiet": 160,
    "rule_status": 2_500,
    "rules": 3_200,
    "schema_version": 300,
    "spool": 430,
    "state": 500,
    "vehicle_state": 2_500,
}
"""bytes of each section with its name; one that is not named here has OTHER_ROOM"""
OTHER_ROOM: Final = 500
OTHERS: Final = 2
"""sections at most that have no room of their own; more are left out, and that is said"""
CUT: Final = "cut"
"""the section that tells what was cut from the others"""
CUT_ROOM: Final = 600
MAX_CHARS: Final = 512
"""of a text; IoT Hub takes 4 KB"""
NAME_CHARS: Final = 64
MAX_DEPTH: Final = 8
"""levels within a section, itself one; the whole twin may have 10"""
MAX_INTEGER: Final = (1 << 52) - 1

LEAST: Final = 64
"""bytes below which a part of something says nothing: then all of it is left out"""

_BETWEEN: Final = len(", ")


def fitted(sections: JsonObject) -> dict[str, JsonValue]:
    """The sections as a hub takes them, each within its room; `cut` tells what was left out, if anything was.

    What a twin cannot say is left out unsaid: null, which would remove its key, a number that JSON lacks, and what
    is nested too deeply.
    """
    fit: dict[str, JsonValue] = {}
    cut: list[str] = []
    others = [section for section in sections if section not in ROOMS]
    for section, body in sections.items():
        if section in others[OTHERS:]:
            cut.append(section)
        elif _says(body, MAX_DEPTH + 1):
            room = ROOMS.get(section, OTHER_ROOM) - _overhead(section)
            fit[section] = _fit(_clean(body, MAX_DEPTH), room, section, cut)
    if cut:
        fit[CUT] = list(_told(cut, CUT_ROOM - _overhead(CUT)))
    return fit


def shortened(text: str, chars: int = MAX_CHARS) -> str:
    """The text, or its beginning and an ellipsis; what Unicode cannot say is replaced."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


def _clean(value: JsonValue, depth: int) -> JsonValue:
    """As `fitted` for everything but size."""
    match value:
        case str():
            return shortened(value)
        case int() if not isinstance(value, bool):
            return max(-MAX_INTEGER, min(MAX_INTEGER, value))
        case Mapping():
            members = {_name(name): one for name, one in value.items() if _says(one, depth)}
            return {name: _clean(one, depth - 1) for name, one in members.items()}
        case Sequence():
            return [_clean(one, depth - 1) for one in value if _says(one, depth)]
    return value


def _says(value: JsonValue, depth: int) -> bool:
    """Whether a member of what has this depth can be reported."""
    if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
        return depth > 1
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _name(name: str) -> str:
    """A name that edgeHub takes: no control character, white space, dot, dollar or hash."""
    taken = "".join("_" if char in ".$#" or char.isspace() or not char.isprintable() else char for char in name)
    return shortened(taken, NAME_CHARS) or "_"


def _fit(value: JsonValue, room: int, place: str, cut: list[str]) -> JsonValue:
    """`value` within `room` bytes: what is small stays whole, the large share what that leaves."""
    if _size(value) <= room:
        return value
    match value:
        case str():
            cut.append(place)
            return _text_within(value, room)
        case Mapping():
            return dict(_members(value, room - len("{}"), place, cut))
        case Sequence():
            return list(_first(value, room - len("[]"), place, cut))
    raise AssertionError(f"{place}: a number takes more than {room} bytes")


def _members(value: JsonObject, room: int, place: str, cut: list[str]) -> Iterator[tuple[str, JsonValue]]:
    """The members there is room to say something of, and that of each."""
    sizes = {name: _overhead(name) + _size(one) for name, one in value.items()}
    least = {name: min(size, _overhead(name) + LEAST) for name, size in sizes.items()}
    first = list(sizes)[: sum(end <= room for end in accumulate(least.values()))]
    left = room - sum(least[name] for name in first)
    shares = _shares({name: sizes[name] - least[name] for name in first}, left)
    for name in first:
        yield name, _fit(value[name], least[name] + shares[name] - _overhead(name), f"{place}.{name}", cut)
    cut += [f"{place}.{name}" for name in list(sizes)[len(first) :]]


def _shares(wanted: Mapping[str, int], room: int) -> dict[str, int]:
    """What each may take: all it wants, or as much as any other."""
    shares: dict[str, int] = {}
    for number, (name, size) in enumerate(sorted(wanted.items(), key=lambda item: item[1])):
        shares[name] = min(size, room // (len(wanted) - number))
        room -= shares[name]
    return shares


def _first(value: Sequence[JsonValue], room: int, place: str, cut: list[str]) -> Iterator[JsonValue]:
    """The items there is room for, and the beginning of the next one."""
    ends = accumulate(_size(one) + _BETWEEN for one in value)
    whole = sum(end <= room for end in ends)
    yield from value[:whole]
    left = room - sum(_size(one) + _BETWEEN for one in value[:whole])
    begun = int(left >= LEAST)
    if begun:
        yield _fit(value[whole], left - _BETWEEN, f"{place}[{whole}]", cut)
    if whole + begun < len(value):
        cut.append(f"{place}[{whole + begun}..{len(value) - 1}]")


def _text_within(text: str, room: int) -> str:
    """The beginning of a text that is too long."""
    sizes = accumulate(_size(char) - len('""') for char in text)
    chars = sum(size <= room - len('"\\u2026"') for size in sizes)
    return f"{text[:chars]}…"


def _told(cut: Sequence[str], room: int) -> Iterator[str]:
    """Of the places that were cut the first, and how many more there are."""
    places = [shortened(place, 2 * NAME_CHARS) for place in cut]
    ends = accumulate(_size(place) + _BETWEEN for place in places)
    first = sum(end <= room - len('[], "and 1000000 more"') for end in ends)
    yield from places[:first]
    if first < len(places):
        yield f"and {len(places) - first} more"


def _overhead(name: str) -> int:
    """Bytes that a member takes besides its value."""
    return len(json.dumps(name)) + len(": ") + _BETWEEN


def _size(value: JsonValue) -> int:
    return len(json.dumps(value))
