import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.errors import MessageRejected
from cabin.tapin.messages import kept_of, signals_of, status_of, tick_of

TICK = {"t": 1, "seq": 2, "boot": 3, "full": True, "v": {"Vehicle.Speed": [53.2, 12]}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["t", "v", "seq", "boot"]), inner),
    max_leaves=12,
)


def body(**changes: object) -> bytes:
    return json.dumps({**TICK, **changes}).encode()


def test_a_tick_is_read() -> None:
    tick = tick_of(body())
    assert (tick.t_ms, tick.seq, tick.boot, tick.full) == (1, 2, 3, True)
    assert tick.values == {"Vehicle.Speed": (53.2, 12)}


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        (b"{", "tap/v1/tick"),
        (b"[]", "tap/v1/tick"),
        (body(t="1"), "tap/v1/tick t"),
        (body(seq=True), "tap/v1/tick seq"),
        (body(v=[]), "tap/v1/tick v"),
        (body(v={"a": [1]}), "tap/v1/tick v.a"),
        (body(v={"a": [1, -1]}), "tap/v1/tick v.a"),
        (body(v={"a": ["fast", 1]}), "tap/v1/tick v.a"),
        (body(t=-1), "tap/v1/tick t"),
        (body(v={"a": [10**400, 1]}), "tap/v1/tick v.a"),
        (body(v={"a": [1, 10**13]}), "tap/v1/tick v.a"),
        (b'{"t":1,"seq":2,"boot":3,"v":{"a":[NaN,1]}}', "tap/v1/tick v.a"),
        (b'{"t":1,"seq":2,"boot":3,"v":{"a":[1,1e999]}}', "tap/v1/tick v.a"),
    ],
)
def test_a_tick_that_is_none_is_refused_with_its_place(payload: bytes, place: str) -> None:
    with pytest.raises(MessageRejected) as refused:
        tick_of(payload)
    assert refused.value.place == place


@given(st.binary(max_size=40) | JSON.map(lambda one: json.dumps(one).encode()))
def test_whatever_comes_is_read_or_refused(payload: bytes) -> None:
    for read in (tick_of, status_of, signals_of, kept_of):
        try:
            read(payload)
        except MessageRejected as refused:
            assert refused.sentence()  # noqa: PT017  every other exception would end the test


def test_the_will_is_a_status_of_nobody() -> None:
    assert not status_of(b'{"online": false}').online


def test_labels_of_a_value_table_are_read_as_numbers() -> None:
    info = signals_of(b'{"signals": {"Gear": {"unit": "", "labels": {"0": "P", "3": "D"}, "min": 0, "max": null}}}')
    assert info["Gear"].labels == {0: "P", 3: "D"}
    assert (info["Gear"].minimum, info["Gear"].maximum) == (0.0, None)


@pytest.mark.parametrize("limit", ["1e999", "NaN", "1" + "0" * 400])
def test_a_limit_that_is_no_number_is_none(limit: str) -> None:
    assert signals_of(f'{{"signals": {{"a": {{"min": {limit}}}}}}}'.encode())["a"].minimum is None


def test_a_kept_trip_may_have_been_refused() -> None:
    assert kept_of(b'{"id": "t1"}') == ("t1", None)
    assert kept_of(b'{"id": "t1", "refused": "no consent"}') == ("t1", "no consent")
