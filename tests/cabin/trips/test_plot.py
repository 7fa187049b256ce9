from hypothesis import given
from hypothesis import strategies as st

from cabin.records import Reading, Vehicle
from cabin.trips.plot import COLUMNS, MOST_POINTS, Plot, point_of


@given(st.integers(1, 30_000))
def test_a_plot_has_at_most_600_points_over_the_whole_trip(seconds: int) -> None:
    plot = Plot()
    for t_s in range(seconds):
        plot.add((float(t_s), 1.0, 2.0, 3.0))
    columns = plot.until(seconds)
    assert tuple(columns) == COLUMNS
    times = columns["t_s"]
    assert len(times) <= MOST_POINTS
    assert times[0] == 0.0
    assert (times[-1] or 0.0) >= seconds - 1 - plot.every_s
    assert seconds < MOST_POINTS or len(times) >= MOST_POINTS // 2


def test_it_ends_with_the_trip() -> None:
    plot = Plot()
    for t_s in range(100):
        plot.add((float(t_s), None, None, None))
    assert plot.until(50.5)["t_s"][-1] == 50.0


def test_a_value_that_is_old_is_not_drawn() -> None:
    vehicle = Vehicle(speed_kmh=Reading(50.123, 20_000), soc_percent=Reading(80.0, 9_000))
    assert point_of(vehicle, 1.0, 20_000) == (1.0, 50.12, None, None)
