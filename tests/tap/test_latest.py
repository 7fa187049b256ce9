import math
from dataclasses import replace

from edge_agent.tap.latest import Latest, LatestValue
from tests.policy.streams import SIGNALS, block, sample

SPEED, TORQUE, VOLTAGE = SIGNALS


def latest() -> Latest:
    view = Latest()
    view.reconfigure(SIGNALS)
    return view


def test_a_signal_has_no_value_before_its_first_sample() -> None:
    view = latest()
    assert view.values() == []

    view.update(block([sample(5, 1, 10)]))

    assert view.values() == [LatestValue("Motion.Torque", 7.0, "Nm", 5)]


def test_of_several_samples_the_last_stays() -> None:
    view = latest()
    view.update(block([sample(5, 0, 1), sample(6, 2, 1.5), sample(7, 0, 2), sample(7, 0, 3)]))
    view.update(block([sample(8, 2, math.inf)]))

    assert view.values() == [
        LatestValue("Motion.Speed", 1.5, "km/h", 7),
        LatestValue("Cell.Voltage", math.inf, "V", 8),
    ]


def test_a_new_configuration_keeps_the_values_of_what_it_goes_on_wanting() -> None:
    view = latest()
    view.update(block([sample(5, 0, 2), sample(6, 1, 3)]))

    view.reconfigure([replace(VOLTAGE, name="Other.Voltage"), TORQUE, SPEED])
    assert [value.name for value in view.values()] == ["Motion.Torque", "Motion.Speed"]

    view.update(block([sample(9, 2, 4.0)]))
    assert view.values()[-1] == LatestValue("Motion.Speed", 4.0, "km/h", 9)


def test_without_signals_there_is_nothing() -> None:
    view = Latest()
    view.update(block([]))

    assert view.values() == []
