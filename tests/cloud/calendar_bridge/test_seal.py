import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.calendar.seal import CarKey, Sealed
from calendar_bridge.errors import LinkRejected
from calendar_bridge.records import Item
from calendar_bridge.seal import Sealer

VECTORS = json.loads((Path(__file__).parents[2] / "cabin/calendar/vectors.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["items"], ids=lambda one: one["key"])
def test_the_vectors_of_the_sealed_item_are_met(vector: dict[str, object]) -> None:
    car = CarKey(bytes.fromhex(VECTORS["car_private"]))
    item = Item(str(vector["key"]), 0, int(str(vector["until_s"])), str(vector["plain"]).encode())
    version, ephemeral = int(str(vector["version"])), bytes.fromhex(str(vector["ephemeral_private"]))

    sealed = Sealer(car.public_text).seal(item, profile=str(vector["profile"]), version=version, ephemeral=ephemeral)

    assert sealed == vector["sealed"]


@given(st.binary(max_size=2000), st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True), st.integers(0, 2**40))
def test_the_car_opens_what_was_sealed_for_it(plain: bytes, profile: str, version: int) -> None:
    car = CarKey.fresh()
    text = Sealer(car.public_text).seal(Item("a1", 0, 1795971600, plain), profile=profile, version=version)

    assert car.open(Sealed(profile, "a1", version, 1795971600, text)) == plain


@pytest.mark.parametrize("key", ["", "ü", "A" * 42, "A" * 44, "A" * 43 + "!"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(LinkRejected):
        Sealer(key)


def test_a_key_that_keeps_nothing_secret_is_refused() -> None:
    with pytest.raises(LinkRejected):
        Sealer("A" * 43).seal(Item("a1", 0, 0, b""), profile="p", version=1)
