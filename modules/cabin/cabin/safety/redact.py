"""A Model and its Limits -> the View that leaves the process. Pure.

What may not be seen is not in the View at all: the page cannot show, keep or leak what it never had.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from cabin.calls.dialstring import dial_string
from cabin.records import Limits, Meeting, Model, Tile

ELLIPSIS = "…"
_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
"""Control, format (bidirectional overrides among them), private use, surrogates, separators of lines."""

View = Mapping[str, object]


def view_of(model: Model, limits: Limits, *, seq: int) -> View:
    """What the page gets, as docs/cabin-api.md has it."""
    return {
        "seq": seq,
        "t": model.t_ms,
        "drive": model.drive.value,
        "market": model.market.value,
        "theme": model.theme,
        "language": model.language,
        "redraw_ms": limits.redraw_ms,
        "locked": not limits.settings,
        "private": model.private_mode,
        "profile": model.profile if limits.settings else None,
        "tiles": [_tile(tile) for tile in model.tiles[: limits.tiles]],
        "connectivity": _connectivity(model, limits),
        "meetings": [_meeting(one, model, limits) for one in _seen(model.meetings, limits.meetings)],
        "reminder": None if model.reminder is None else _meeting(model.reminder, model, limits),
        "trip": None if model.trip is None else _numbers(asdict(model.trip)),
        "dialer": {"state": model.dialer, "meeting": model.dialled_key},
        "parked": _parked(model) if limits.settings else None,
    }


def _seen(meetings: Sequence[Meeting], most: int | None) -> Sequence[Meeting]:
    """All in their order, or the next ones: while driving those that begin at an hour, before those of a whole day.

    An all-day one begins at no moment that a driver could miss, and would hide all day long the one that does.
    """
    return meetings if most is None else sorted(meetings, key=lambda one: one.all_day)[:most]


def cut(text: str, limit: int | None) -> str | None:
    """The text in one line, with at most `limit` characters, the last of them an ellipsis where some are missing.

    None where nothing may be shown. What has no glyph, or turns the direction of what follows, is left out.
    """
    if limit == 0:
        return None
    plain = "".join(" " if one.isspace() else one for one in text if one.isspace() or not _is_invisible(one))
    line = " ".join(plain.split())
    if limit is None or len(line) <= limit:
        return line
    return line[: limit - 1].rstrip() + ELLIPSIS


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE


def _tile(tile: Tile) -> View:
    return _numbers(asdict(tile))


def _numbers(fields: View) -> View:
    """What is no number is not known: a page cannot be sent it."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in fields.items()
    }


def _connectivity(model: Model, limits: Limits) -> View:
    detail = {name: value for name, value in asdict(model.connectivity).items() if name != "word"}
    return {"word": model.connectivity.word, "detail": detail if limits.connectivity_detail else None}


def _meeting(meeting: Meeting, model: Model, limits: Limits) -> View:
    days: Sequence[str] | None = [meeting.first_day, meeting.last_day] if meeting.all_day else None  # type: ignore[list-item]  # both are set where it is all-day
    dial = dial_string(meeting)
    return {
        "key": meeting.key,
        "start_s": meeting.start_s,
        "end_s": meeting.end_s,
        "all_day": days,
        "title": cut(meeting.title, limits.title_chars),
        "place": cut(meeting.place, None) if limits.people and meeting.place else None,
        "organiser": cut(meeting.organiser, None) if limits.people and meeting.organiser else None,
        "cancelled": meeting.cancelled,
        "can_dial": limits.dial and dial is not None and model.dialer != "none",
        "number": dial.number if limits.digits and dial else None,
        "has_link": limits.deep_link and bool(meeting.link),
    }


def _parked(model: Model) -> View:
    return {
        "consent": {purpose.value: answer.value for purpose, answer in model.consent.items()},
        "profiles": list(model.profiles),
        "plots": True,
        "bridge": model.has_bridge,
        "missing_roles": list(model.missing_roles),
    }
