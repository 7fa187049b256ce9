import math

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.on_change import OnChangeKeeper
from tests.policy.streams import SIGNALS, Sample, cuts, kept_by_on_change, sample, samples_of, streams

FORWARD_AND_BACK = st.integers(-30, 60)


def keeper(*, deadband: float = 0.0, min_interval_ns: int = 0, heartbeat_ns: int | None = None) -> OnChangeKeeper:
    return OnChangeKeeper(len(SIGNALS), deadband=deadband, min_interval_ns=min_interval_ns, heartbeat_ns=heartbeat_ns)


def kept(judge: OnChangeKeeper, *samples: Sample) -> list[tuple[int, int, int]]:
    found = judge.keep(samples_of(samples))
    return sorted(zip(found.t_ns.tolist(), found.signal.tolist(), found.raw.tolist(), strict=True))


@given(
    data=st.data(),
    deadband=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    min_interval_ns=st.sampled_from([0, 25, 1000]),
    heartbeat_ns=st.sampled_from([None, 50, 10]),
)
def test_wherever_the_stream_is_cut_each_sample_is_judged_by_the_last_kept_one(
    data: st.DataObject, deadband: float, min_interval_ns: int, heartbeat_ns: int | None
) -> None:
    stream = data.draw(streams(FORWARD_AND_BACK))
    judge = keeper(deadband=deadband, min_interval_ns=min_interval_ns, heartbeat_ns=heartbeat_ns)

    found = [one for part in data.draw(cuts(len(stream))) for one in kept(judge, *stream[part])]

    expected = kept_by_on_change(stream, deadband=deadband, min_interval_ns=min_interval_ns, heartbeat_ns=heartbeat_ns)
    assert sorted(found) == sorted((one.t_ns, one.signal, one.raw) for one in expected)
    assert not len(judge.due(10**18))
    assert not len(judge.rest())


def test_the_edge_of_the_band_is_inside_it() -> None:
    judge = keeper(deadband=1.0)

    assert [t for t, _, _ in kept(judge, sample(0, 0, 10), sample(1, 0, 12), sample(2, 0, 13), sample(3, 0, 11))] == [
        0,
        2,
    ]


def test_the_band_lies_around_the_last_kept_sample_so_that_a_creep_is_seen() -> None:
    judge = keeper(deadband=1.0)

    creeping = [sample(i, 1, i) for i in range(7)]

    assert [t for t, _, _ in kept(judge, *creeping)] == [0, 2, 4, 6]


def test_a_float_that_turns_nan_and_back_is_a_change_and_one_that_stays_nan_is_none() -> None:
    judge = keeper(deadband=10.0)
    numbers = [1.0, math.nan, math.nan, 1.0, 2.0]

    assert [t for t, _, _ in kept(judge, *(sample(i, 2, number) for i, number in enumerate(numbers)))] == [0, 1, 3]


def test_without_a_band_each_change_of_the_raw_number_is_kept() -> None:
    judge = keeper()

    assert [t for t, _, _ in kept(judge, sample(0, 2, 0.0), sample(1, 2, -0.0), sample(2, 2, -0.0))] == [0, 1]


def test_a_change_within_the_interval_waits_for_a_later_sample() -> None:
    judge = keeper(min_interval_ns=100)

    assert [t for t, _, _ in kept(judge, sample(0, 0, 1), sample(99, 0, 2), sample(100, 0, 3))] == [0, 100]


def test_a_heartbeat_comes_though_the_interval_is_not_over() -> None:
    judge = keeper(min_interval_ns=1000, heartbeat_ns=100)

    assert [t for t, _, _ in kept(judge, sample(0, 0, 1), sample(99, 0, 1), sample(100, 0, 1))] == [0, 100]


def test_a_clock_that_steps_back_an_hour_silences_neither_changes_nor_heartbeats() -> None:
    hour = 3600 * 10**9
    judge = keeper(min_interval_ns=100, heartbeat_ns=1000)
    beats = [sample(t, 0, 7) for t in (0, 1000, 1500, 2000)]

    found = kept(judge, sample(hour, 0, 7), *beats)

    assert [t for t, _, _ in found] == [0, 1000, 2000, hour]


def test_infinities_are_judged_without_a_warning() -> None:
    judge = keeper(deadband=1.0)
    numbers = [math.inf, math.inf, -math.inf, 0.0, math.inf]

    assert [t for t, _, _ in kept(judge, *(sample(i, 2, number) for i, number in enumerate(numbers)))] == [0, 2, 3, 4]
