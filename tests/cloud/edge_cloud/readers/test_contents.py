"""Files of messages from their bytes: whole, broken, of either form."""

import gzip
import io
from datetime import UTC, datetime

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_cloud.bodies import inflated
from edge_cloud.readers.contents import messages_in
from edge_cloud.records import Message
from edge_cloud.spark.landing import SCHEMA

BODY = gzip.compress(b'{"schema": "columns/1"}\n')


def capture(**fields: object) -> bytes:
    record = {
        "SequenceNumber": 7,
        "Offset": "4096",
        "EnqueuedTimeUtc": "9/1/2026 12:00:00 PM",
        "SystemProperties": {"iothub-connection-device-id": "car-1", "x-opt-enqueued-time": 1},
        "Properties": {"schema": "columns/1", "boot": "3"},
        "Body": BODY,
    }
    file = io.BytesIO()
    fastavro.writer(file, SCHEMA, [record | fields])
    return file.getvalue()


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8))
def test_gzip_put_one_after_the_other_comes_apart_again(texts: list[bytes]) -> None:
    bodies = [gzip.compress(text) for text in texts]
    found = list(messages_in("a file", b"".join(bodies)))

    assert [message.body for message in found] == bodies
    assert [message.source for message in found] == [f"a file, message {n}" for n in range(len(bodies))]


def test_a_member_larger_than_what_is_read_at_once_is_one_message() -> None:
    body = gzip.compress(bytes(range(256)) * 4000, compresslevel=0)
    assert [message.body for message in messages_in("", body + BODY)] == [body, BODY]


@given(st.integers(min_value=1, max_value=len(BODY) - 1))
def test_what_is_behind_a_cut_is_kept_as_one_message(cut: int) -> None:
    found = [message.body for message in messages_in("", BODY + BODY[:-cut])]
    assert found == [BODY, BODY[:-cut]]


def test_what_is_no_gzip_behind_gzip_is_kept_as_one_message() -> None:
    found = [message.body for message in messages_in("", BODY + b"no gzip at all" + BODY)]
    assert found == [BODY, b"no gzip at all" + BODY]
    assert inflated(found[0])


def test_plain_text_is_a_message_a_line() -> None:
    assert [message.body for message in messages_in("", b'{"a": 1}\n{"b": 2}\n')] == [b'{"a": 1}\n', b'{"b": 2}\n']


def test_an_empty_file_holds_nothing() -> None:
    assert list(messages_in("", b"")) == []


def test_a_capture_tells_device_properties_and_time() -> None:
    noon = int(datetime(2026, 9, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
    assert list(messages_in("0.avro", capture())) == [
        Message(BODY, "car-1", {"schema": "columns/1", "boot": "3"}, noon, "0.avro, message 7")
    ]


@pytest.mark.parametrize("text", ["2026-09-01T12:00:00.5Z", "2026-09-01T12:00:00.500"])
def test_times_in_iso_8601_are_understood_as_utc(text: str) -> None:
    [message] = messages_in("", capture(EnqueuedTimeUtc=text))
    assert message.enqueued_us == int(datetime(2026, 9, 1, 12, tzinfo=UTC).timestamp() * 1e6) + 500_000


def test_a_capture_without_body_or_with_null_and_binary_properties_is_read() -> None:
    [message] = messages_in("", capture(Body=None, Properties={"rule": None, "lane": b"hot"}, SystemProperties={}))
    assert (message.body, message.device, message.properties) == (b"", "", {"lane": "hot"})


@given(st.integers(min_value=1, max_value=60))
def test_a_capture_that_is_cut_off_is_told_and_kept(cut: int) -> None:
    content = capture()[:-cut]
    *_, last = messages_in("0.avro", content)
    assert last.body == content
    assert "which is no whole capture" in last.source


def test_a_capture_with_an_unreadable_time_is_kept_whole() -> None:
    content = capture(EnqueuedTimeUtc="noon")
    assert [message.body for message in messages_in("", content)] == [content]
