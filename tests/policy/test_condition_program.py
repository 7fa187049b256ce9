import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.condition_names import bind
from edge_agent.policy.condition_program import Program, compile_program, spread
from edge_agent.policy.condition_syntax import parse
from edge_agent.policy.condition_tree import Op
from tests.policy.condition_signals import CATALOG, SIGNALS

INDEX = {info.name: i for i, info in enumerate(SIGNALS)}


def program(*texts: str) -> Program:
    return compile_program([bind(parse(text), CATALOG) for text in texts], INDEX)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 5)), max_size=10))
def test_each_start_is_counted_on_from(ranges: list[tuple[int, int]]) -> None:
    starts, counts = np.array(ranges, np.int64).reshape(-1, 2).T

    assert spread(starts, counts).tolist() == [i for start, count in ranges for i in range(start, start + count)]


def test_a_row_comes_after_its_operands() -> None:
    found = program("Motion.Speed * 2 > 1 and not Motion.Gear == 'Two''s'", "rising(Cell.Voltage) or Motion.Speed > 1")

    for at, row in enumerate(found.rows):
        if row.level:
            assert found.left[at] < at
            assert found.right[at] < at or row.op in {Op.NOT, Op.RISING}
    assert [found.rows[at].op for at in found.root] == [Op.AND, Op.OR]


def test_what_is_written_twice_in_a_condition_is_computed_once() -> None:
    found = program("Motion.Speed > 1 and (Motion.Speed > 1 or Motion.Gear > 1)")

    assert [row.op for row in found.rows].count(Op.ABOVE) == 2
    assert [row.op for row in found.rows].count(Op.CONSTANT) == 1


def test_equal_rows_of_two_conditions_are_two_since_their_instants_differ() -> None:
    found = program("Motion.Speed > 1 and Motion.Gear > 1", "Motion.Speed > 1")

    assert sorted(found.condition[[at for at, row in enumerate(found.rows) if row.op is Op.ABOVE]]) == [0, 0, 1]


def test_a_long_list_is_a_flat_tree() -> None:
    found = program(" or ".join(f"Motion.Speed == {i}" for i in range(64)))

    assert max(row.level for row in found.rows) == 1 + 6


def test_inputs_are_in_the_order_of_their_signals() -> None:
    found = program("Cell.Voltage > Motion.Speed", "Motion.Speed > Motion.Gear")

    assert list(zip(found.input_signal.tolist(), found.input_condition.tolist(), strict=True)) == [
        (0, 0),
        (0, 1),
        (1, 1),
        (2, 0),
    ]
