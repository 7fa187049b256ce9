import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.calendar.seal import CarKey, Sealed
from cabin.errors import MessageRejected
from tests.cabin.calendar.sealing import VECTORS, seal

TOLD = json.loads(VECTORS.read_text())
KEY = CarKey(bytes.fromhex(TOLD["car_private"]))


def sealed(**changes: Any) -> Sealed:
    one = TOLD["items"][0]
    return replace(Sealed(one["profile"], one["key"], one["version"], one["until_s"], one["sealed"]), **changes)


@pytest.mark.parametrize("one", TOLD["items"], ids=lambda one: one["key"])
def test_the_vectors_open(one: dict[str, Any]) -> None:
    item = Sealed(one["profile"], one["key"], one["version"], one["until_s"], one["sealed"])
    assert KEY.open(item).decode() == one["plain"]


def test_the_public_key_is_the_vectors() -> None:
    assert KEY.public.hex() == TOLD["car_public"]
    assert len(KEY.public_text) == 43


@given(st.binary(max_size=400))
def test_what_is_sealed_for_a_new_key_opens_with_it_alone(plain: bytes) -> None:
    key = CarKey.fresh()
    text = seal(plain, key.public, profile="p1", key="k1", version=1, until_s=1795971601)
    assert CarKey(key.private).open(sealed(text=text)) == plain
    with pytest.raises(MessageRejected):
        CarKey.fresh().open(sealed(text=text))


@pytest.mark.parametrize("change", [{"profile": "p2"}, {"key": "k9"}, {"version": 2}, {"until_s": 1795971602}])
def test_another_place_version_or_time_does_not_open(change: dict[str, Any]) -> None:
    KEY.open(sealed())
    with pytest.raises(MessageRejected, match="changed"):
        KEY.open(sealed(**change))


@given(st.integers(0, 4000))
def test_one_flipped_bit_does_not_open(bit: int) -> None:
    text = sealed().text
    at = bit % len(text)
    other = "A" if text[at] != "A" else "B"
    flipped = text[:at] + other + text[at + 1 :]
    if at < len(text) - 1:  # the last character has bits that stand for nothing
        with pytest.raises(MessageRejected):
            KEY.open(sealed(text=flipped))


@given(st.text(max_size=120))
def test_whatever_stands_there_is_refused_in_a_sentence_without_it(text: str) -> None:
    with pytest.raises(MessageRejected) as refused:
        KEY.open(sealed(text=text))
    assert refused.value.place == "calendar.p1.k1"


def test_a_point_of_small_order_is_refused() -> None:
    """All zero: the shared secret would be zero for every key."""
    with pytest.raises(MessageRejected):
        KEY.open(sealed(text="A" * 43 + "A" * 40))
