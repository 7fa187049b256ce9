import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ConditionRefused
from edge_agent.policy.condition_syntax import parse
from edge_agent.policy.condition_tree import DEPTH, NODES, Op, Tree
from tests.policy.condition_reference import EXPRESSIONS, Expression, signals_in, written

WORDS = ["and", "or", "not", "(", ")", "a.b", "`c`", "'R'", "==", "<", "+", "-", "*", "abs", "min", "avg", ",", "5s"]
WORDS += ["rising", "age", "1", "1.5e3", "x", "\u00e9", "''"]


def shape(tree: Tree) -> str:
    """In brackets, so that one sees what belongs to what."""
    if tree.op is Op.CONSTANT:
        return f"{tree.number:g}"
    if tree.op is Op.VALUE:
        return tree.signal
    parts = [tree.op.value, tree.signal, tree.label, f"{tree.span_ns / 1e9:g}s" if tree.span_ns else ""]
    return f"({' '.join([*filter(None, parts), *map(shape, tree.operands)])})"


def refusal(text: str) -> str:
    with pytest.raises(ConditionRefused) as refused:
        parse(text)
    assert 1 <= refused.value.column <= len(text) + 1
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b > 1", "(> a.b 1)"),
        ("a.b < 1", "(> 1 a.b)"),
        ("a.b <= 1", "(>= 1 a.b)"),
        ("1 + 2 * -a.b - 3 >= 4", "(>= (- (+ 1 (* 2 (negate a.b))) 3) 4)"),
        ("a.b / 2 / 3 == +4", "(== (/ (/ a.b 2) 3) 4)"),
        ("not a.b > 1 and b.c != 2 or c.d == 3", "(or (and (not (> a.b 1)) (!= b.c 2)) (== c.d 3))"),
        ("a.b > 1 and (b.c > 2 or c.d > 3)", "(and (> a.b 1) (or (> b.c 2) (> c.d 3)))"),
        ("a.x and b.x and c.x", "(and (!= a.x 0) (!= b.x 0) (!= c.x 0))"),
        ("Vehicle.Speed > 120 and rising(ABS.Active)", "(and (> Vehicle.Speed 120) (rising (!= ABS.Active 0)))"),
        ("Gear.Now == 'R'", "(is label Gear.Now R)"),
        ("'it''s' != `Gear now`", "(not (is label Gear now it's))"),
        ("min(a.b, 5s) > min(a.b, 5)", "(> (lowest a.b 5s) (min a.b 5))"),
        ("max(a.b, 2min) > max(a.b, c.d)", "(> (highest a.b 120s) (max a.b c.d))"),
        ("avg(`a b`, 250ms) > abs(c.d)", "(> (avg a b 0.25s) (abs c.d))"),
        ("changed(a.b) or isnull(a.b) or age(a.b) > 1", "(or (changed a.b) (isnull a.b) (> (age a.b) 1))"),
        ("age > min", "(> age min)"),
        ("`and`", "(!= and 0)"),
        ("(((a.b)))\n and\tb.c", "(and (!= a.b 0) (!= b.c 0))"),
    ],
)
def test_a_condition_is_read_as_its_author_means_it(text: str, expected: str) -> None:
    assert shape(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "column 1: expected a signal, a number or (, found the end"),
        ("a.b >", "column 6: expected a signal, a number or (, found the end"),
        ("a.b and or", "column 9: expected a signal, a number or (, found 'or'"),
        ("a.b > 1 b.c", "column 9: expected an operator or the end, found 'b.c'"),
        ("a.b > 1)", "column 8: expected an operator or the end, found ')'"),
        ("(a.b > 1", "column 9: expected an operator or ), found the end"),
        ("a.b", None),
        ("a.b + 1", "column 5: expected something true or false, found a number (+)"),
        ("(a.b > 1) > 2", "column 6: expected a number, found something true or false (>)"),
        ("a.b + (b.c > 1) > 2", "column 12: expected a number, found something true or false (>)"),
        ("-changed(a.b) > 1", "column 2: expected a number, found something true or false (changed)"),
        ("abs(not a.b) > 1", "column 5: expected a number, found something true or false (not)"),
        ("a.b > 1 and b.c + 1", "column 17: expected something true or false, found a number (+)"),
        ("rising(a.b + 1)", "column 12: expected something true or false, found a number (+)"),
        ("1 < a.b < 2", "column 9: one comparison after another: join two of them by `and`"),
        ("a.b > 'R'", "column 5: a label has no order: expected == or !=, found '>'"),
        ("'R' == 'P'", "column 1: a label can be compared with a signal only"),
        ("a.b + 1 == 'R'", "column 12: a label can be compared with a signal only"),
        ("a.b + 'R' > 1", "column 7: a label can only be compared, by == or !=, with a signal"),
        ("not 'R'", "column 5: a label can only be compared, by == or !=, with a signal"),
        ("sqrt(a.b) > 1", "column 1: no function 'sqrt'; there are abs, avg, min, max, rising, falling, age,"),
        ("a.b(1)", "column 1: no function 'a.b'"),
        ("abs(a.b, 1) > 1", "column 8: expected an operator or ), found ','"),
        ("min(a.b) > 1", "column 8: expected an operator or ,, found ')'"),
        ("min(a.b, 1, 2) > 1", "column 11: expected an operator or ), found ','"),
        ("avg(a.b, 5) > 1", "column 10: expected a duration such as 5s, found '5'"),
        ("avg(a.b + 1, 5s) > 1", "column 9: avg with a duration takes a signal's name, nothing that is computed"),
        ("age(1) > 1", "column 5: age takes a signal's name, nothing that is computed"),
        ("a.b > 5s", "column 7: a duration stands in avg, min and max only, after a signal"),
        ("1 > 0", "column 1: the condition names no signal, so there is no time at which to judge it"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_column_and_what_was_expected(text: str, sentence: str | None) -> None:
    if sentence is None:
        assert parse(text)
    else:
        assert refusal(text).startswith(sentence)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2000,
        "(" * 33 + "a.b" + ")" * 33,
        "not " * 33 + "a.b",
        "-" * 33 + "a.b > 0",
        "abs(" * 33 + "a.b" + ")" * 33 + " > 0",
        "rising(" * 33 + "a.b" + ")" * 33,
        " + ".join(["a.b"] * 33) + " > 0",
    ],
)
def test_a_condition_that_is_nested_too_deeply_is_refused(text: str) -> None:
    assert f"nested deeper than {DEPTH} levels" in refusal(text)


def test_a_list_of_alternatives_is_long_but_not_deep() -> None:
    tree = parse(" or ".join(f"a.b == {i}" for i in range(85)))

    assert len(tree.operands) == 85
    assert sum(1 for _ in tree.nodes()) == NODES


def test_a_condition_that_is_too_long_is_refused_where_it_becomes_so() -> None:
    text = " or ".join(f"a.b == {i}" for i in range(86))

    assert refusal(text) == f"column {text.rindex('85') + 1}: more than {NODES} operations"


@given(st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join) | st.text(max_size=40))
def test_any_text_is_a_bounded_condition_or_is_refused_at_a_column(text: str) -> None:
    try:
        size, column = sum(1 for _ in parse(text).nodes()), 1
    except ConditionRefused as refused:
        size, column = 0, refused.column

    assert size <= NODES
    assert 1 <= column <= len(text) + 1


@given(EXPRESSIONS)
def test_every_expression_of_the_reference_can_be_written(expression: Expression) -> None:
    assert {node.signal for node in parse(written(expression)).nodes()} - {""} == signals_in(expression)
