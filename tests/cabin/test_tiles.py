from cabin.records import Reading, Vehicle
from cabin.tiles import DEFAULT, tiles_of

HEARD = Vehicle(speed_kmh=Reading(53.0, 1000), door_open=Reading(1.0, 1000))


def test_a_tile_nobody_fills_is_not_shown() -> None:
    assert [tile.id for tile in tiles_of(HEARD, DEFAULT, 1000)] == ["speed", "doors"]


def test_a_value_is_live_for_a_second_old_for_three_and_then_gone() -> None:
    states = [(tiles_of(HEARD, ["speed"], up_ms)[0].state) for up_ms in (2000, 2001, 4000, 4001)]
    assert states == ["live", "old", "old", "gone"]
    assert tiles_of(HEARD, ["speed"], 4001)[0].value is None
    assert tiles_of(HEARD, ["doors"], 4001)[0].label is None


def test_doors_are_told_in_a_word() -> None:
    assert tiles_of(HEARD, ["doors"], 1000)[0].label == "open"
