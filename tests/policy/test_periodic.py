from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.periodic import PeriodicKeeper
from edge_agent.policy.rules import Aggregate, Periodic
from tests.policy.by_hand import followed
from tests.policy.streams import (
    FORWARD,
    FORWARD_AND_BACK,
    SIGNALS,
    cuts,
    judged,
    periodic,
    sample,
    samples_of,
    streams,
    told,
)

ALL = tuple(Aggregate)


def keeper(every_ns: int, keep: Sequence[Aggregate] = (Aggregate.LAST,)) -> PeriodicKeeper:
    return PeriodicKeeper([periodic(every_ns, keep)], SIGNALS)


rules = st.builds(
    periodic,
    st.sampled_from([1, 7, 50, 1000]),
    st.lists(st.sampled_from(ALL), min_size=1, unique=True),
)


@given(data=st.data(), rule=rules, steps=st.sampled_from([FORWARD, FORWARD_AND_BACK]))
def test_wherever_the_stream_is_cut_the_same_is_kept_as_by_hand(
    data: st.DataObject, rule: Periodic, steps: st.SearchStrategy[int]
) -> None:
    stream = data.draw(streams(steps))

    found = judged(PeriodicKeeper([rule], SIGNALS), stream, data.draw(cuts(stream)))

    assert found == followed(rule, stream)


@given(data=st.data(), both=st.tuples(rules, rules))
def test_rules_that_are_judged_together_keep_what_each_keeps_alone(
    data: st.DataObject, both: tuple[Periodic, Periodic]
) -> None:
    stream = data.draw(streams())
    heard = [one._replace(signal=one.signal + 3 * rule) for one in stream for rule in range(2)]
    judge = PeriodicKeeper(both, SIGNALS)

    found = told(judge.keep(samples_of(heard))) + told(judge.rest())

    base = 3 * len(both[0].keep)
    alone = followed(both[0], stream) + [(column + base, *number) for column, *number in followed(both[1], stream)]
    assert sorted(found) == sorted(alone)


@given(data=st.data(), rule=rules, windows=st.integers(-(10**12), 10**12))
def test_after_a_shift_by_whole_windows_it_goes_on_as_if_the_clock_had_always_been_right(
    data: st.DataObject, rule: Periodic, windows: int
) -> None:
    delta_ns = windows * rule.every_ns
    stream = data.draw(streams())
    at = data.draw(st.integers(0, len(stream)))
    judge = PeriodicKeeper([rule], SIGNALS)

    before = told(judge.keep(samples_of(stream[:at])))
    judge.shift(delta_ns)
    moved = [one._replace(t_ns=one.t_ns + delta_ns) for one in stream]
    after = told(judge.keep(samples_of(moved[at:]))) + told(judge.rest())

    assert sorted([(column, t_ns + delta_ns, raw) for column, t_ns, raw in before] + after) == followed(rule, moved)


def test_a_shift_by_less_than_a_window_leaves_the_open_window_whole_where_its_last_sample_lies() -> None:
    judge = keeper(100, [Aggregate.FIRST, Aggregate.COUNT])
    judge.keep(samples_of([sample(110, 0, 1), sample(150, 0, 2)]))

    judge.shift(1060)
    judge.keep(samples_of([sample(1230, 0, 3)]))

    assert sorted(told(judge.due(1300))) == [(0, 1170, 1), (1, 1200, 3)]


def test_a_window_is_over_exactly_when_the_next_begins() -> None:
    judge = keeper(100)

    assert not len(judge.keep(samples_of([sample(199, 0, 1), sample(100, 1, 2)])))
    assert not len(judge.due(199))
    assert sorted(told(judge.due(200))) == [(0, 199, 1), (1, 100, 2)]
    assert not len(judge.due(300))


def test_a_sample_of_the_next_window_lets_the_one_before_go_at_once() -> None:
    judge = keeper(100)

    released = judge.keep(samples_of([sample(10, 0, 1), sample(20, 0, 2), sample(110, 0, 3), sample(350, 0, 4)]))

    assert told(released) == [(0, 20, 2), (0, 110, 3)]
    assert told(judge.rest()) == [(0, 350, 4)]
    assert not len(judge.rest())


def test_samples_keep_their_own_times_and_what_is_of_the_window_stands_at_its_beginning() -> None:
    judge = keeper(100, ALL)

    judge.keep(samples_of([sample(310, 0, 4), sample(320, 0, 8), sample(330, 0, 2), sample(390, 0, 6)]))

    times = [t_ns for _, t_ns, _ in sorted(told(judge.rest()))]
    assert dict(zip(ALL, times, strict=True)) == {
        Aggregate.LAST: 390,
        Aggregate.FIRST: 310,
        Aggregate.MIN: 300,
        Aggregate.MAX: 300,
        Aggregate.MEAN: 300,
        Aggregate.COUNT: 300,
    }


def test_a_window_without_samples_gives_nothing() -> None:
    judge = keeper(100, ALL)
    judge.keep(samples_of([sample(10, 0, 4)]))

    assert len(judge.due(100)) == len(ALL)
    assert not len(judge.due(1000))


def test_a_clock_that_steps_back_opens_another_window_and_loses_nothing() -> None:
    judge = keeper(100)

    released = judge.keep(samples_of([sample(1010, 0, 1), sample(20, 0, 2), sample(30, 0, 3)]))

    assert told(released) == [(0, 1010, 1)]
    assert told(judge.rest()) == [(0, 30, 3)]


def test_a_clock_that_steps_back_between_two_blocks_loses_nothing_either() -> None:
    judge = keeper(100)
    judge.keep(samples_of([sample(1010, 0, 1), sample(1010, 1, 1)]))

    assert told(judge.keep(samples_of([sample(20, 0, 2)]))) == [(0, 1010, 1)]
    assert told(judge.keep(samples_of([sample(1030, 0, 3), sample(1030, 1, 3)]))) == [(0, 20, 2)]
    assert sorted(told(judge.rest())) == [(0, 1030, 3), (1, 1030, 3)]


def test_windows_count_from_the_epoch_also_before_it() -> None:
    judge = keeper(100)

    released = judge.keep(samples_of([sample(-101, 0, 1), sample(-100, 0, 2), sample(-1, 0, 3), sample(0, 0, 4)]))

    assert told(released) == [(0, -101, 1), (0, -1, 3)]


def test_nothing_is_kept_of_nothing() -> None:
    judge = keeper(100)

    assert not len(judge.keep(samples_of([])))
    assert not len(judge.due(10**18))
