import json

from hypothesis import given
from hypothesis import strategies as st

from calendar_bridge.patches import CALENDAR_BYTES, change, digest_of, next_version, room_bytes, size_bytes
from calendar_bridge.records import Held, Item
from calendar_bridge.seal import Sealer

CAR_KEY = "j0DFrbaPJWJK5bIU6nZ6bsltgk09e14a0bpvPiE4KF8"
KEYS = st.integers(0, 9).map("k{}".format)
ITEMS = st.lists(
    st.builds(Item, KEYS, st.integers(0, 99), st.just(1795971600), st.binary(max_size=9)),
    unique_by=lambda item: item.key,
).map(lambda items: tuple(sorted(items, key=lambda item: (item.starts_s, item.key))))


def as_held(items: tuple[Item, ...]) -> dict[str, Held]:
    return {item.key: Held(1, item.until_s, digest_of(item)) for item in items}


@given(ITEMS, ITEMS, st.integers(0, 3000))
def test_a_change_leads_from_what_is_held_to_the_nearest_that_fit(
    before: tuple[Item, ...], after: tuple[Item, ...], room: int
) -> None:
    todo = change(after, as_held(before), room)

    there = {item.key: item.plain for item in before if item.key not in todo.drop}
    there |= {item.key: item.plain for item in todo.put}
    fitting = after[: todo.held]
    assert there == {item.key: item.plain for item in fitting}
    assert sum(map(size_bytes, fitting)) <= room
    assert todo.held + todo.left_out == len(after)
    assert not todo.left_out or sum(map(size_bytes, after[: todo.held + 1])) > room


@given(ITEMS)
def test_what_is_there_already_is_not_sent_again(items: tuple[Item, ...]) -> None:
    assert not change(items, as_held(items), CALENDAR_BYTES)


def test_what_another_process_has_sent_is_sent_again() -> None:
    item = Item("a", 0, 1, b"x")
    assert change((item,), {"a": Held(1, 1)}, 999).put == (item,)


@given(st.binary(max_size=2000))
def test_the_size_is_reckoned_no_smaller_than_it_is(plain: bytes) -> None:
    item = Item("a" * 12, 0, 1795971600, plain)
    sealed = {"n": 1795366800, "u": item.until_s, "s": Sealer(CAR_KEY).seal(item, profile="p", version=1795366800)}

    written = len(json.dumps({item.key: sealed}, separators=(",", ":"))) - 2
    assert written <= size_bytes(item) <= written + 4


def test_the_room_is_what_the_limits_of_the_twin_leave() -> None:
    assert room_bytes(100, {"p1": 5000}, "p1") == CALENDAR_BYTES
    assert room_bytes(100, {"p1": 5000, "p2": 4000}, "p1") == CALENDAR_BYTES - 4000
    assert room_bytes(20_000, {}, "p1") == 31 * 1024 - 20_000
    assert room_bytes(40_000, {}, "p1") == 0


def test_versions_rise_whatever_the_clock_does() -> None:
    assert next_version(1000.9, 5) == 1000
    assert next_version(10, 1000) == 1001


def test_an_item_that_is_to_be_kept_for_longer_is_sent_again() -> None:
    item = Item("a", 0, 2000, b"x")
    assert change((item,), {"a": Held(1, 1000, digest_of(item))}, 999).put == (item,)
