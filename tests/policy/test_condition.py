import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy import condition
from edge_agent.policy.condition import Conditions, Verdicts
from edge_agent.policy.condition_names import bind
from edge_agent.policy.condition_syntax import parse
from edge_agent.policy.condition_tree import Tree
from edge_agent.policy.settling import Settled, Settling
from edge_agent.records import SampleBlock
from tests.policy.condition_reference import EXPRESSIONS, Expression, judged, written
from tests.policy.condition_signals import CATALOG, MS, SECOND, SIGNALS, Sample, block, blocks_of, sample, streams

SPEED, GEAR, VOLTAGE, SERIAL = range(4)
UNKNOWN = -1
LATER_NS = 10**18

Judged = list[tuple[int, int]]


def conditions(*texts: str) -> Conditions:
    return Conditions([tree(text) for text in texts], SIGNALS)


class OverSettled:
    """Conditions over what the blocks of a stream have settled, as they are judged in a vehicle."""

    def __init__(self, *texts: str) -> None:
        self._settling = Settling(np.ones(len(SIGNALS), np.bool_))
        self._conditions = conditions(*texts)
        self.judged: list[Judged] = [[] for _ in texts]

    def feed(self, one: SampleBlock) -> None:
        self._judge(list(self._settling.feed(one)))

    def rest(self) -> None:
        self._judge(list(self._settling.rest()))

    def shift(self, delta_ns: int) -> None:
        self._settling.shift(delta_ns)
        self._conditions.shift(delta_ns)

    def _judge(self, stretches: Sequence[Settled]) -> None:
        for settled in stretches:
            for at, verdicts in enumerate(self._conditions.feed(settled.block)):
                self.judged[at] += told(verdicts)


def tree(text: str) -> Tree:
    return bind(parse(text), CATALOG)


def told(verdicts: Verdicts) -> Judged:
    return list(zip(verdicts.t_ns.tolist(), verdicts.truth.tolist(), strict=True))


def truths(text: str, *samples: Sample) -> list[int]:
    """At each instant, of samples in one block."""
    (verdicts,) = conditions(text).feed(block(samples, LATER_NS))
    return [truth for _, truth in told(verdicts)]


@given(stream=streams(), expressions=st.lists(EXPRESSIONS, min_size=1, max_size=4), data=st.data())
def test_wherever_the_stream_is_cut_conditions_are_true_when_pencil_and_paper_say(
    stream: list[Sample], expressions: list[Expression], data: st.DataObject
) -> None:
    judge = OverSettled(*map(written, expressions))
    for one in data.draw(blocks_of(stream)):
        judge.feed(one)
    judge.rest()

    assert judge.judged == [judged(stream, one) for one in expressions]


@given(stream=streams(), expressions=st.lists(EXPRESSIONS, min_size=1, max_size=3), work=st.integers(1, 60))
def test_a_long_stretch_is_judged_in_parts_and_gives_the_same(
    stream: list[Sample], expressions: list[Expression], work: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(condition, "WORK", work)
        answer = conditions(*map(written, expressions)).feed(block(stream, LATER_NS))

    assert [told(verdicts) for verdicts in answer] == [judged(stream, one) for one in expressions]


@given(stream=streams(), expression=EXPRESSIONS, data=st.data(), delta_ns=st.integers(-SECOND, 10**15))
def test_a_clock_that_becomes_known_changes_no_truth(
    stream: list[Sample], expression: Expression, data: st.DataObject, delta_ns: int
) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    until_ns = min((one.t_ns for one in stream[cut:]), default=0)
    judge = OverSettled(written(expression))
    judge.feed(block(stream[:cut], until_ns))
    before = list(judge.judged[0])
    judge.shift(delta_ns)
    judge.feed(block([one._replace(t_ns=one.t_ns + delta_ns) for one in stream[cut:]], LATER_NS))

    after = [(t_ns - delta_ns, truth) for t_ns, truth in judge.judged[0][len(before) :]]
    assert before + after == judged(stream, expression)


# --- what is judged together ---------------------------------------------------------------------


def test_samples_of_one_time_are_judged_together_though_they_came_in_two_blocks() -> None:
    judge = OverSettled("Motion.Speed > 1 and Motion.Gear == 'One'")

    judge.feed(block([sample(5, SPEED, 20), sample(5, GEAR, 3)], 5))
    assert judge.judged == [[]]
    judge.feed(block([sample(5, GEAR, 1)], 6))
    assert judge.judged == [[(5, 1)]]


def test_a_condition_has_no_instant_where_only_others_signals_have_samples() -> None:
    speed, gear = conditions("Motion.Speed > 1", "Motion.Gear > 1").feed(block([sample(5, SPEED, 20)], LATER_NS))

    assert told(speed) == [(5, 1)]
    assert told(gear) == []


def test_several_conditions_over_one_signal_each_have_their_own_memory() -> None:
    texts = ["rising(Motion.Speed > 1)", "falling(Motion.Speed > 1)", "not rising(Motion.Speed > 1)"]
    samples = [sample(t, SPEED, number) for t, number in enumerate([0, 20, 0, 20])]

    answer = conditions(*texts).feed(block(samples, LATER_NS))

    assert [[truth for _, truth in told(one)] for one in answer] == [[0, 1, 0, 1], [-1, 0, 1, 0], [1, 0, 1, 0]]


def test_without_conditions_there_is_nothing_to_judge() -> None:
    assert not conditions().feed(block([sample(5, SPEED, 20)], LATER_NS))


# --- unknown -------------------------------------------------------------------------------------


def test_unknown_is_neither_true_nor_false() -> None:
    one = sample(0, SPEED, 20)

    assert truths("Motion.Gear > 1 or Motion.Speed > 1", one) == [1]
    assert truths("Motion.Gear > 1 or Motion.Speed < 1", one) == [UNKNOWN]
    assert truths("Motion.Gear > 1 and Motion.Speed < 1", one) == [0]
    assert truths("Motion.Gear > 1 and Motion.Speed > 1", one) == [UNKNOWN]
    assert truths("not Motion.Gear > 1 and Motion.Speed > 1", one) == [UNKNOWN]
    assert truths("Motion.Gear != 'One' and Motion.Speed > 1", one) == [UNKNOWN]
    assert truths("isnull(Motion.Gear) and Motion.Speed > 1", one) == [1]


@pytest.mark.parametrize("text", ["Cell.Voltage == Cell.Voltage", "Cell.Voltage != 0", "max(Cell.Voltage, 5s) > 0"])
def test_a_number_that_is_none_is_unknown(text: str) -> None:
    assert truths(text, sample(0, VOLTAGE, math.nan)) == [UNKNOWN]


def test_a_division_by_zero_is_unknown_and_an_infinite_number_is_one() -> None:
    assert truths("1 / Cell.Voltage > 0", sample(0, VOLTAGE, 0.0), sample(1, VOLTAGE, -0.0)) == [UNKNOWN, UNKNOWN]
    assert truths("0 / Cell.Voltage == 0", sample(0, VOLTAGE, 0.0), sample(1, VOLTAGE, math.inf)) == [UNKNOWN, 1]
    assert truths("Cell.Voltage * 10 > 1e308", sample(0, VOLTAGE, 1e308)) == [1]
    assert truths("Cell.Voltage - Cell.Voltage == 0", sample(0, VOLTAGE, math.inf)) == [UNKNOWN]


def test_an_edge_goes_from_the_last_that_was_known() -> None:
    numbers = [1.0, math.nan, 3.0, math.nan, 3.0, 1.0]
    samples = [sample(i, VOLTAGE, number) for i, number in enumerate(numbers)]

    assert truths("rising(Cell.Voltage > 2)", *samples) == [0, UNKNOWN, 1, UNKNOWN, 0, 0]
    assert truths("falling(Cell.Voltage > 2)", *samples) == [UNKNOWN, UNKNOWN, 0, UNKNOWN, 0, 1]


def test_what_is_true_from_the_first_has_not_risen() -> None:
    assert truths("rising(Motion.Gear)", sample(0, GEAR, 1), sample(1, GEAR, 2)) == [UNKNOWN, 0]


def test_an_edge_is_seen_at_one_instant_only() -> None:
    samples = [sample(0, GEAR, 3), sample(1, GEAR, 4), sample(2, SPEED, 5)]

    assert truths("rising(Motion.Gear) and not isnull(Motion.Gear) or Motion.Speed < 0", *samples) == [UNKNOWN, 1, 0]


def test_a_change_is_one_of_the_raw_number_at_this_very_instant() -> None:
    samples = [sample(0, SPEED, 1), sample(1, GEAR, 7), sample(2, GEAR, 7), sample(3, GEAR, 8), sample(4, SPEED, 1)]

    assert truths("changed(Motion.Gear) or Motion.Speed < 0", *samples) == [UNKNOWN, UNKNOWN, 0, 1, 0]


def test_the_age_is_that_of_the_last_sample() -> None:
    samples = [sample(0, SPEED, 1), sample(2 * SECOND, GEAR, 1), sample(2 * SECOND + 1, GEAR, 1)]

    assert truths("age(Motion.Speed) > 2 and not isnull(Motion.Gear)", *samples) == [0, 0, 1]


def test_a_raw_number_of_64_bits_is_told_from_its_neighbour() -> None:
    samples = [sample(0, SERIAL, 2**53), sample(1, SERIAL, 2**53 + 1)]

    assert truths("changed(Cell.Serial)", *samples) == [UNKNOWN, 1]


# --- a clock that was set ------------------------------------------------------------------------


def test_a_clock_that_steps_back_makes_no_age_negative_and_keeps_no_window_waiting() -> None:
    hour = 3600 * SECOND
    judge = conditions("abs(age(Motion.Gear) - 0.5) <= 0.5 and Motion.Speed", "max(Motion.Speed, 1s) > 5")
    judge.feed(block([sample(hour, GEAR, 1), sample(hour, SPEED, 100)], hour + 1))

    at = 10 * SECOND
    ages, windows = judge.feed(block([sample(at + i * 500 * MS, SPEED, 1) for i in range(4)], 12 * SECOND))

    assert [t_ns for t_ns, _ in told(ages)] == [at + i * 500 * MS for i in range(4)]
    assert [truth for _, truth in told(ages)] == [1, 1, 1, 0]
    assert [truth for _, truth in told(windows)] == [1, 1, 0, 0]
