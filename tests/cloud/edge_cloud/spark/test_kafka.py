"""Records of a topic as messages, whoever told their headers."""

import pytest

from edge_cloud.records import Message
from edge_cloud.spark.kafka import header_text, received


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"columns/1", "columns/1"),
        (b"\xa1\x09columns/1", "columns/1"),
        (b"\xb1\x00\x00\x00\x09columns/1", "columns/1"),
        (b"\xa3\x03hot", "hot"),
        ("Größe".encode(), "Größe"),
        (b"", ""),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (None, ""),
    ],
)
def test_a_header_is_read_bare_and_in_amqps_encoding(value: bytes | None, text: str) -> None:
    assert header_text(value) == text


def test_the_device_is_a_header_of_the_hub() -> None:
    headers = [{"key": "iothub-connection-device-id", "value": b"\xa1\x05car-1"}, {"key": "seq", "value": b"4"}]
    assert received(b"body", headers, 5, "t-0-9") == Message(b"body", "car-1", {"seq": "4"}, 5, "t-0-9")


def test_a_record_without_body_headers_or_time_is_an_empty_message() -> None:
    assert received(None, None, None, "t-0-9") == Message(b"", source="t-0-9")
