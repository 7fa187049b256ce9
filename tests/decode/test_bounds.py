import dataclasses
import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.decode.bounds import raw_bounds, value_bounds
from edge_agent.decode.catalog import BitField, Signal
from edge_agent.decode.relabel import relabel
from edge_agent.records import RawKind

U, S, F = RawKind.UNSIGNED, RawKind.SIGNED, RawKind.FLOAT


def signal(
    kind: RawKind,
    bits: int,
    factor: float = 1.0,
    offset: float = 0.0,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Signal:
    return Signal(
        "S", BitField(0, bits, big_endian=False), kind, factor, offset, "", lowest=bounds[0], highest=bounds[1]
    )


@pytest.mark.parametrize(
    ("read", "minimum", "maximum", "expected"),
    [
        (signal(U, 8), 0, 0, (None, None)),  # how a DBC leaves the range open
        (signal(U, 8), None, None, (None, None)),
        (signal(U, 8), 5, 3, (None, None)),
        (signal(U, 8), 0, 255, (None, None)),  # what the field can hold anyway
        (signal(U, 8), -10, 300, (None, None)),
        (signal(U, 8), 0, 250, (None, 250)),
        (signal(U, 8), 1, 250, (1, 250)),
        (signal(U, 8), None, 250, (None, 250)),
        (signal(S, 8), -100, 127, (-100, None)),
        (signal(U, 16, 0.01), 0, 655.34, (None, 65534)),
        (signal(U, 16, 0.01), 0, 655.345, (None, 65534)),
        (signal(U, 8, 0.4), 0, 100, (None, 250)),
        (signal(U, 8, 1.0, -40.0), -39.5, 100, (1, 140)),
        (signal(U, 8, -1.0, 10.0), -40, 9, (1, 50)),
        (signal(F, 32, 2.0, 1.0), 0, 100, (-0.5, 49.5)),
        (signal(F, 32), -1e400, 5, (None, 5.0)),
        (signal(F, 32, 1e-300), -1e300, 1.0, (None, 1e300)),
        (signal(U, 8, 0.0), 0, 1, (None, None)),
    ],
)
def test_a_range_of_values_becomes_raw_numbers_where_the_field_can_leave_it(
    read: Signal, minimum: float | None, maximum: float | None, expected: tuple[float | None, float | None]
) -> None:
    assert raw_bounds(read, minimum, maximum) == expected


FACTORS = st.sampled_from([1.0, 0.1, 0.01, 0.25, 0.4, -0.5, -1.0, 3.0, 0.0078125, 100.0])
OFFSETS = st.sampled_from([0.0, -40.0, 0.1, 1000.0, -273.15])


@st.composite
def integers_of_a_signal(draw: st.DrawFn) -> tuple[Signal, int]:
    """A signal and a raw number of it."""
    kind, bits = draw(st.sampled_from([U, S])), draw(st.integers(1, 24))
    least = -(1 << bits - 1) if kind is S else 0
    return signal(kind, bits, draw(FACTORS), draw(OFFSETS)), draw(st.integers(least, least + (1 << bits) - 1))


@given(integers_of_a_signal(), st.decimals(-5000, 5000, places=3), st.decimals(-5000, 5000, places=3))
@example((signal(U, 16, 0.01), 65534), Decimal(0), Decimal("655.34"))
@example((signal(U, 16, 0.01), 65535), Decimal(0), Decimal("655.345"))
def test_no_rounding_decides_what_is_out_of_range(
    drawn: tuple[Signal, int], minimum: Decimal, maximum: Decimal
) -> None:
    read, raw = drawn
    lowest, highest = raw_bounds(read, float(minimum), float(maximum))
    low, high = value_bounds(dataclasses.replace(read, lowest=lowest, highest=highest))

    exactly = raw * Fraction(repr(read.factor)) + Fraction(repr(read.offset))
    value = raw * read.factor + read.offset
    assert (value < low or value > high) == (minimum < maximum and not minimum <= exactly <= maximum)


def test_a_float_of_the_bound_itself_is_within_it_at_the_precision_of_its_field() -> None:
    lowest, highest = raw_bounds(signal(F, 32), -0.1, 0.1)
    low, high = value_bounds(signal(F, 32, bounds=(lowest, highest)))

    nearest_to_a_tenth = 0.10000000149011612
    assert low <= -nearest_to_a_tenth
    assert nearest_to_a_tenth <= high < 0.1000001


def test_bounds_go_with_a_mapping_that_is_a_line_and_end_at_a_table() -> None:
    read = signal(U, 8, 1.0, -40.0, bounds=(1, 140))
    assert value_bounds(read) == (-39.5, 100.5)

    fahrenheit = signal(U, 8, 1.8, -40.0, bounds=(1, 140))
    assert value_bounds(fahrenheit) == pytest.approx((-39.1, 212.9))

    negated = signal(U, 8, -1.0, 40.0, bounds=(1, 140))
    assert value_bounds(negated) == (-100.5, 39.5)

    relabelled = Signal(
        "S", BitField(0, 8, big_endian=False), U, 1.0, 0.0, "", relabel=relabel({1: 2}), lowest=1, highest=140
    )
    assert value_bounds(relabelled) == (-math.inf, math.inf)
