import gzip
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from edge_agent.records import Batch, Column, EnvelopeKey, Lane, TimeUnit
from edge_agent.spool.columns import seal
from edge_agent.spool.reading import read_payloads
from tests.spool.batches import (
    BOOT,
    HOT,
    LOST,
    NOON_NS,
    SENDER,
    SERIAL,
    SPEED,
    TORQUE,
    VOLTAGE,
    WARM,
    batch,
    batches,
    capture,
    column,
    raw_numbers,
    same,
)
from tests.spool.schemas import FILES, assert_valid, properties, schema


def text(sealed: Batch) -> bytes:
    return gzip.decompress(seal(sealed, SENDER, BOOT, LOST).payload)


def only_column(one: Column) -> dict[str, Any]:
    [found] = json.loads(text(batch(one)))["columns"]
    assert isinstance(found, dict)
    return found


@given(batches(Lane.WARM))
def test_what_was_sealed_reads_back_equal_with_times_cut_off_to_their_unit(sealed: Batch) -> None:
    envelope = seal(sealed, SENDER, BOOT, LOST)

    [payload] = read_payloads(envelope.payload, "made")

    assert_valid(gzip.decompress(envelope.payload))
    assert (payload.device, payload.boot, payload.seq, payload.kept) == ("vehicle-1", 3, 5, sealed.kept)
    unit = sealed.rule.time_unit
    expected = [
        (one.signal, t_ns // unit * unit, number)
        for one in sealed.columns
        for t_ns, number in zip(one.t_ns.tolist(), raw_numbers(one), strict=True)
    ]
    assert len(payload.samples) == len(expected)
    for sample, (signal, t_ns, number) in zip(payload.samples, expected, strict=True):
        assert (sample.name, sample.unit, sample.t_ns, sample.aggregate) == (signal.name, signal.unit, t_ns, "last")
        assert same(sample.number, number)
        assert same(sample.value, number * signal.factor + signal.offset)


@given(batches(Lane.WARM))
def test_equal_batches_give_equal_bytes(sealed: Batch) -> None:
    envelope = seal(sealed, SENDER, BOOT, LOST)

    assert envelope == seal(sealed, SENDER, BOOT, LOST)
    assert envelope.payload[4:8] == bytes(4)  # no time of sealing in gzip's header (RFC 1952, MTIME)


def test_payloads_put_one_after_the_other_are_json_lines() -> None:
    parts = [seal(batch(column(SPEED, (i, i)), seq=i), SENDER, BOOT, ()).payload for i in range(3)]

    found = list(read_payloads(b"".join(parts), "made"))

    assert [payload.seq for payload in found] == [0, 1, 2]
    assert gzip.decompress(b"".join(parts)).count(b"\n") == 3


def test_integers_are_differences_after_the_first() -> None:
    found = only_column(column(TORQUE, (NOON_NS, -7), (NOON_NS + 10_000_000, -7), (NOON_NS + 30_000_000, 5)))

    assert found == {
        "name": "Motion.Torque",
        "unit": "Nm",
        "factor": 1.0,
        "offset": -3.5,
        "agg": "last",
        "max_error": None,
        "tu": "ms",
        "t0": NOON_NS // 1_000_000,
        "dt": [0, 10, 20],
        "raw": [-7, 0, 12],
        "val": [],
        "str": [],
    }


def test_an_aggregate_and_a_bound_are_told_with_their_column() -> None:
    one = column(SPEED, (0, 1))

    found = json.loads(text(batch(one, replace(one, aggregate="max"), replace(one, max_error=0.5))))["columns"]

    assert [(each["agg"], each["max_error"]) for each in found] == [("last", None), ("max", None), ("last", 0.5)]
    assert_valid(text(batch(replace(one, aggregate="mean", max_error=0.5))))


def test_floats_are_absolute_numbers() -> None:
    found = only_column(column(VOLTAGE, (0, 3.5), (1, -0.0)))

    assert (found["raw"], found["val"], found["str"]) == ([], [3.5, -0.0], [])


def test_a_float_column_with_a_number_that_json_lacks_is_texts() -> None:
    found = only_column(column(VOLTAGE, (0, 3.5), (1, math.nan), (2, -math.inf)))

    assert (found["raw"], found["val"], found["str"]) == ([], [], ["3.5", "nan", "-inf"])


def test_integers_that_no_double_can_hold_are_texts_whatever_their_value() -> None:
    found = only_column(column(SERIAL, (0, 5), (1, (1 << 64) - 1)))

    assert (found["raw"], found["val"], found["str"]) == ([], [], ["5", "18446744073709551615"])


@pytest.mark.parametrize(("bits", "filled"), [(53, "raw"), (54, "str")])
def test_up_to_53_bits_every_difference_is_exact_in_a_double(bits: int, filled: str) -> None:
    signal = replace(SERIAL, bits=bits)

    found = only_column(column(signal, (0, 0), (1, (1 << bits) - 1), (2, 0)))

    assert [name for name in ("raw", "val", "str") if found[name]] == [filled]
    if filled == "raw":
        assert all(int(float(number)) == number for number in found["raw"])


@pytest.mark.parametrize(("unit", "dt"), [(TimeUnit.NS, 1_999_999), (TimeUnit.US, 2_000), (TimeUnit.MS, 2)])
def test_times_are_cut_off_before_they_are_subtracted_so_that_errors_do_not_add_up(unit: TimeUnit, dt: int) -> None:
    one = column(SPEED, (NOON_NS + 1, 0), (NOON_NS + 2_000_000, 0))

    [found] = json.loads(text(batch(one, rule=replace(WARM, time_unit=unit))))["columns"]

    assert (found["tu"], found["dt"]) == (unit.name.lower(), [0, dt])


def test_the_envelope_carries_what_routing_and_the_spool_need() -> None:
    envelope = seal(batch(column(SPEED, (0, 1))), SENDER, BOOT, ())

    assert (envelope.key, envelope.priority, envelope.lane) == (EnvelopeKey(3, 5), 5, Lane.WARM)
    assert (envelope.rule, envelope.schema) == ("idle", "columns/1")
    assert (envelope.content_type, envelope.content_encoding) == ("application/json", "gzip")


def test_a_hot_batch_is_plain_rows() -> None:
    envelope = seal(batch(column(SPEED, (0, 1)), rule=HOT), SENDER, BOOT, ())

    assert (envelope.schema, envelope.content_encoding, envelope.lane) == ("rows/1", "utf-8", Lane.HOT)
    assert json.loads(envelope.payload)["rows"] == [{"t": 0, "agg": "last", "signals": {"Motion.Speed": 0.01}}]


def test_a_capture_is_a_log_of_frames_and_tells_of_nothing_lost() -> None:
    envelope = seal(capture(), SENDER, BOOT, LOST)

    assert (envelope.schema, envelope.content_type, envelope.content_encoding) == ("candump/1", "text/plain", "gzip")
    assert (envelope.key, envelope.tells) == (EnvelopeKey(3, 5), ())
    assert gzip.decompress(envelope.payload) == (
        b"(1800000000.000000) can0 001#0000000000000000\n(1800000000.000001) can0 002#0000000000000000\n"
    )


def test_a_payload_beyond_what_readers_take_is_a_broken_promise_of_the_policy() -> None:
    times = np.arange(400_000)

    with pytest.raises(AssertionError, match="max_bytes should have sealed it earlier"):
        seal(batch(Column(SPEED, "last", times, times % 7)), SENDER, BOOT, ())


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_one_and_describes_every_field(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    described = dict(properties(schema(name)))

    assert len(described) > 25
    assert not [path for path, field in described.items() if len(field.get("description", "")) < 10]


@pytest.mark.parametrize("name", FILES)
def test_a_schema_allows_nothing_it_does_not_name_and_needs_all_it_names(name: str) -> None:
    def objects(part: Any) -> list[dict[str, Any]]:
        if isinstance(part, list):
            return [found for one in part for found in objects(one)]
        if not isinstance(part, dict):
            return []
        mine = [part] if "properties" in part else []
        return mine + [found for one in part.values() for found in objects(one)]

    for part in objects(schema(name)):
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert set(part["required"]) == set(part["properties"])
