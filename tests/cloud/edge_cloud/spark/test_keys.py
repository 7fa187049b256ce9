"""The names of messages agree with what the decoder says of them, and never stop anything."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_cloud.contradictions import FACTS
from edge_cloud.decode import decode
from edge_cloud.records import Message
from edge_cloud.spark.keys import Key, keyed
from edge_cloud.spark.rows import rows_of, with_keys
from tests.cloud.edge_cloud.golden import NAMES, body, message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIELDS = {"opened": "opened_ms", "closed": "closed_ms"}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


def key_of(one: Message) -> Key | None:
    [(_, key)] = keyed(one)
    return key


def facts_of(row: dict[str, object]) -> tuple[object, ...]:
    """Of a row of `batches`, times in us."""
    told = (row[name] for name in FACTS)
    return tuple((one - EPOCH) // timedelta(microseconds=1) if isinstance(one, datetime) else one for one in told)


@pytest.mark.parametrize("name", [*NAMES, "trip", "frames"])
@pytest.mark.parametrize("compressed", [False, True])
def test_the_key_is_that_of_the_decoded_batch(name: str, compressed: bool) -> None:
    one = message(name)
    [row] = decode([one]).batches.to_pylist()
    body_as_sent = gzip.compress(one.body) if compressed else one.body
    key = key_of(Message(body_as_sent, one.device, one.properties, one.enqueued_us))

    assert key is not None
    assert (key.device, key.boot, key.seq) == (row["device"], row["boot"], row["seq"])
    assert (row["day"] - type(row["day"])(1970, 1, 1)).days in key.days
    assert key.facts == facts_of(row)


def test_frames_may_have_come_a_day_before_or_after() -> None:
    key = key_of(message("frames"))
    assert key is not None
    assert key.days == (20696, 20697, 20698)


def test_several_payloads_in_one_message_come_apart_with_their_lines() -> None:
    one = Message(gzip.compress(body("numbers").strip() + b"\n" + body("hot").strip() + b"\nno JSON\n"), source="a")
    found = [(part.source, key and key.seq) for part, key in keyed(one)]
    seqs = [json.loads(body(name))["seq"] for name in ("numbers", "hot")]
    assert found == [("a, line 1", seqs[0]), ("a, line 2", seqs[1]), ("a, line 3", None)]


@pytest.mark.parametrize("content", [b"", b"\n", b"\x1f\x8bno gzip", b"[]", b"{}", b'"text"', b"(1.000000) can0 1#"])
def test_what_has_no_key_stays_as_it_is_for_the_decoder_to_refuse(content: bytes) -> None:
    one = Message(content)
    assert list(keyed(one)) == [(one, None)]


@given(_JSON, st.sampled_from(["device", "boot", "seq", *(FIELDS.get(name, name) for name in FACTS)]))
def test_no_value_of_the_header_stops_it_and_what_the_decoder_takes_has_a_key_that_agrees(
    value: object, field: str
) -> None:
    header = json.loads(body("numbers")) | {field: value}
    one = Message(json.dumps(header).encode())
    key = key_of(one)
    for row in decode([one]).batches.to_pylist():
        assert key is not None
        assert (key.device, key.boot, key.seq, key.facts) == (row["device"], row["boot"], row["seq"], facts_of(row))


@given(_JSON, st.sampled_from([*FIELDS.values(), "rule", "kept", "uptime_ms"]))
def test_every_key_fits_a_row(value: object, field: str) -> None:
    header = json.loads(body("numbers")) | {field: value}
    [row] = with_keys(iter([rows_of([Message(json.dumps(header).encode())])]))
    assert row.num_rows == 1
