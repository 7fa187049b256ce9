import math

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.on_change import OnChangeKeeper
from edge_agent.policy.rules import OnChange
from tests.policy.by_hand import followed
from tests.policy.streams import (
    FORWARD_AND_BACK,
    Sample,
    cuts,
    judged,
    on_change,
    sample,
    samples_of,
    streams,
    told,
)


def keeper(
    *, deadband: float = 0.0, relative: float = 0.0, min_interval_ns: int = 0, heartbeat_ns: int | None = None
) -> OnChangeKeeper:
    rule = on_change(deadband=deadband, relative=relative, min_interval_ns=min_interval_ns, heartbeat_ns=heartbeat_ns)
    return OnChangeKeeper([rule])


def kept(judge: OnChangeKeeper, *samples: Sample) -> list[int]:
    """Times of what is kept at once."""
    return sorted(t_ns for _, t_ns, _ in told(judge.keep(samples_of(samples))))


def due(judge: OnChangeKeeper, until_ns: int) -> list[int]:
    return [t_ns for _, t_ns, _ in told(judge.due(until_ns))]


rules = st.builds(
    on_change,
    deadband=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    relative=st.sampled_from([0.0, 0.25, 1.0]),
    min_interval_ns=st.sampled_from([0, 25, 1000]),
    heartbeat_ns=st.sampled_from([None, 50, 10]),
)


@given(data=st.data(), rule=rules)
def test_wherever_the_stream_is_cut_the_same_is_kept_as_by_hand(data: st.DataObject, rule: OnChange) -> None:
    stream = data.draw(streams(FORWARD_AND_BACK))

    found = judged(OnChangeKeeper([rule]), stream, data.draw(cuts(stream)))

    assert found == followed(rule, stream)


@given(data=st.data(), both=st.tuples(rules, rules))
def test_rules_that_are_judged_together_keep_what_each_keeps_alone(
    data: st.DataObject, both: tuple[OnChange, OnChange]
) -> None:
    stream = data.draw(streams())
    heard = [one._replace(signal=one.signal + 3 * rule) for one in stream for rule in range(2)]
    judge = OnChangeKeeper(both)

    found = told(judge.keep(samples_of(heard))) + told(judge.rest())

    alone = [(column + 3 * n, t_ns, raw) for n, rule in enumerate(both) for column, t_ns, raw in followed(rule, stream)]
    assert sorted(found) == sorted(alone)


@given(data=st.data(), rule=rules, delta_ns=st.integers(-(10**18), 10**18))
def test_after_a_shift_it_goes_on_as_if_the_clock_had_always_been_right(
    data: st.DataObject, rule: OnChange, delta_ns: int
) -> None:
    stream = data.draw(streams())
    at = data.draw(st.integers(0, len(stream)))
    judge = OnChangeKeeper([rule])

    before = told(judge.keep(samples_of(stream[:at])))
    judge.shift(delta_ns)
    moved = [one._replace(t_ns=one.t_ns + delta_ns) for one in stream]
    after = told(judge.keep(samples_of(moved[at:]))) + told(judge.rest())

    assert sorted([(column, t_ns + delta_ns, raw) for column, t_ns, raw in before] + after) == followed(rule, moved)


def test_the_edge_of_the_band_is_inside_it() -> None:
    judge = keeper(deadband=1.0)

    assert kept(judge, sample(0, 0, 10), sample(1, 0, 12), sample(2, 0, 13), sample(3, 0, 11)) == [0, 2]


def test_a_relative_band_is_a_share_of_the_last_kept_value() -> None:
    judge = keeper(relative=0.1)

    # 50, 55 (its edge), 56, 61.5, 62: values are half the raw numbers
    assert kept(judge, *(sample(i, 0, raw) for i, raw in enumerate([100, 110, 112, 123, 124]))) == [0, 2, 4]


def test_around_zero_a_relative_band_has_no_width_and_around_an_infinity_neither() -> None:
    judge = keeper(relative=0.5)
    numbers = [0.0, 0.01, math.inf, 5.0, -math.inf, -math.inf, math.inf]

    assert kept(judge, *(sample(i, 2, number) for i, number in enumerate(numbers))) == [0, 1, 2, 3, 4, 6]


def test_the_band_lies_around_the_last_kept_sample_so_that_a_creep_is_seen() -> None:
    judge = keeper(deadband=1.0)

    assert kept(judge, *(sample(i, 1, i) for i in range(7))) == [0, 2, 4, 6]


def test_a_float_that_turns_nan_and_back_is_a_change_and_one_that_stays_nan_is_none() -> None:
    judge = keeper(deadband=10.0)
    numbers = [1.0, math.nan, math.nan, 1.0, 2.0]

    assert kept(judge, *(sample(i, 2, number) for i, number in enumerate(numbers))) == [0, 1, 3]


def test_without_a_band_each_change_of_the_raw_number_is_kept() -> None:
    judge = keeper()

    assert kept(judge, sample(0, 2, 0.0), sample(1, 2, -0.0), sample(2, 2, -0.0)) == [0, 1]


def test_what_the_interval_held_up_is_kept_when_it_is_over_though_nothing_comes_any_more() -> None:
    judge = keeper(min_interval_ns=100)

    assert kept(judge, sample(0, 0, 1), sample(40, 0, 2), sample(60, 0, 3)) == [0]
    assert due(judge, 99) == []
    assert due(judge, 100) == [60]
    assert due(judge, 10**18) == []


def test_what_came_back_within_the_interval_is_no_change() -> None:
    judge = keeper(min_interval_ns=100)

    assert kept(judge, sample(0, 0, 1), sample(40, 0, 2), sample(60, 0, 1), sample(150, 0, 1)) == [0]
    assert not len(judge.rest())


def test_a_signal_that_never_rests_is_kept_once_an_interval() -> None:
    judge = keeper(min_interval_ns=100)

    found = kept(judge, *(sample(t, 0, t % 7) for t in range(0, 500, 10)))

    assert found == [0, 90, 190, 290, 390]


def test_after_an_interval_without_a_change_the_next_one_is_kept_at_once() -> None:
    judge = keeper(min_interval_ns=100)

    assert kept(judge, sample(0, 0, 1), sample(50, 0, 1), sample(120, 0, 2), sample(130, 0, 3)) == [0, 120]
    assert due(judge, 220) == [130]


def test_a_heartbeat_comes_though_the_interval_is_not_over() -> None:
    judge = keeper(min_interval_ns=1000, heartbeat_ns=100)

    assert kept(judge, sample(0, 0, 1), sample(99, 0, 2), sample(100, 0, 2)) == [0, 100]
    assert not len(judge.rest())


def test_a_clock_that_steps_back_an_hour_silences_neither_changes_nor_heartbeats() -> None:
    hour = 3600 * 10**9
    judge = keeper(min_interval_ns=100, heartbeat_ns=1000)

    assert kept(judge, sample(hour, 0, 7)) == [hour]
    assert kept(judge, *(sample(t, 0, 7) for t in (0, 1000, 1500, 2000))) == [0, 1000, 2000]


def test_a_clock_that_steps_back_lets_go_what_the_interval_held_up() -> None:
    judge = keeper(min_interval_ns=100)

    assert kept(judge, sample(1000, 0, 7), sample(1050, 0, 8)) == [1000]
    assert kept(judge, sample(0, 0, 9)) == [0, 1050]


def test_infinities_are_judged_without_a_warning() -> None:
    judge = keeper(deadband=1.0)
    numbers = [math.inf, math.inf, -math.inf, 0.0, math.inf]

    assert kept(judge, *(sample(i, 2, number) for i, number in enumerate(numbers))) == [0, 2, 3, 4]


def test_nothing_is_kept_of_nothing() -> None:
    judge = keeper(min_interval_ns=100)

    assert not len(judge.keep(samples_of([])))
    assert not len(judge.due(10**18))
