"""Drawings in SVG of what cars did: no scale of a map, no library. Pure."""

from collections.abc import Iterable, Sequence
from html import escape
from math import cos, radians

Points = Sequence[tuple[float, float]]

_WIDE, _HIGH, _MARGIN = 640.0, 120.0, 6.0
_BUCKETS = 320


def series(points: Points, label: str) -> str:
    """Numbers over time, as a line with its range below: (seconds, value), in time order."""
    if not points:
        return ""
    seen = thinned(points)
    (left, right), (low, high) = _range(t for t, _ in seen), _range(value for _, value in seen)
    across = (_WIDE - 2 * _MARGIN) / ((right - left) or 1)
    up = (_HIGH - 2 * _MARGIN) / ((high - low) or 1)
    dots = ((_MARGIN + (t - left) * across, _HIGH - _MARGIN - (value - low) * up) for t, value in seen)
    told = f"{label}: {low:g} to {high:g}"
    return f"<figure>{_svg(_WIDE, _HIGH, _line(dots), told)}<figcaption>{escape(told)}</figcaption></figure>"


def path(points: Points, label: str) -> str:
    """Where a car went: (latitude, longitude) in degrees, in time order; north is up, the start is marked."""
    if not points:
        return ""
    seen = points[:: max(1, len(points) // (4 * _BUCKETS))]
    shrink = cos(radians(seen[0][0]))
    flat = [(longitude * shrink, -latitude) for latitude, longitude in seen]
    (left, right), (top, bottom) = _range(x for x, _ in flat), _range(y for _, y in flat)
    side = 2 * _HIGH
    scale = (side - 2 * _MARGIN) / (max(right - left, bottom - top) or 1)
    dots = [(_MARGIN + (x - left) * scale, _MARGIN + (y - top) * scale) for x, y in flat]
    start = f'<circle cx="{dots[0][0]:.1f}" cy="{dots[0][1]:.1f}" r="4"/>'
    return _svg(side, side, _line(dots) + start, label)


def thinned(points: Points) -> Points:
    """At most two points, the lowest and the highest, of each of a few hundred stretches: no peak is lost."""
    if len(points) <= 2 * _BUCKETS:
        return points
    size = -(-len(points) // _BUCKETS)
    found: list[tuple[float, float]] = []
    for at in range(0, len(points), size):
        stretch = points[at : at + size]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        found += sorted(ends)
    return found


def _range(numbers: Iterable[float]) -> tuple[float, float]:
    found = list(numbers)
    return min(found), max(found)


def _line(dots: Iterable[tuple[float, float]]) -> str:
    return f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in dots)}"/>'


def _svg(wide: float, high: float, inside: str, label: str) -> str:
    told = escape(label)
    return f'<svg viewBox="0 0 {wide:g} {high:g}" role="img" aria-label="{told}"><title>{told}</title>{inside}</svg>'
