import numpy as np

from edge_agent.policy.condition_instants import Readings
from edge_agent.policy.gates import Gates
from edge_agent.policy.kept import Found
from edge_agent.policy.rules import OPEN, BatchLimits, Gate, Snapshot
from edge_agent.policy.snapshots import Snapshots
from edge_agent.policy.spells import Turn
from tests.policy.streams import info, told

LIMITS = BatchLimits(10**18, 500_000)
NONE: dict[int, list[Turn]] = {}


def rule(*, at: int | None = None, both: bool = False, every: int | None = None) -> Snapshot:
    return Snapshot(info("rule", "snapshot"), np.array([1, 0]), LIMITS, at, both, every)


def readings(*samples: tuple[int, int, int]) -> Readings:
    """(time, signal, raw number)"""
    t_ns, signal, raw = np.array(samples, np.int64).reshape(-1, 3).T
    return Readings(t_ns, signal, raw, raw.astype(np.float64))


def taken(found: list[Found]) -> list[tuple[tuple[int, ...], list[tuple[int, int, int]]]]:
    assert all(one.ends for one in found)
    return [(one.fired_ns, told(one.kept)) for one in found]


def test_a_snapshot_has_the_last_sample_up_to_its_instant_with_its_own_time() -> None:
    snapshots = Snapshots([(0, rule(at=0))], 2)
    gates = Gates([OPEN])
    list(snapshots.feed(NONE, readings((1, 0, 10), (2, 0, 11)), 3, gates))

    found = snapshots.feed({0: [Turn(7, true=True)]}, readings((5, 1, 20), (7, 1, 21), (8, 0, 12)), 9, gates)

    assert taken(list(found)) == [((7,), [(1, 2, 11), (0, 7, 21)])]


def test_the_end_of_the_condition_asks_only_where_both_edges_do() -> None:
    turns = {0: [Turn(1, true=True), Turn(2, true=False)]}
    snapshots = Snapshots([(0, rule(at=0)), (1, rule(at=0, both=True))], 2)

    found = list(snapshots.feed(turns, readings((0, 0, 10)), 9, Gates([OPEN, OPEN])))

    assert [(one.rule, one.fired_ns) for one in found] == [(0, (1,)), (1, (1,)), (1, (2,))]


def test_a_period_tells_at_its_end_what_is_new_in_it() -> None:
    snapshots = Snapshots([(0, rule(every=10))], 2)
    gates = Gates([OPEN])

    found = list(snapshots.feed(NONE, readings((3, 0, 1), (20, 0, 2), (21, 0, 3)), 30, gates))
    found += snapshots.feed(NONE, readings(), 1000, gates)

    assert taken(found) == [((10,), [(1, 3, 1)]), ((20,), [(1, 20, 2)]), ((30,), [(1, 21, 3)])]


def test_a_period_waits_for_the_samples_of_its_very_end() -> None:
    snapshots = Snapshots([(0, rule(every=10))], 2)
    gates = Gates([OPEN])
    assert list(snapshots.feed(NONE, readings((3, 0, 1)), 10, gates)) == []

    assert taken(list(snapshots.feed(NONE, readings((10, 0, 2)), 11, gates))) == [((10,), [(1, 10, 2)])]


def test_where_nothing_is_known_or_the_gate_is_closed_there_is_no_snapshot() -> None:
    snapshots = Snapshots([(0, rule(every=10)), (1, rule(every=10))], 2)
    gates = Gates([OPEN, Gate(until_ns=0)])
    assert list(snapshots.now([0, 1], 5, gates)) == []

    found = list(snapshots.feed(NONE, readings((3, 0, 1)), 30, gates))

    assert [one.rule for one in found] == [0]


def test_whoever_asks_gets_the_snapshots_of_the_rules_he_names() -> None:
    snapshots = Snapshots([(0, rule()), (4, rule())], 2)
    gates = Gates([OPEN] * 5)
    list(snapshots.feed(NONE, readings((3, 0, 1)), 30, gates))

    assert [(one.rule, one.fired_ns) for one in snapshots.now([4], 30, gates)] == [(4, (30,))]


def test_what_is_known_moves_with_the_clock_and_a_period_goes_on_by_the_new_one() -> None:
    snapshots = Snapshots([(0, rule(every=10))], 2)
    gates = Gates([OPEN])
    list(snapshots.feed(NONE, readings((3, 0, 1)), 4, gates))
    snapshots.shift(100)

    assert taken(list(snapshots.feed(NONE, readings(), 120, gates))) == [((110,), [(1, 103, 1)])]


def test_another_plan_knows_what_was_known_by_other_numbers() -> None:
    before = Snapshots([(0, rule())], 3)
    list(before.feed(NONE, readings((3, 2, 7)), 4, Gates([OPEN])))
    after = Snapshots([(0, rule())], 2)

    after.learn(before.known_as({0: 1, 2: 0}))

    assert [told(one.kept) for one in after.now([0], 9, Gates([OPEN]))] == [[(1, 3, 7)]]
