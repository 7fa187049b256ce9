import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.records import Reading
from cabin.trips.energy import Counter, Distance, Energy, Integral, distance_of, energy_of


def counter(*values: float) -> Counter:
    one = Counter()
    for number, value in enumerate(values):
        one.take(Reading(value, number))
    return one


def test_an_integral_is_of_trapezoids_over_hours() -> None:
    integral = Integral()
    assert integral.total is None
    for up_ms, value in ((0, 0.0), (10_000, 36.0), (10_000, 99.0), (15_000, 36.0)):
        integral.take(Reading(value, up_ms))
    assert integral.total == pytest.approx(18 * 10 / 3600 + 36 * 5 / 3600)


def test_nothing_is_integrated_over_a_gap_or_from_a_value_that_is_none() -> None:
    integral = Integral()
    for reading in (Reading(60.0, 0), None, Reading(float("nan"), 5_000), Reading(60.0, 10_001)):
        integral.take(reading)
    assert integral.total == 0.0


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=50), st.integers(1, 10_000))
def test_an_integral_lies_between_its_least_and_its_most(values: list[float], apart_ms: int) -> None:
    integral = Integral()
    for number, value in enumerate(values):
        integral.take(Reading(value, number * apart_ms))
    hours = (len(values) - 1) * apart_ms / 3_600_000
    assert integral.total is not None
    assert min(values) * hours - 1e-9 <= integral.total <= max(values) * hours + 1e-9


@pytest.mark.parametrize(
    ("odometer", "by_speed", "has_gap", "expected"),
    [
        ((100.0, 100.1, 112.0), 12.1, False, Distance(12.0, "odometer")),
        ((100.0, 100.1, 112.0), 12.5, False, Distance(12.0, "odometer", 12.5)),
        ((100.0, 101.0, 112.0), 12.5, False, Distance(12.5, "speed")),
        ((100.0, 101.0, 112.0), 7.0, True, Distance(12.0, "odometer", 7.0)),
        ((100.0, 90.0), 3.0, False, Distance(3.0, "speed")),
        ((), 3.0, False, Distance(3.0, "speed")),
        ((100.0, 103.0), None, False, Distance(3.0, "odometer")),
        ((), None, False, Distance(None, "")),
    ],
)
def test_the_odometer_counts_unless_it_cannot(
    odometer: tuple[float, ...], by_speed: float | None, *, has_gap: bool, expected: Distance
) -> None:
    found = distance_of(counter(*odometer), by_speed, has_gap=has_gap)
    assert found.km == pytest.approx(expected.km)
    assert (found.source, found.by_speed_km) == (expected.source, expected.by_speed_km)


def test_energy_is_measured_where_power_is_heard_and_else_estimated_and_says_so() -> None:
    assert energy_of(3.1, counter(80.0, 75.0), 64.0) == Energy(3.1, "measured")
    assert energy_of(None, counter(80.0, 75.0), 64.0) == Energy(0.05 * 64.0, "estimated")
    assert energy_of(None, counter(80.0, 75.0), None) == Energy(None, "")
    assert energy_of(None, counter(), 64.0) == Energy(None, "")
