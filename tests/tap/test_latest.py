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


def test_when_a_value_was_sampled_is_told_by_the_uptime_that_no_set_clock_moves() -> None:
    view = latest()
    live = replace(block([sample(1_000_005, 0, 2)], 1_000_009), uptime_ns=10, epoch_ns=1_000_000)
    after_a_jump = replace(block([sample(5_000_017, 1, 3)], 5_000_018), uptime_ns=20, epoch_ns=5_000_000)
    view.update(live)
    view.update(after_a_jump)
    assert view.columns.uptime_ns.tolist() == [5, 17, 0]
    assert view.columns.known.tolist() == [True, True, False]

    view.reconfigure([TORQUE, SPEED])
    assert view.columns.uptime_ns.tolist() == [17, 5]


def test_of_a_recording_it_is_as_long_before_the_blocks_end_as_it_was_there() -> None:
    view = latest()
    view.update(replace(block([sample(400, 0, 2)], 450), uptime_ns=7_000))

    assert view.columns.uptime_ns.tolist()[0] == 6_950
