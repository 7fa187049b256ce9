import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_cloud.desk.drawing import path, series, thinned

NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(NUMBERS, min_size=1, max_size=3000))
def test_no_peak_is_lost_where_points_are_thinned(values: list[float]) -> None:
    points = [(float(n), value) for n, value in enumerate(values)]
    seen = thinned(points)
    assert len(seen) <= 640
    assert {min(values), max(values)} <= {value for _, value in seen}
    assert seen == sorted(seen, key=lambda point: point[0])


@given(st.lists(st.tuples(st.floats(-89, 89), st.floats(-180, 180)), min_size=1, max_size=50))
def test_a_way_stays_within_its_drawing(points: list[tuple[float, float]]) -> None:
    dots = re.findall(r"(-?[\d.]+),(-?[\d.]+)", path(points, "way"))
    assert all(0 <= float(number) <= 240 for dot in dots for number in dot)


def test_a_series_tells_its_range() -> None:
    assert "speed in km/h: 0 to 50</figcaption>" in series([(0, 0.0), (1, 50.0)], "speed in km/h")


@pytest.mark.parametrize("draw", [series, path])
def test_where_nothing_is_known_nothing_is_drawn(draw: object) -> None:
    assert callable(draw)
    assert draw([], "x") == ""
