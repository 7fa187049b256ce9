import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.condition import Verdicts
from edge_agent.policy.spells import Spells

TRUTHS = st.lists(st.sampled_from([-1, 0, 1]), max_size=6)


def verdicts(truths: list[int], begin_ns: int = 0) -> Verdicts:
    return Verdicts(np.arange(begin_ns, begin_ns + len(truths)), np.array(truths, np.int8))


def test_unknown_is_not_true_and_so_is_what_was_never_judged() -> None:
    turns = Spells(1).feed([verdicts([-1, 1, 1, -1, 0, 1])])

    assert turns == {0: [(1, True), (3, False), (5, True)]}


def test_a_condition_that_is_true_at_its_first_instant_turns_there() -> None:
    assert Spells(2).feed([verdicts([]), verdicts([1])]) == {1: [(0, True)]}


@given(blocks=st.lists(st.tuples(TRUTHS, TRUTHS), max_size=5))
def test_however_cut_a_turn_is_where_the_truth_is_another_than_before(
    blocks: list[tuple[list[int], list[int]]],
) -> None:
    spells = Spells(2)
    found: dict[int, list[tuple[int, bool]]] = {0: [], 1: []}
    whole: list[list[int]] = [[], []]

    for block in blocks:
        turns = spells.feed([verdicts(truths, len(whole[i])) for i, truths in enumerate(block)])
        for i, truths in enumerate(block):
            found[i] += turns.get(i, [])
            whole[i] += truths

    for i, truths in enumerate(whole):
        before = [False, *(truth == 1 for truth in truths)]
        expected = [(at, truth == 1) for at, truth in enumerate(truths) if before[at] != (truth == 1)]
        assert found[i] == expected


def test_what_is_true_now_is_what_was_true_at_the_last_instant() -> None:
    spells = Spells(3)
    spells.feed([verdicts([0, 1]), verdicts([1, -1]), verdicts([])])
    assert [spells.is_true(condition) for condition in range(3)] == [True, False, False]
