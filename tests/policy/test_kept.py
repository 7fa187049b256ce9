from edge_agent.policy.kept import NOTHING, Samples, joined
from tests.policy.streams import sample, samples_of


def times(samples: Samples) -> list[int]:
    return list(map(int, samples.t_ns))


def test_samples_of_one_time_keep_their_order() -> None:
    one = samples_of([sample(5, 0, 1), sample(3, 0, 2), sample(5, 1, 3), sample(3, 2, 4)])

    ordered = one.by_time()

    assert times(ordered) == [3, 3, 5, 5]
    assert ordered.signal.tolist() == [0, 2, 0, 1]


def test_nothing_changes_what_it_is_joined_to() -> None:
    one = samples_of([sample(5, 0, 1)])

    assert one.then(NOTHING) is one
    assert NOTHING.then(one) is one
    assert times(one.then(one)) == [5, 5]
    assert times(joined([one, NOTHING, one, one])) == [5, 5, 5]
