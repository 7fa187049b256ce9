"""The decoder against rows that the agent's tests chose, and against everything that is no payload."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_cloud import tables
from edge_cloud.decode import decode
from edge_cloud.records import Decoded, Message
from tests.cloud.edge_cloud.golden import BOOT, DEVICE, NAMES, body, message, samples
from tests.cloud.edge_cloud.rows import assert_same_rows


def header(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body(name))
    return found


def reason(decoded: Decoded) -> str:
    [row] = decoded.refused.to_pylist()
    assert decoded.batches.num_rows == decoded.samples.num_rows == 0
    return str(row["reason"])


def changed(name: str = "numbers", **fields: object) -> Message:
    return Message(json.dumps(header(name) | fields).encode(), DEVICE)


def with_column(**fields: object) -> Message:
    columns = header("numbers")["columns"]
    return changed(columns=[columns[0], columns[1] | fields, *columns[2:]])


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_batch_is_the_rows_it_was_made_of(name: str) -> None:
    decoded = decode([message(name)])

    assert decoded.refused.num_rows == 0
    assert decoded.samples.equals(samples(name)) or name == "hot"  # which has its rows by time
    assert_same_rows(decoded.samples, samples(name))


def test_many_batches_are_the_rows_of_each() -> None:
    together = decode([message(name) for name in NAMES])

    assert together.batches["kept"].to_pylist() == [header(name)["kept"] for name in NAMES]
    for name in NAMES:
        of_one = together.samples.filter([seq == header(name)["seq"] for seq in together.samples["seq"].to_pylist()])
        assert_same_rows(of_one, samples(name))


def test_every_table_has_the_columns_that_are_written_down() -> None:
    for messages in ([], [message("numbers")], [Message(b"no")], [message("numbers"), Message(b"no"), message("trip")]):
        for name, table in decode(messages).by_name().items():
            assert table.schema.equals(tables.DECODED[name]), name


def test_a_header_is_a_row_of_batches_and_of_what_it_tells() -> None:
    decoded = decode([message("numbers"), message("event")])
    told = header("numbers")
    row = decoded.batches.to_pylist()[0]

    for name in ("device", "boot", "seq", "module", "schema", "rule", "kind", "lane", "priority", "config", "kept"):
        assert row[name] == told[name]
    assert (row["prev_boot"], row["prev_last_seq"]) == (11, 140)
    assert int(row["opened"].timestamp() * 1000) == told["opened_ms"]
    assert (row["source"], row["body"], str(row["day"])) == ("numbers", body("numbers"), "2026-09-01")
    lost = [tuple(one.values())[3:7] for one in decoded.evictions.to_pylist()]
    assert lost == [(one["boot"], one["from"], one["to"], one["why"]) for one in told["evicted"]]
    assert [one["bus"] for one in decoded.buses.to_pylist()] == ["drive", "body"] * 2
    assert decoded.buses["seen"].to_pylist()[0] == 44
    fired = [int(one.timestamp() * 1000) for one in decoded.firings["fired"].to_pylist()]
    assert fired == header("event")["fired_ms"]


def test_a_trip_is_a_report() -> None:
    [row] = decode([message("trip")]).trip_reports.to_pylist()

    assert (row["id"], row["km"], row["kwh"], row["max_kmh"]) == ("2026-09-01-2", 41.5, 7.25, 131.0)
    assert (row["harsh"], row["completeness"]) == (3, 0.98)
    assert row["started"].timestamp() == 1_788_260_400
    assert json.loads(row["summary"])["end"] == "stand"


def test_frames_are_a_batch_that_its_properties_name() -> None:
    decoded = decode([message("frames")])
    [row] = decoded.batches.to_pylist()

    assert (row["device"], row["boot"], row["seq"], row["schema"]) == (DEVICE, BOOT, 8, "candump/1")
    assert row["opened"] is None
    assert row["body"] == body("frames")
    assert decoded.refused.num_rows == 0


@pytest.mark.parametrize("packed", [False, True])
def test_payloads_put_one_after_the_other_are_each_a_batch(packed: bool) -> None:
    bodies = [gzip.compress(body(name)) if packed else body(name) for name in NAMES]
    decoded = decode([Message(b"".join(bodies), DEVICE)])

    assert decoded.batches.num_rows == len(NAMES)
    assert decoded.samples.num_rows == sum(samples(name).num_rows for name in NAMES)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Message(b""), "empty"),
        (Message(b"\n \n"), "empty"),
        (Message(b"\x1f\x8bno gzip"), "gzip is broken"),
        (Message(gzip.compress(body("numbers"))[:-9]), "gzip is cut off"),
        (Message(gzip.compress(b" " * (17 << 20))), "more than 16 MiB"),
        (Message(b"hello"), "no JSON"),
        (Message(b"[1]"), "no JSON object"),
        (Message(b'{"device": "a"}'), "boot"),
        (Message(body("numbers"), "another-car"), "another-car sent it"),
        (Message(body("frames"), DEVICE), "frames whose message has no usable 'boot'"),
        (Message(body("frames"), "", {"boot": "1", "seq": "2"}), "frames of no known device"),
        (changed(schema="columns/9"), "columns/9 is not known"),
        (changed(boot="12"), "wrong kind"),
        (changed(seq=1 << 70), "wrong kind"),
        (changed(opened_ms=-5), "time -5"),
        (changed(evicted=[{"boot": 1}]), "from"),
        (changed(columns=[]), "says it holds 34 samples, and holds 0"),
        (changed("hot", kept=4), "says it holds 4 samples, and holds 5"),
        (with_column(dt=[0, 1]), "2 times and 5 numbers"),
        (with_column(val=[1.0]), "not one of raw, val and str"),
        (with_column(raw=[]), "not one of raw, val and str"),
        (with_column(raw=[1.5, 1, 1, 1, 1]), "no"),
        (with_column(raw=[1 << 70, 1, 1, 1, 1]), "no"),
        (with_column(raw=["1", 1, 1, 1, 1]), "no"),
        (with_column(raw=[], str=["1", "2", "3", "4", "five"]), "five"),
        (with_column(dt=[0, -1, 1, 1, 1]), "go back"),
        (with_column(dt=[0, 1 << 62, 1, 1, 1]), "2262"),
        (with_column(t0=1 << 62), "no time"),
        (with_column(t0="1"), "no time"),
        (with_column(tu="min"), "no usable"),
        (with_column(factor="a"), "no"),
        (with_column(name=7), "no"),
    ],
)
def test_what_is_no_payload_is_refused_alone_with_its_reason_and_its_bytes(bad: Message, why: str) -> None:
    if why:
        assert why in reason(decode([bad]))
    together = decode([message("numbers"), bad, message("event")])

    assert together.refused.num_rows == bool(why)
    assert [row["body"] for row in together.refused.to_pylist()] == [bad.body] * bool(why)
    assert together.samples.num_rows == samples("numbers").num_rows + samples("event").num_rows


@given(st.data())
def test_a_payload_with_one_byte_wrong_spoils_no_other(data: st.DataObject) -> None:
    text = body("numbers")
    at = data.draw(st.integers(0, len(text) - 1))
    broken = text[:at] + bytes([data.draw(st.integers(0, 255))]) + text[at + 1 :]
    decoded = decode([message("event"), Message(broken, DEVICE, source="broken")])

    of_event = [seq == header("event")["seq"] for seq in decoded.samples["seq"].to_pylist()]
    rows = decoded.samples.filter(of_event)
    if decoded.refused.num_rows or decoded.batches["seq"].to_pylist()[-1] != header("event")["seq"]:
        assert_same_rows(rows, samples("event"))
    assert decoded.batches.num_rows + decoded.refused.num_rows >= 2  # a line's end in the middle makes two of one


@given(
    st.lists(
        st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=30).map(
            lambda numbers: (numbers, [0, *(abs(n) % 10_000 for n in numbers[1:])])
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whole_numbers_of_53_bits_come_back_exactly(columns: list[tuple[list[int], list[int]]]) -> None:
    head = {
        "unit": "",
        "factor": 1.0,
        "offset": 0.0,
        "agg": "last",
        "max_error": None,
        "tu": "us",
        "val": [],
        "str": [],
    }
    told = [
        head | {"name": f"s{n}", "t0": 10**15, "dt": dt, "raw": [b - a for a, b in zip([0, *raw], raw, strict=False)]}
        for n, (raw, dt) in enumerate(columns)
    ]
    found = decode([changed(columns=told, kept=sum(len(raw) for raw, _ in columns))]).samples

    assert found["value"].to_pylist() == [float(n) for raw, _ in columns for n in raw]
    expected = [10**15 + sum(dt[: n + 1]) for _, dt in columns for n in range(len(dt))]
    assert found["t"].cast("int64").to_pylist() == expected


def lost(boot: object, first: object, last: object) -> list[dict[str, object]]:
    return [{"boot": boot, "from": first, "to": last, "why": "cap"}]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"seq": (1 << 63) - 1}, "its seq is 9223372036854775807"),
        ({"boot": -1}, "its boot is -1"),
        ({"prev": {"boot": 11, "last_seq": (1 << 63) - 1}}, "its prev_last_seq is 9223372036854775807"),
        ({"evicted": lost(11, 0, (1 << 63) - 1)}, "its to_seq is 9223372036854775807"),
        ({"evicted": lost(11, None, 3)}, "its from_seq is None"),
        ({"evicted": lost(11, 5, 2)}, "lost batches 5 to 2, which is no range"),
    ],
)
def test_numbers_that_no_vehicle_comes_to_are_refused_before_a_fleets_sums_die_of_them(
    fields: dict[str, Any], said: str
) -> None:
    assert said in reason(decode([changed(**fields)]))
