from edge_agent.policy.batch import OpenBatch
from edge_agent.policy.kept import Kept
from edge_agent.policy.rules import Aggregate, BatchLimits, ColumnInfo
from edge_agent.records import CloseReason, Lane, TimeUnit
from tests.policy.streams import SIGNALS, Sample, sample, samples_of

AGE = 1_000_000_000


def opened(*, max_age_ns: int = AGE, max_bytes: int = 100_000) -> OpenBatch:
    columns = tuple(map(ColumnInfo, SIGNALS))
    return OpenBatch(columns, BatchLimits(max_age_ns, max_bytes), Lane.WARM, TimeUnit.MS)


def kept_of(samples: list[Sample]) -> Kept:
    whole = samples_of(samples)
    return Kept(whole.t_ns, whole.slot, whole.raw)


def test_samples_within_its_age_are_taken_and_the_next_one_is_not() -> None:
    batch = opened()

    rest, why = batch.add(kept_of([sample(5, 0, 1), sample(4 + AGE, 0, 2), sample(5 + AGE, 0, 3)]))

    assert (rest.t_ns.tolist(), why) == ([5 + AGE], CloseReason.AGE)
    assert not batch.overdue(4 + AGE)
    assert batch.overdue(5 + AGE)


def test_a_sample_from_long_before_belongs_to_another_batch() -> None:
    batch = opened()
    batch.add(kept_of([sample(10 * AGE, 0, 1)]))

    rest, _ = batch.add(kept_of([sample(9 * AGE, 0, 2)]))
    assert not len(rest)
    rest, why = batch.add(kept_of([sample(9 * AGE - 1, 0, 3)]))

    assert (rest.t_ns.tolist(), why) == ([9 * AGE - 1], CloseReason.AGE)
    assert not batch.overdue(9 * AGE)
    assert batch.overdue(9 * AGE - 1)


def test_what_does_not_fit_is_given_back_with_the_reason() -> None:
    batch = opened(max_bytes=400)

    rest, why = batch.add(kept_of([sample(i, 0, i % 7) for i in range(100)]))

    assert why is CloseReason.BYTES
    assert 0 < len(rest) < 100


def test_a_column_is_counted_once_however_many_blocks_it_comes_from() -> None:
    batch = opened(max_bytes=700)

    rest = [len(batch.add(kept_of([sample(i, 0, 1)]))[0]) for i in range(30)]

    assert not any(rest)


def test_one_sample_fits_though_it_is_larger_than_allowed() -> None:
    batch = opened(max_bytes=1)

    rest, why = batch.add(kept_of([sample(0, 0, 1), sample(1, 0, 2)]))

    assert (rest.t_ns.tolist(), why) == ([1], CloseReason.BYTES)


def test_columns_are_in_the_rules_order_each_in_time_order_and_leave_the_batch_empty() -> None:
    batch = opened()
    batch.add(kept_of([sample(20, 2, 1.5), sample(20, 0, 7), sample(30, 0, 8)]))
    batch.add(kept_of([sample(10, 0, 6), sample(30, 0, 9)]))

    voltage_last = batch.columns()

    assert [column.signal.name for column in voltage_last] == ["Motion.Speed", "Cell.Voltage"]
    assert voltage_last[0].t_ns.tolist() == [10, 20, 30, 30]
    assert voltage_last[0].raw.tolist() == [6, 7, 8, 9]
    assert batch.opened_ns is None
    assert not batch.overdue(10**18)


def test_an_emptied_batch_begins_anew() -> None:
    batch = opened(max_bytes=500)
    batch.add(kept_of([sample(i, 0, 1) for i in range(10)]))
    batch.columns()

    rest, _ = batch.add(kept_of([sample(5 * AGE + i, 0, 1) for i in range(10)]))

    assert not len(rest)
    assert batch.opened_ns == 5 * AGE


def test_a_column_says_what_its_numbers_are_and_what_was_promised_of_them() -> None:
    one = ColumnInfo(SIGNALS[0], Aggregate.MAX), ColumnInfo(SIGNALS[0], max_error=0.5)
    batch = OpenBatch(one, BatchLimits(AGE, 100_000), Lane.WARM, TimeUnit.MS)
    batch.add(kept_of([sample(0, 0, 1), sample(0, 1, 2)]))

    assert [(column.aggregate, column.max_error) for column in batch.columns()] == [("max", None), ("last", 0.5)]


def test_after_a_shift_all_its_times_are_told_by_the_other_clock() -> None:
    batch = opened()
    batch.add(kept_of([sample(5, 0, 1), sample(9, 1, 2)]))

    batch.shift(100 * AGE)
    batch.add(kept_of([sample(100 * AGE + 12, 0, 3)]))

    assert batch.opened_ns == 100 * AGE + 5
    assert not batch.overdue(101 * AGE + 4)
    assert batch.overdue(101 * AGE + 5)
    assert [column.t_ns.tolist() for column in batch.columns()] == [
        [100 * AGE + 5, 100 * AGE + 12],
        [100 * AGE + 9],
    ]


def test_a_shift_opens_no_batch() -> None:
    batch = opened()

    batch.shift(AGE)

    assert batch.opened_ns is None
