import base64
import json

import pytest

from edge_cloud.decode import decode
from edge_cloud.readers.routed import is_routed, routed_messages
from tests.cloud.edge_cloud import golden

TELLS = {"EnqueuedTimeUtc": "2026-09-01T12:00:01.1230000Z", "Properties": {"lane": "warm"}}
SYSTEM = {"connectionDeviceId": golden.DEVICE, "connectionModuleId": "telematics"}


def line(body: object) -> bytes:
    return json.dumps({**TELLS, "SystemProperties": SYSTEM, "Body": body}).encode() + b"\n"


@pytest.mark.parametrize("name", ["numbers", "hot"])
def test_a_body_is_read_as_base64_and_as_json(name: str) -> None:
    text = golden.body(name)
    bodies = [base64.b64encode(text).decode(), json.loads(text)]
    messages = list(routed_messages("blob", b"".join(map(line, bodies))))

    for n, message in enumerate(messages, 1):
        assert decode([message]).samples.equals(decode([golden.message(name)]).samples)
        assert (message.device, message.properties) == (golden.DEVICE, {"lane": "warm"})
        assert (message.enqueued_us, message.source) == (1_788_264_001_123_000, f"blob, line {n}")


def test_a_line_that_is_none_is_refused_by_the_decoder_and_the_others_are_not() -> None:
    content = line(json.loads(golden.body("numbers"))) + b'{"Body": 1}\n\n{"cut off'
    decoded = decode(list(routed_messages("blob", content)))
    assert decoded.batches.num_rows == 1
    assert decoded.refused["source"].to_pylist() == ["blob, line 2", "blob, line 4"]


def test_a_time_that_is_not_told_stays_unknown() -> None:
    (message,) = routed_messages("b", b'{"SystemProperties": {}, "Body": {}}')
    assert message.enqueued_us == 0


@pytest.mark.parametrize(("first", "routed"), [(line("x"), True), (b'{"schema": "columns/1"}', False), (b"{", False)])
def test_a_file_is_known_by_its_first_line(first: bytes, *, routed: bool) -> None:
    assert is_routed(first) is routed
