import json
import math
from dataclasses import replace

from hypothesis import given

from edge_agent.records import Batch, Lane, RawKind, SignalInfo
from edge_agent.spool.columns import seal
from edge_agent.spool.reading import read_payloads
from edge_agent.spool.rows import rows, values
from tests.spool.batches import BOOT, HOT, LOST, SENDER, SERIAL, SPEED, TORQUE, VOLTAGE, batch, batches, column
from tests.spool.schemas import assert_valid


def test_signals_of_one_instant_share_a_row() -> None:
    sealed = batch(column(SPEED, (0, 100), (2_000_000, 300)), column(TORQUE, (0, -1), (1_000_000, 1)), rule=HOT)

    assert rows(sealed) == [
        {"t": 0, "agg": "last", "signals": {"Motion.Speed": 1.0, "Motion.Torque": -4.5}},
        {"t": 1, "agg": "last", "signals": {"Motion.Torque": -2.5}},
        {"t": 2, "agg": "last", "signals": {"Motion.Speed": 3.0}},
    ]


def test_instants_of_one_millisecond_stay_apart() -> None:
    assert rows(batch(column(SPEED, (1_000_000, 1), (1_000_001, 2)), rule=HOT)) == [
        {"t": 1, "agg": "last", "signals": {"Motion.Speed": 0.01}},
        {"t": 1, "agg": "last", "signals": {"Motion.Speed": 0.02}},
    ]


def test_two_samples_of_a_signal_at_one_instant_are_both_told() -> None:
    sealed = batch(column(SPEED, (5, 1), (5, 2), (5, 3), (6, 4)), column(TORQUE, (5, 4)), rule=HOT)

    assert rows(sealed) == [
        {"t": 0, "agg": "last", "signals": {"Motion.Speed": 0.01, "Motion.Torque": 0.5}},
        {"t": 0, "agg": "last", "signals": {"Motion.Speed": 0.02}},
        {"t": 0, "agg": "last", "signals": {"Motion.Speed": 0.03}},
        {"t": 0, "agg": "last", "signals": {"Motion.Speed": 0.04}},
    ]


def test_aggregates_of_one_window_have_a_row_each() -> None:
    first, second = column(SPEED, (0, 100)), column(TORQUE, (0, -1))
    sealed = batch(first, second, replace(first, aggregate="max"), replace(second, aggregate="max"), rule=HOT)

    assert rows(sealed) == [
        {"t": 0, "agg": "last", "signals": {"Motion.Speed": 1.0, "Motion.Torque": -4.5}},
        {"t": 0, "agg": "max", "signals": {"Motion.Speed": 1.0, "Motion.Torque": -4.5}},
    ]


def test_what_json_lacks_is_null() -> None:
    sealed = batch(column(VOLTAGE, (0, math.nan), (1, math.inf), (2, 1.5)), rule=HOT)

    assert rows(sealed) == [
        {"t": 0, "agg": "last", "signals": {"Cell.Voltage": None}},
        {"t": 0, "agg": "last", "signals": {"Cell.Voltage": None}},
        {"t": 0, "agg": "last", "signals": {"Cell.Voltage": 1.5}},
    ]


def test_values_are_scaled_whatever_the_kind() -> None:
    assert values(column(SPEED, (0, 65_535))) == [655.35]
    assert values(column(TORQUE, (0, -2048))) == [-2051.5]
    assert values(column(VOLTAGE, (0, 3.25))) == [3.25]
    assert values(column(SERIAL, (0, (1 << 64) - 1))) == [float((1 << 64) - 1)]


def test_an_infinity_times_zero_warns_nobody() -> None:
    assert math.isnan(values(column(SignalInfo("S", "", 0.0, 0.0, RawKind.FLOAT, 64), (0, math.inf)))[0])


@given(batches(Lane.HOT))
def test_every_kept_sample_is_in_one_row_and_rows_are_in_time_order(sealed: Batch) -> None:
    envelope = seal(sealed, SENDER, BOOT, LOST)
    [payload] = read_payloads(envelope.payload, "made")

    assert_valid(envelope.payload)
    assert len(payload.samples) == payload.kept == sealed.kept
    assert [row["t"] for row in json.loads(envelope.payload)["rows"]] == sorted(
        row["t"] for row in json.loads(envelope.payload)["rows"]
    )
    expected = sorted(
        (one.signal.name, t_ns // 1_000_000 * 1_000_000, repr(value if math.isfinite(value) else math.nan))
        for one in sealed.columns
        for t_ns, value in zip(one.t_ns.tolist(), values(one), strict=True)
    )
    assert sorted((sample.name, sample.t_ns, repr(sample.value)) for sample in payload.samples) == expected
