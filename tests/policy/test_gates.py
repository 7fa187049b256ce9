import numpy as np
import pytest

from edge_agent.policy import gates
from edge_agent.policy.gates import Gates
from edge_agent.policy.rules import FIRST_NS, OPEN, Gate
from edge_agent.policy.spells import Turn

ALL = np.arange(10)


def admitted(of: Gates, rule: int = 0) -> list[int]:
    return np.flatnonzero(of.admits(rule, ALL)).tolist()


def turns(*times: int) -> dict[int, list[Turn]]:
    """To true, back, to true, ..."""
    return {0: [Turn(t_ns, i % 2 == 0) for i, t_ns in enumerate(times)]}


def test_a_rule_without_a_gate_hears_everything() -> None:
    assert admitted(Gates([OPEN])) == ALL.tolist()


def test_a_span_has_its_beginning_and_not_its_end() -> None:
    assert admitted(Gates([Gate(3, 7)])) == [3, 4, 5, 6]


def test_what_is_at_the_instant_of_a_turn_is_judged_as_after_it() -> None:
    one = Gates([Gate(condition=0)])
    one.turn(turns(2, 5, 8), FIRST_NS)

    assert admitted(one) == [2, 3, 4, 8, 9]


def test_a_condition_that_was_never_true_keeps_its_gate_closed() -> None:
    assert admitted(Gates([Gate(condition=0)])) == []


def test_span_and_condition_must_both_hold() -> None:
    one = Gates([Gate(3, 9, 0)])
    one.turn(turns(2, 5, 8), FIRST_NS)

    assert admitted(one) == [3, 4, 8]


def test_a_table_has_a_row_for_each_rule_that_is_asked_about() -> None:
    one = Gates([Gate(3, 7), OPEN, Gate(condition=0), Gate(3, 7)])

    table = one.table([0, 2, 3], ALL)

    assert [np.flatnonzero(row).tolist() for row in table] == [[3, 4, 5, 6], [], [3, 4, 5, 6]]


def test_what_nobody_will_ask_about_is_forgotten_and_changes_nothing_after_it() -> None:
    one = Gates([Gate(condition=0)])
    one.turn(turns(0, 1, 2, 3, 4, 6), FIRST_NS)
    before = one.admits(0, ALL)

    one.turn({}, 5)

    assert one.admits(0, ALL)[5:].tolist() == before[5:].tolist()
    assert admitted(one) == [4, 5]


def test_of_too_many_turns_the_oldest_spells_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "TURNS", 2)
    one = Gates([Gate(condition=0)])

    one.turn(turns(0, 2, 4, 6, 8), FIRST_NS)

    assert admitted(one) == [4, 5, 8, 9]


def test_turns_move_with_the_clock_and_spans_do_not() -> None:
    one = Gates([Gate(3, 9, 0)])
    one.turn(turns(1, 3), FIRST_NS)
    one.shift(4)

    assert admitted(one) == [5, 6]
