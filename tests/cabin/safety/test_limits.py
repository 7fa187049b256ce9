from dataclasses import astuple
from itertools import pairwise

import pytest

from cabin.records import Drive, Limits, Market
from cabin.safety.limits import limits_of

ORDER = (Drive.PARKED, Drive.IDLING, Drive.MOVING)
MARKETS = tuple(Market)


def freedom(limits: Limits) -> tuple[float, ...]:
    """Each limit as a number that grows with what is allowed."""
    unlimited = {"tiles", "meetings", "title_chars"}
    numbers = dict(zip(limits.__dataclass_fields__, astuple(limits), strict=True))
    for name in unlimited:
        numbers[name] = 10_000 if numbers[name] is None else numbers[name]
    for name in ("redraw_ms", "reminder_every_s"):
        numbers[name] = -numbers[name]
    return tuple(float(value) for value in numbers.values())


@pytest.mark.parametrize("market", MARKETS)
def test_nothing_is_freer_the_more_the_vehicle_moves(market: Market) -> None:
    for calmer, livelier in pairwise(ORDER):
        pairs = zip(freedom(limits_of(calmer, market)), freedom(limits_of(livelier, market)), strict=True)
        assert all(more >= less for more, less in pairs)


@pytest.mark.parametrize("drive", tuple(Drive))
def test_nothing_is_freer_in_the_strict_market(drive: Drive) -> None:
    pairs = zip(freedom(limits_of(drive, Market.STANDARD)), freedom(limits_of(drive, Market.STRICT)), strict=True)
    assert all(more >= less for more, less in pairs)


@pytest.mark.parametrize("market", MARKETS)
def test_the_unknown_is_held_to_the_limits_of_moving(market: Market) -> None:
    assert limits_of(Drive.UNKNOWN, market) == limits_of(Drive.MOVING, market)


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("drive", [Drive.IDLING, Drive.MOVING, Drive.UNKNOWN])
def test_nobody_signs_in_scrolls_or_types_while_driving(drive: Drive, market: Market) -> None:
    limits = limits_of(drive, market)
    allowed = (limits.settings, limits.trip_list, limits.deep_link, limits.people, limits.digits)
    assert not any(allowed)
    assert limits.dial
    assert limits.private_mode


def test_a_title_while_moving_is_for_the_standard_market_alone() -> None:
    assert limits_of(Drive.MOVING, Market.STANDARD).title_chars == 30
    assert limits_of(Drive.MOVING, Market.STRICT).title_chars == 0
