import json
import math
import os
import unicodedata
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.records import Answer, Connectivity, Drive, Market, Meeting, Model, Purpose, Tile, TripNow
from cabin.safety.limits import limits_of
from cabin.safety.redact import cut, view_of
from tests.cabin.models import drawn, models

DRIVING = st.sampled_from([Drive.IDLING, Drive.MOVING, Drive.UNKNOWN])


PARKED = Model(
    t_ms=1,
    up_ms=1,
    drive=Drive.PARKED,
    market=Market.STRICT,
    tiles=(),
    connectivity=Connectivity("online", True, 0, 0, 0, 0, None, None),  # noqa: FBT003  link_up
    meetings=(),
    reminder=None,
    trip=None,
    trips=(),
    private_mode=False,
    consent=dict.fromkeys(Purpose, Answer.YES),
    profile="p1",
    profiles=("guest", "p1"),
    theme="day",
    language="en",
    dialer="idle",
    dialled_key=None,
    has_bridge=True,
    missing_roles=(),
)


def wire(model: Model) -> str:
    return json.dumps(view_of(model, limits_of(model.drive, model.market), seq=1), ensure_ascii=False, allow_nan=False)


@given(models(DRIVING))
def test_no_byte_beyond_the_table_leaves_while_driving(model: Model) -> None:
    assert_cut(model)


@pytest.mark.timeout(300)
def test_nor_does_one_of_very_many() -> None:
    """`CABIN_WIRE` models; a hundred thousand take about a minute."""
    by = Random(20261122)  # noqa: S311  examples, the same each time
    for _ in range(int(os.environ.get("CABIN_WIRE", "2000"))):
        model = drawn(by)
        assert_cut(model)
        assert "987654" not in wire(model)


def assert_cut(model: Model) -> None:
    view = json.loads(wire(model))
    strict_moving = model.drive is not Drive.IDLING and model.market is Market.STRICT
    shown = view["meetings"] + ([view["reminder"]] if view["reminder"] else [])
    assert len(view["meetings"]) <= (3 if model.drive is Drive.IDLING else 1)
    assert len(view["tiles"]) <= 6
    assert view["locked"]
    assert view["parked"] is None
    assert view["profile"] is None
    assert view["connectivity"]["detail"] is None
    for meeting in shown:
        assert meeting["title"] is None if strict_moving else len(meeting["title"]) <= 30
        assert (meeting["place"], meeting["organiser"], meeting["number"]) == (None, None, None)
        assert not meeting["has_link"]
    text = wire(model)
    assert "123456789" not in text
    assert "+4969" not in text
    assert "https" not in text
    if strict_moving:
        assert "QXZ" not in text


@given(models(st.just(Drive.PARKED)))
def test_parked_shows_every_meeting_whole(model: Model) -> None:
    view = json.loads(wire(model))
    assert [one["key"] for one in view["meetings"]] == [one.key for one in model.meetings]
    for shown, meeting in zip(view["meetings"], model.meetings, strict=True):
        assert shown["title"] == cut(meeting.title, None)
        assert shown["has_link"] == bool(meeting.link)
    assert view["parked"]["consent"] == {purpose.value: answer.value for purpose, answer in model.consent.items()}


@given(models())
def test_a_cancelled_meeting_or_one_without_a_number_is_never_dialled(model: Model) -> None:
    view = json.loads(wire(model))
    for shown, meeting in zip(view["meetings"], model.meetings, strict=False):
        assert shown["can_dial"] == (bool(meeting.tel) and not meeting.cancelled and model.dialer != "none")


@pytest.mark.parametrize("tel", ["call me", "\ud800", "12", "+49 69 36505770\u202e"])
def test_what_cannot_be_dialled_is_no_number(tel: str) -> None:
    meeting = Meeting("a", "p1", 1, 1, 2, None, None, "Review", tel=tel)
    view = json.loads(wire(replace(PARKED, meetings=(meeting,))))
    assert (view["meetings"][0]["can_dial"], view["meetings"][0]["number"]) == (False, None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_known(value: float) -> None:
    model = replace(PARKED, tiles=(Tile("speed", value, "km/h", 1, "live"),), trip=TripNow(value, 1, value))
    view = json.loads(wire(model))
    assert view["tiles"][0]["value"] is None
    assert (view["trip"]["km"], view["trip"]["kwh_per_100km"]) == (None, None)


@given(st.text(max_size=300), st.integers(1, 40))
def test_a_cut_text_is_one_line_of_at_most_so_many_visible_characters(text: str, limit: int) -> None:
    short = cut(text, limit)
    assert short is not None
    assert len(short) <= limit
    assert not [one for one in short if unicodedata.category(one) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}]


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("Review", 30, "Review"),
        ("a" * 31, 30, "a" * 29 + "…"),
        ("two\nlines\tand more", None, "two lines and more"),
        ("pay \u202egnp.exe", None, "pay gnp.exe"),
        ("anything", 0, None),
    ],
)
def test_examples_of_cut_texts(text: str, limit: int | None, short: str | None) -> None:
    assert cut(text, limit) == short


@pytest.mark.parametrize(
    ("drive", "keys"),
    [
        (Drive.PARKED, ["day", "first", "second", "tomorrow"]),
        (Drive.IDLING, ["first", "second", "day"]),
        (Drive.MOVING, ["first"]),
        (Drive.UNKNOWN, ["first"]),
    ],
)
def test_while_driving_the_next_hour_counts_and_not_the_whole_day(drive: Drive, keys: list[str]) -> None:
    first = Meeting("first", "p1", 1, 1000, 1001, None, None, "Review")
    second = replace(first, key="second", start_s=2000, end_s=2001)
    day = Meeting("day", "p1", 1, None, None, "2026-11-22", "2026-11-22", "Training")
    tomorrow = replace(day, key="tomorrow", first_day="2026-11-23", last_day="2026-11-23")
    model = replace(PARKED, drive=drive, meetings=(day, first, second, tomorrow))
    assert [one["key"] for one in json.loads(wire(model))["meetings"]] == keys


def test_a_day_is_shown_while_driving_where_nothing_has_an_hour() -> None:
    day = Meeting("day", "p1", 1, None, None, "2026-11-22", "2026-11-22", "Training")
    model = replace(PARKED, drive=Drive.MOVING, meetings=(day,))
    assert [one["key"] for one in json.loads(wire(model))["meetings"]] == ["day"]
