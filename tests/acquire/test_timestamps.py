from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.acquire.timestamps import aligned_ns, float_ns, milliseconds_ns, seconds_ns, since_epoch_ns

EXACT_DAYS = 97
ANY_NS = st.integers(-(2**63), 2**63 - 1)


@given(ANY_NS, st.integers(0, 12))
@example(1_700_000_000_123_456_789, 9)
def test_decimal_seconds_are_read_to_the_nanosecond_whatever_their_digits(t_ns: int, digits: int) -> None:
    text = f"{Decimal(t_ns).scaleb(-9):.{digits}f}"

    assert seconds_ns(text) == round(Fraction(text) * 10**9)
    if digits >= 9:
        assert seconds_ns(text) == t_ns


@given(ANY_NS, st.integers(0, 8))
@example(1_059_900_123, 6)
def test_decimal_milliseconds_are_read_to_the_nanosecond_whatever_their_digits(t_ns: int, digits: int) -> None:
    text = f"{Decimal(t_ns).scaleb(-6):.{digits}f}"

    assert milliseconds_ns(text) == round(Fraction(text) * 10**6)
    if digits >= 6:
        assert milliseconds_ns(text) == t_ns


@given(st.floats(0, 1e9))
def test_a_float_as_python_writes_it_is_read_for_what_it_says(seconds: float) -> None:
    assert seconds_ns(repr(seconds)) == round(Fraction(repr(seconds)) * 10**9)


@pytest.mark.parametrize("text", ["", ".", "1,5", "0x10", "1.5s", "nan", "inf", "-.00000x"])
def test_what_is_no_finite_number_has_no_time(text: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        seconds_ns(text)
    with pytest.raises((ValueError, ArithmeticError)):
        milliseconds_ns(text)


@given(st.integers(0, 2**32 * 10**6))
def test_microseconds_since_the_epoch_come_back_and_nothing_finer_is_made_up(t_us: int) -> None:
    assert since_epoch_ns(t_us / 1e6) == t_us * 1000


@given(st.integers(0, EXACT_DAYS * 86_400 * 10**9))
@example(4_194_304_000_000_003)
@example(EXACT_DAYS * 86_400 * 10**9 - 1)
def test_nanoseconds_that_became_a_float_of_seconds_come_back(since_start_ns: int) -> None:
    assert float_ns(float(Decimal(since_start_ns) * Decimal("1e-9"))) == since_start_ns
    assert float_ns(-float(Decimal(since_start_ns) * Decimal("1e-9"))) == -since_start_ns


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_a_float_that_is_not_finite_has_no_time(seconds: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        float_ns(seconds)


@given(ANY_NS, st.integers(-(2**40), 2**40), st.integers(1, 10**9), st.floats(-0.49, 0.49))
def test_a_sum_that_is_nearly_known_is_found_where_one_part_is_exact_and_the_other_whole_steps(
    own_ns: int, steps: int, step_ns: int, off_steps: float
) -> None:
    sum_ns = own_ns + steps * step_ns

    assert aligned_ns(sum_ns + int(off_steps * step_ns), own_ns, step_ns) == sum_ns
