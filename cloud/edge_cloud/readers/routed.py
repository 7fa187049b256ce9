"""What IoT Hub's route to a storage account writes as JSON: one line a message, its body as base64 or as JSON. Pure.

The form: https://learn.microsoft.com/azure/iot-hub/iot-hub-devguide-endpoints, "Azure Storage as a routing endpoint".
"""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from edge_cloud.records import Message

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_routed(first_line: bytes) -> bool:
    """Whether a file that begins so is such a one."""
    try:
        row = orjson.loads(first_line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(row, dict) and {"SystemProperties", "Body"} <= row.keys()


def routed_messages(place: str, content: bytes) -> Iterator[Message]:
    """Its messages. A line that is none is a message as it is, which the decoder refuses with its reason."""
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield _message(line, f"{place}, line {number}")


def _message(line: bytes, source: str) -> Message:
    try:
        row = orjson.loads(line)
        body, system = row["Body"], row["SystemProperties"]
        # A message that says it is JSON in UTF-8 is written as it is, any other as base64.
        found = base64.b64decode(body, validate=True) if isinstance(body, str) else orjson.dumps(body)
        device = str(system.get("connectionDeviceId", ""))
        told = {str(name): str(value) for name, value in (row.get("Properties") or {}).items()}
        return Message(found, device, told, _enqueued_us(row.get("EnqueuedTimeUtc")), source)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Message(line, source=source)


def _enqueued_us(text: str | None) -> int:
    if not text:
        return 0
    time = datetime.fromisoformat(text)
    return (time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
