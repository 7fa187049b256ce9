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
        "", "x +", "y * 2", "x ** 2", "x ^ 2", "x % 2", "if x", "x if x",
        "if(x, 1)", "1 < x < 3", "x in 2", "not", "'x'", "True * x", "f(x)", "x.real", "x, 1",
        "[x][0]", "lambda: x", "__import__('os')", "floor(x, 1)", "min(x)", "floor(n=x)", "1e999 * x", "x" * 201,
        "(" * 90, "x := 1", "9" * 150 + "." + "9" * 10 + "e300 * x", "\x00", "x < 'a'", "x is 3",
        "x and", "max(*x)",
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

    assert Formula("floor(x + 0.5)").values({"x": x}).tolist() == [math.floor(v + 0.5) for v in x.tolist()]
    assert Formula("floor(abs(x/5))").values({"x": x}).tolist() == [math.floor(abs(v / 5)) for v in x.tolist()]
    assert Formula("ceil(x) + round(x)").values({"x": x}).tolist() == [math.ceil(v) + round(v) for v in x.tolist()]
    assert Formula("max(min(x, 2), -1) * PI").values({"x": x}).tolist() == [
        max(min(v, 2), -1) * math.pi for v in x.tolist()
    ]
    assert np.isinf(Formula("1 / x").values({"x": x})[2])


def test_a_choice_may_be_written_as_py_expression_eval_has_it_and_as_python_has_it() -> None:
    x = np.array([-2.0, 0.0, 1.0, 3.0, np.nan])
    chosen = [7.0, 5.0, 5.0, 6.0, 5.0]

    assert Formula("if(x > 1, 6, if (x < 0, 7, 5))").values({"x": x}).tolist() == chosen
    assert Formula("6 if (x > 1) else 7 if x < 0 else 5").values({"x": x}).tolist() == chosen
    assert Formula("6 if if(x > 1, 1, 0) else 5 + 2 * if(x < 0, 1, 0)").values({"x": x}).tolist() == chosen
    assert Formula("if(x, 6, 5)").values({"x": x}).tolist() == [6.0, 5.0, 6.0, 6.0, 5.0]
    assert Formula("if(x == 0, 4, 1 / x)").values({"x": x[:4]}).tolist() == [-0.5, 4.0, 1.0, 1 / 3]
    assert Formula("if(x > 1, 6, 7)").line() is None


def test_comparisons_are_one_or_nothing_and_never_hold_for_what_is_no_number() -> None:
    x = {"x": np.array([-1.0, 0.0, 2.0, np.nan])}
    for text, values in {
        "x < 0": [1, 0, 0, 0],
        "x <= 0": [1, 1, 0, 0],
        "x > 0": [0, 0, 1, 0],
        "x >= 0": [0, 1, 1, 0],
        "x == 2": [0, 0, 1, 0],
        "x < 0 or x > 0": [1, 0, 1, 0],
        "x and x > 0": [0, 0, 1, 0],
        "not x": [0, 1, 0, 1],
        "(x > 0) * 10 - (x < 0)": [-1, 0, 10, 0],
    }.items():
        assert Formula(text).values(x).tolist() == values, text


def test_a_formula_may_have_several_variables_by_any_name() -> None:
    formula = Formula("degrees + minutes / 60 + 0 * max(degrees, minutes, 3)", ("degrees", "minutes", "seconds"))

    assert formula.variables == {"degrees", "minutes"}
    columns = {"degrees": np.array([48.0, 49.0]), "minutes": np.array([30.0, 0.0]), "seconds": np.zeros(2)}
    assert formula.values(columns).tolist() == [48.5, 49.0]
    assert Formula("sqrt(x * x + y * y)", ("x", "y")).values({"x": np.full(1, 3.0), "y": np.full(1, 4.0)})[0] == 5.0
    assert Formula("7", ("x",)).values({"x": np.zeros(3)}).tolist() == [7.0, 7.0, 7.0]


@pytest.mark.parametrize("name", ["PI", "min", "if", "1st", "a b", "", "not"])
def test_what_a_formula_would_read_as_something_else_is_no_variable(name: str) -> None:
    with pytest.raises(BadFormula, match="cannot be the name of a value in a formula"):
        Formula("1", (name,))


def test_a_name_that_is_no_variable_is_told_with_those_there_are() -> None:
    with pytest.raises(BadFormula, match="'z' is more than a formula of x, y with"):
        Formula("x + y + z", ("x", "y"))


NUMBERS = st.decimals(-1000, 1000, places=3).map(lambda number: number.normalize())


@given(NUMBERS, NUMBERS, st.integers(-1000, 1000))
def test_the_line_and_the_values_agree(slope: object, height: object, x: int) -> None:
    formula = Formula(f"x * ({slope:f}) + ({height:f})")
    line = formula.line()

    assert line is not None
    assert formula.values({"x": np.array([float(x)])})[0] == pytest.approx(
        float(line.slope * x + line.height), abs=1e-6
    )


@given(st.text("x0123456789.+-*/() ,floorabsminPIE<>=!notandif", max_size=40))
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    try:
        formula = Formula(text)
        formula.line()
    except BadFormula:
        return
    assert formula.values({"x": np.array([1.0, 2.0])}).shape == (2,)


def test_a_decimal_is_the_number_that_was_written() -> None:
    assert exact(0.1) == Fraction(1, 10)
    assert exact(True) == 1  # noqa: FBT003  JSON's true counts as 1
