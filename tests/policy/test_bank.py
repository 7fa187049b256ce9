import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.bank import banks, columns_of
from edge_agent.policy.kept import Kept
from edge_agent.policy.rules import Aggregate, OnChange, Periodic, Rule
from tests.policy.by_hand import followed
from tests.policy.streams import LOOSE, SIGNALS, Sample, block, info, on_change, periodic, sample, streams, told


def of_signals(*signals: int) -> OnChange:
    return OnChange(info(), np.array(signals, np.int64), LOOSE, 0.0, 0, None)


def judged(rules: list[Rule], *samples: tuple[int, int]) -> dict[int, list[tuple[int, int]]]:
    """(column, time) of what each rule keeps of samples (time, signal), by its position."""
    found: dict[int, Kept] = {}
    for bank in banks(rules, SIGNALS):
        found |= bank.judge(block([sample(t_ns, signal, t_ns) for t_ns, signal in samples]))
    return {position: [(column, t_ns) for column, t_ns, _ in told(kept)] for position, kept in found.items()}


def test_each_rule_hears_its_own_signals_in_its_own_order() -> None:
    rules: list[Rule] = [of_signals(2, 0), of_signals(), of_signals(1), of_signals(0)]

    assert judged(rules, (1, 0), (2, 1), (3, 2)) == {0: [(1, 1), (0, 3)], 2: [(0, 2)], 3: [(0, 1)]}


def test_a_rule_whose_signals_did_not_come_keeps_nothing() -> None:
    assert judged([of_signals(0), of_signals(1)], (1, 1)) == {1: [(0, 1)]}
    assert judged([of_signals(0), of_signals(1)]) == {}


def test_each_rule_hears_only_the_samples_it_is_admitted_to() -> None:
    [bank] = banks([of_signals(0, 1), of_signals(1, 0)], SIGNALS)
    stream = block([sample(1, 0, 1), sample(2, 1, 2), sample(3, 0, 3)])

    found = bank.judge(stream, np.array([[True, True, False], [False, False, True]]))

    assert {position: told(kept) for position, kept in found.items()} == {
        0: [(0, 1, 1), (1, 2, 2)],
        1: [(1, 3, 3)],
    }


def test_without_rules_that_have_signals_there_is_no_bank() -> None:
    assert banks([of_signals()], SIGNALS) == ()


def test_what_is_due_comes_with_what_is_kept_in_the_order_of_time() -> None:
    [bank] = banks([periodic(100)], SIGNALS)
    bank.judge(block([sample(50, 1, 1), sample(60, 0, 1)]))

    found = bank.judge(block([sample(120, 0, 2)], until_ns=120))

    assert told(found[0]) == [(1, 50, 1), (0, 60, 1)]
    assert told(bank.rest()[0]) == [(0, 120, 2)]
    assert bank.rest() == {}


@given(stream=streams(), widths=st.lists(st.sampled_from([1, 2, 6]), min_size=1, max_size=4))
def test_columns_of_rules_that_keep_different_aggregates_stay_apart(stream: list[Sample], widths: list[int]) -> None:
    rules = [periodic(50, tuple(Aggregate)[:width]) for width in widths]
    [bank] = banks(rules, SIGNALS)
    kept = [bank.judge(block(stream)), bank.rest()]

    for position, rule in enumerate(rules):
        found = [one for part in kept if position in part for one in told(part[position])]
        assert sorted(found) == followed(rule, stream)
        assert len(columns_of(rule, SIGNALS)) == len(SIGNALS) * len(rule.keep)


def test_each_kind_has_a_bank_of_its_own() -> None:
    rules: list[Rule] = [on_change(), periodic(100), on_change(deadband=1.0)]

    assert len(banks(rules, SIGNALS)) == 2
    assert [isinstance(rule, Periodic) for rule in rules] == [False, True, False]
