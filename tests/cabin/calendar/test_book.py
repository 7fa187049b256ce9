from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.calendar.book import LONGEST_S, MOST_ITEMS, Book, Moment
from cabin.calendar.seal import CarKey
from tests.cabin.calendar.bridge import at_hour, sealed_item

BERLIN = ZoneInfo("Europe/Berlin")
KEY = CarKey.fresh()
NOW = 1_795_334_400.0
MOMENT = Moment(NOW, 0.0)


def item(name: str = "a", version: int = 1, **others: Any) -> dict[str, object]:
    return at_hour(KEY, others.pop("profile", "p1"), name, NOW + 600, version) | others


def names(book: Book, profile: str = "p1", moment: Moment = MOMENT) -> set[str]:
    return {one.key for one in book.meetings(profile, moment)}


def test_the_whole_map_is_taken_and_what_is_not_in_it_any_more_is_withdrawn() -> None:
    book = Book()
    a, b, c = item("a"), item("b"), item("c", profile="p2")
    assert book.apply({"p1": {"a": a, "b": b}, "p2": {"c": c}}, KEY, MOMENT).taken == 3
    assert list(book.profiles) == ["guest", "p1", "p2"]

    assert book.apply({"p1": {"b": b}}, KEY, MOMENT).changed
    assert names(book) == {"b"}
    assert list(book.profiles) == ["guest", "p1"]


def test_nothing_is_judged_twice() -> None:
    book, map_ = Book(), {"p1": {"a": item("a"), "bad": {"n": 1}}}
    book.apply(map_, KEY, MOMENT)
    again = book.apply(map_, KEY, MOMENT)
    assert (again.taken, again.old, again.refused, again.changed) == (0, 0, [], False)


def test_a_version_that_is_not_greater_changes_nothing() -> None:
    book = Book()
    book.apply({"p1": {"a": item("a", 3)}}, KEY, MOMENT)
    book.apply({"p1": {}}, KEY, MOMENT)
    for version in (3, 2):
        assert book.apply({"p1": {"a": item("a", version)}}, KEY, MOMENT).old == 1
    assert names(book) == set()
    assert book.apply({"p1": {"a": item("a", 4)}}, KEY, MOMENT).taken == 1


def test_a_bad_item_is_refused_alone() -> None:
    book = Book()
    others = {"x": item("x") | {"s": "AAAA"}, "y": 5, "z": {"n": True, "u": 1, "s": ""}, "no.name": item("q")}
    judgement = book.apply({"p1": {"a": item("a"), **others}, "guest": {"a": item("a")}, "p2": 7}, KEY, MOMENT)
    assert judgement.taken == 1
    assert sorted(one.place for one in judgement.refused) == [
        "calendar", "calendar.p1", "calendar.p1.x", "calendar.p1.y", "calendar.p1.z", "calendar.p2",
    ]  # fmt: skip
    assert names(book) == {"a"}


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        (Moment(NOW + 3 * 86_400, 0.0), "the wall clock reached its until"),
        (Moment(NOW - 86_400, 3 * 86_400.0), "the wall clock was set back, but the vehicle was on for so long"),
    ],
)
def test_an_item_is_gone_by_whichever_clock_comes_first(moment: Moment, why: str) -> None:
    book = Book()
    until = NOW + 3 * 86_400
    day = ["2026-11-20", "2026-12-10"]
    book.apply({"p1": {"a": sealed_item(KEY, "p1", "a", until_s=until, days=day)}}, KEY, MOMENT)
    assert names(book, moment=Moment(NOW + 3 * 86_400 - 1, 3 * 86_400.0 - 1)) == {"a"}
    assert names(book, moment=moment) == set(), why
    assert book.expire(moment, BERLIN) == 1


def test_no_until_keeps_an_item_for_more_than_a_week() -> None:
    book = Book()
    forever = sealed_item(KEY, "p1", "a", until_s=NOW * 2, days=["2026-11-20", "2026-12-10"])
    book.apply({"p1": {"a": forever}}, KEY, MOMENT)
    assert names(book, moment=Moment(NOW + LONGEST_S - 1, 0.0)) == {"a"}
    assert names(book, moment=Moment(NOW + LONGEST_S, 0.0)) == set()


def test_an_item_is_forgotten_a_quarter_of_an_hour_after_its_end() -> None:
    book = Book()
    book.apply({"p1": {"a": item("a")}}, KEY, MOMENT)
    assert book.expire(Moment(NOW + 600 + 3600 + 899, 0.0), BERLIN) == 0
    assert book.expire(Moment(NOW + 600 + 3600 + 900, 0.0), BERLIN) == 1
    assert book.profiles == ("guest", "p1")


def test_what_came_beside_the_twin_outlives_a_document_without_it() -> None:
    book = Book()
    book.add("p1", {"filled": item("filled")}, KEY, MOMENT)
    book.apply({"p1": {"a": item("a")}}, KEY, MOMENT)
    assert names(book) == {"a", "filled"}
    book.add("p1", {"filled": None}, KEY, MOMENT)
    assert names(book) == {"a"}


def test_what_the_twin_withdraws_is_gone_though_it_was_filled_in_later_with_more() -> None:
    book = Book()
    book.apply({"p1": {"a": item("a", 1)}}, KEY, MOMENT)
    book.add("p1", {"a": item("a", 2)}, KEY, MOMENT)
    book.apply({}, KEY, MOMENT)
    assert names(book) == set()


def test_what_is_written_is_read_and_says_nothing_of_a_title() -> None:
    book = Book()
    book.apply({"p1": {"secretname": item("secretname", 3)}, "p2": {}}, KEY, MOMENT)
    book.apply({"p1": {"secretname": item("secretname", 3), "other": item("other")}, "p2": {}}, KEY, MOMENT)
    text = book.text(KEY.id, 17.0)
    again = Book.read(text, KEY)
    assert again.text(KEY.id, 17.0) == text
    assert names(again) == {"secretname", "other"}
    assert again.apply({"p1": {"secretname": item("secretname", 3)}}, KEY, MOMENT).old == 1
    assert '"title"' not in text
    assert names(Book.read(text, CarKey.fresh())) == set()


def test_items_are_sealed_to_another_key() -> None:
    book, after = Book(), CarKey.fresh()
    book.apply({"p1": {"a": item("a")}}, KEY, MOMENT)
    book.seal_again(KEY, after)
    text = book.text(after.id, 0.0)
    assert names(Book.read(text, after)) == {"a"}
    assert names(Book.read(text, KEY)) == set()


def test_a_version_is_remembered_until_its_item_could_not_be_brought_back() -> None:
    book = Book()
    book.apply({"p1": {"a": item("a", 3)}}, KEY, MOMENT)
    book.apply({}, KEY, MOMENT)
    book.expire(Moment(NOW + 600 + 3600 + 302_400 + LONGEST_S, 0.0), BERLIN)
    assert '"a":[3,' in book.text(KEY.id, 0.0)
    book.expire(Moment(NOW + 600 + 3600 + 302_400 + LONGEST_S + 1, 0.0), BERLIN)
    assert '"a"' not in book.text(KEY.id, 0.0)


def test_there_is_an_end_to_how_many_are_kept() -> None:
    book = Book()
    first = {f"k{n}": item(f"k{n}") for n in range(MOST_ITEMS)}
    assert book.add("p1", first, KEY, MOMENT).taken == MOST_ITEMS
    [refusal] = book.add("p1", {"more": item("more")}, KEY, MOMENT).refused
    assert "one too many" in refusal.reason


ENTRY = st.fixed_dictionaries(
    {}, optional={"n": st.integers() | st.booleans() | st.none(), "u": st.integers() | st.text(), "s": st.text()}
)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4)


@given(st.dictionaries(st.text(max_size=5), st.dictionaries(st.text(max_size=5), ENTRY | JSON) | JSON))
def test_whatever_stands_in_the_map_is_judged_without_harm(desired: dict[str, object]) -> None:
    book = Book()
    book.apply({"p1": {"a": item("a")}}, KEY, MOMENT)
    judgement = book.apply({"p1": {"a": item("a")}} | desired, KEY, MOMENT)
    assert judgement.taken == 0
    Book.read(book.text(KEY.id, 0.0), KEY)
