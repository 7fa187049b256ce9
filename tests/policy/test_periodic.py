from hypothesis import given
from hypothesis import strategies as st

from edge_agent.policy.kept import Samples
from edge_agent.policy.periodic import PeriodicKeeper
from tests.policy.streams import SIGNALS, blocks, cuts, kept_by_periodic, sample, samples_of, streams


def kept(samples: Samples) -> list[tuple[int, int, int]]:
    return sorted(zip(samples.t_ns.tolist(), samples.signal.tolist(), samples.raw.tolist(), strict=True))


@given(data=st.data(), every_ns=st.sampled_from([1, 7, 50, 1000]))
def test_wherever_the_stream_is_cut_the_last_of_each_window_is_kept(data: st.DataObject, every_ns: int) -> None:
    stream = data.draw(streams())
    parts = data.draw(cuts(len(stream)))
    keeper = PeriodicKeeper(len(SIGNALS), every_ns)

    found = []
    for part, block in zip(parts, blocks(stream, parts), strict=True):
        found += kept(keeper.keep(samples_of(stream[part])))
        over = keeper.due(block.until_ns)
        assert all(t_ns // every_ns < block.until_ns // every_ns for t_ns in over.t_ns.tolist())
        found += kept(over)
    found += kept(keeper.rest())

    assert sorted(found) == sorted((one.t_ns, one.signal, one.raw) for one in kept_by_periodic(stream, every_ns))


def test_a_window_is_over_exactly_when_the_next_begins() -> None:
    keeper = PeriodicKeeper(3, 100)

    assert not len(keeper.keep(samples_of([sample(199, 0, 1), sample(100, 1, 2)])))
    assert not len(keeper.due(199))
    assert kept(keeper.due(200)) == [(100, 1, 2), (199, 0, 1)]
    assert not len(keeper.due(300))


def test_a_sample_of_the_next_window_lets_the_one_before_go_at_once() -> None:
    keeper = PeriodicKeeper(3, 100)

    released = keeper.keep(samples_of([sample(10, 0, 1), sample(20, 0, 2), sample(110, 0, 3), sample(350, 0, 4)]))

    assert kept(released) == [(20, 0, 2), (110, 0, 3)]
    assert kept(keeper.rest()) == [(350, 0, 4)]
    assert not len(keeper.rest())


def test_a_clock_that_steps_back_opens_another_window_and_loses_nothing() -> None:
    keeper = PeriodicKeeper(3, 100)

    released = keeper.keep(samples_of([sample(1010, 0, 1), sample(20, 0, 2), sample(30, 0, 3)]))

    assert kept(released) == [(1010, 0, 1)]
    assert kept(keeper.rest()) == [(30, 0, 3)]


def test_a_clock_that_steps_back_between_two_blocks_loses_nothing_either() -> None:
    keeper = PeriodicKeeper(3, 100)
    keeper.keep(samples_of([sample(1010, 0, 1), sample(1010, 1, 1)]))

    assert kept(keeper.keep(samples_of([sample(20, 0, 2)]))) == [(1010, 0, 1)]
    assert kept(keeper.keep(samples_of([sample(1030, 0, 3), sample(1030, 1, 3)]))) == [(20, 0, 2)]
    assert kept(keeper.rest()) == [(1030, 0, 3), (1030, 1, 3)]


def test_windows_count_from_the_epoch_also_before_it() -> None:
    keeper = PeriodicKeeper(3, 100)

    released = keeper.keep(samples_of([sample(-101, 0, 1), sample(-100, 0, 2), sample(-1, 0, 3), sample(0, 0, 4)]))

    assert kept(released) == [(-101, 0, 1), (-1, 0, 3)]


def test_nothing_is_kept_of_nothing() -> None:
    keeper = PeriodicKeeper(3, 100)

    assert not len(keeper.keep(samples_of([])))
    assert not len(keeper.due(10**18))
