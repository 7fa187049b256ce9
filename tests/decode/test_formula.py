import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.formula import BadFormula, Formula, Line, exact


@pytest.mark.parametrize(
    ("text", "slope", "height"),
    [
        ("x", "1", "0"),
        (" x * 1.609344 ", "1.609344", "0"),
        ("(x*40)-100", "40", "-100"),
        ("5 + x/4", "0.25", "5"),
        ("-(x - 3) * 2 / 0.1", "-20", "60"),
        ("+x - x + 7", "0", "7"),
        ("2 * (3 - 1) * x", "4", "0"),
        ("1/3*x", "1/3", "0"),
        ("x * 1e-7", "0.0000001", "0"),
    ],
)
def test_a_formula_that_is_a_line_is_one_exactly(text: str, slope: str, height: str) -> None:
    assert Formula(text).line() == Line(Fraction(slope), Fraction(height))


@pytest.mark.parametrize("text", ["x*x", "1/x", "floor(x)", "abs(x - 1) * 2", "x / (x + 1)", "min(x, 3)"])
def test_a_formula_that_bends_is_no_line(text: str) -> None:
    assert Formula(text).line() is None


@pytest.mark.parametrize(
    "text",
    [
        "", "x +", "y * 2", "x ** 2", "x ^ 2", "x % 2", "x if x else 1", "'x'", "True * x", "f(x)", "x.real", "x, 1",
        "[x][0]", "lambda: x", "__import__('os')", "floor(x, 1)", "min(x)", "floor(n=x)", "1e999 * x", "x" * 201,
        "(" * 90, "x := 1", "9" * 150 + "." + "9" * 10 + "e300 * x", "\x00", "x < 3",
    ],
)  # fmt: skip
def test_what_is_no_formula_of_x_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadFormula, match=r"\w"):
        Formula(text)


def test_a_division_by_nothing_is_refused() -> None:
    with pytest.raises(BadFormula, match="divides by zero"):
        Formula("x / (2 - 2)").line()


def test_a_bent_formula_has_the_values_that_python_has() -> None:
    x = np.array([-7.5, -0.5, 0.0, 0.5, 1.5, 2.5, 1e9])

    assert Formula("floor(x + 0.5)").values(x).tolist() == [math.floor(v + 0.5) for v in x.tolist()]
    assert Formula("floor(abs(x/5))").values(x).tolist() == [math.floor(abs(v / 5)) for v in x.tolist()]
    assert Formula("ceil(x) + round(x)").values(x).tolist() == [math.ceil(v) + round(v) for v in x.tolist()]
    assert Formula("max(min(x, 2), -1) * PI").values(x).tolist() == [max(min(v, 2), -1) * math.pi for v in x.tolist()]
    assert np.isinf(Formula("1 / x").values(x)[2])


NUMBERS = st.decimals(-1000, 1000, places=3).map(lambda number: number.normalize())


@given(NUMBERS, NUMBERS, st.integers(-1000, 1000))
def test_the_line_and_the_values_agree(slope: object, height: object, x: int) -> None:
    formula = Formula(f"x * ({slope:f}) + ({height:f})")
    line = formula.line()

    assert line is not None
    assert formula.values(np.array([float(x)]))[0] == pytest.approx(float(line.slope * x + line.height), abs=1e-6)


@given(st.text("x0123456789.+-*/() ,floorabsminPIE", max_size=40))
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    try:
        formula = Formula(text)
        formula.line()
    except BadFormula:
        return
    assert formula.values(np.array([1.0, 2.0])).shape == (2,)


def test_a_decimal_is_the_number_that_was_written() -> None:
    assert exact(0.1) == Fraction(1, 10)
    assert exact(True) == 1  # noqa: FBT003  JSON's true counts as 1
