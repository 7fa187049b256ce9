import pytest

from cabin.ignition import Ignition, Turned
from cabin.records import Reading


def on(up_ms: int, value: float = 1.0) -> Reading:
    return Reading(value, up_ms)


def test_each_turn_is_told_once() -> None:
    ignition = Ignition()
    told = [ignition.look(on(up_ms, value), up_ms) for up_ms, value in enumerate([0.0, 1.0, 1.0, 0.0, 0.0, 1.0])]
    assert told == [Turned.OFF, Turned.ON, None, Turned.OFF, None, Turned.ON]


@pytest.mark.parametrize(("value", "turned"), [(1.0, Turned.ON), (0.0, Turned.OFF)])
def test_a_cabin_that_starts_late_hears_how_the_vehicle_stands(value: float, turned: Turned) -> None:
    assert Ignition().look(on(0, value), 0) is turned


def test_silence_turns_nothing() -> None:
    ignition = Ignition()
    ignition.look(on(0), 0)
    assert ignition.look(None, 5000) is None
    assert ignition.look(on(0, 0.0), 5000) is None
    assert ignition.look(on(6000), 6000) is None
