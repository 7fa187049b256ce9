from dataclasses import replace

import numpy as np

from edge_agent.desk.dry_run_traces import MOST_PANELS, Traces
from edge_agent.records import Batch, ClockQuality, CloseReason, Column, Lane, RawKind, RuleInfo, SignalInfo, TimeUnit
from tests.desk.test_dry_run_tally import samples

SPEED = SignalInfo("A.Speed", "km/h", 0.5, 0.0, RawKind.UNSIGNED, 16)
SIGNALS = (SPEED, *(replace(SPEED, name=f"A.S{number}") for number in range(6)))
TRIP = RuleInfo("trip", "periodic", 5, Lane.WARM, "", TimeUnit.MS)


def heard(traces: Traces, signal: int, *values: float, at_ns: int = 0) -> None:
    block = samples(*[signal] * len(values))
    traces.hear(replace(block, t_ns=at_ns + np.arange(len(values)), value=np.array(values, np.float64)))


def kept(
    traces: Traces,
    signal: SignalInfo,
    *raw: int,
    aggregate: str = "last",
    max_error: float | None = None,
    why: CloseReason = CloseReason.AGE,
) -> None:
    column = Column(signal, aggregate, np.arange(len(raw), dtype=np.int64), np.array(raw, np.int64), max_error)
    traces.take(Batch(0, TRIP, 0, 0, why, 1, (column,), (), ClockQuality.RECORDED, 0))


def test_a_trace_is_what_was_on_the_bus_and_what_each_rule_kept_in_the_signals_unit() -> None:
    traces = Traces(SIGNALS, ())
    heard(traces, 0, 1.0, 2.0, 3.0)
    heard(traces, 1, 8.0, 9.0)
    heard(traces, 0, 4.0, at_ns=3)
    kept(traces, SPEED, 2, 4)
    kept(traces, SPEED, 8)

    speed = next(trace for trace in traces.traces() if trace.name == "A.Speed")
    assert (speed.unit, speed.raw.t_ns.tolist(), speed.raw.value.tolist()) == ("km/h", [0, 1, 2, 3], [1, 2, 3, 4])
    [one] = speed.kept
    assert (one.rule, one.aggregate, one.max_error, one.points.value.tolist()) == ("trip", "last", None, [1, 2, 4])


def test_each_aggregate_is_kept_apart_but_a_count_which_has_another_unit() -> None:
    traces = Traces(SIGNALS, ["A.Speed"])
    heard(traces, 0, 1.0)
    kept(traces, SPEED, 1, aggregate="min")
    kept(traces, SPEED, 9, aggregate="max")
    kept(traces, SPEED, 7, aggregate="count")
    kept(traces, SPEED, 3, max_error=0.5)

    [speed] = traces.traces()
    assert [(one.aggregate, one.max_error) for one in speed.kept] == [("min", None), ("max", None), ("last", 0.5)]


def test_where_an_event_ended_the_line_breaks() -> None:
    traces = Traces(SIGNALS, ["A.Speed"])
    heard(traces, 0, 1.0)
    kept(traces, SPEED, 2, why=CloseReason.BYTES)
    kept(traces, SPEED, 4, why=CloseReason.EVENT)
    kept(traces, SPEED, 6)

    [one] = traces.traces()[0].kept
    assert one.samples == 3
    assert np.array_equal(one.points.value, [1, 2, np.nan, 3], equal_nan=True)


def test_the_signals_that_were_asked_for_come_in_their_order_even_where_they_were_silent() -> None:
    traces = Traces(SIGNALS, ["A.S3", "A.Speed"])
    heard(traces, 0, 1.0)
    heard(traces, 1, 1.0)

    assert [(trace.name, len(trace.raw)) for trace in traces.traces()] == [("A.S3", 0), ("A.Speed", 1)]


def test_unasked_the_few_that_moved_and_were_reduced_most_are_shown() -> None:
    traces = Traces(SIGNALS, ())
    for signal in range(6):
        heard(traces, signal, *([5.0] * 10 if signal == 2 else range(10)))
        kept(traces, SIGNALS[signal], *range(signal + 1))

    assert MOST_PANELS == 4
    assert [trace.name for trace in traces.traces()] == ["A.Speed", "A.S0", "A.S2", "A.S3"]


def test_without_a_sample_there_is_no_trace() -> None:
    traces = Traces(SIGNALS, ())
    assert traces.traces() == ()

    traces.hear(samples())
    assert traces.traces() == ()
