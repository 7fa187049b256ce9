"""Messages as rows: what passes between Spark's engine and its Python workers, in Arrow. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa

from edge_cloud.records import Message
from edge_cloud.spark.keys import Key, keyed

MESSAGES: Final = "body BINARY, device STRING, properties MAP<STRING, STRING>, enqueued_us BIGINT, source STRING"
"""As `edge_cloud.records.Message`."""

KEYED: Final = f"{MESSAGES}, of STRING, boot BIGINT, seq BIGINT, days ARRAY<INT>"
"""One payload a row, with its `keys.Key`; nulls where none can be read."""

KEY: Final = ("of", "boot", "seq")

_ARROW_MESSAGES: Final = [
    ("body", pa.binary()),
    ("device", pa.string()),
    ("properties", pa.map_(pa.string(), pa.string())),
    ("enqueued_us", pa.int64()),
    ("source", pa.string()),
]
_ARROW_KEYED: Final = [
    *_ARROW_MESSAGES,
    ("of", pa.string()),
    ("boot", pa.int64()),
    ("seq", pa.int64()),
    ("days", pa.list_(pa.int32())),
]


def messages_of(rows: pa.RecordBatch) -> list[Message]:
    """The messages in rows of MESSAGES or KEYED; a null is what a Message has where its file does not say."""
    columns = [rows.column(name).to_pylist() for name, _ in _ARROW_MESSAGES]
    return [
        Message(body or b"", device or "", dict(properties or ()), enqueued_us or 0, source or "")
        for body, device, properties, enqueued_us, source in zip(*columns, strict=True)
    ]


def rows_of(messages: Iterable[Message]) -> pa.RecordBatch:
    """Rows of MESSAGES."""
    return pa.RecordBatch.from_pylist([_row(message) for message in messages], schema=pa.schema(_ARROW_MESSAGES))


def with_keys(chunks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows of MESSAGES as rows of KEYED: a message of several payloads as one row each."""
    schema = pa.schema(_ARROW_KEYED)
    for chunk in chunks:
        found = [_row(part) | _key(key) for message in messages_of(chunk) for part, key in keyed(message)]
        yield pa.RecordBatch.from_pylist(found, schema=schema)


def _row(message: Message) -> dict[str, object]:
    return {
        "body": message.body,
        "device": message.device,
        "properties": list(message.properties.items()),
        "enqueued_us": message.enqueued_us,
        "source": message.source,
    }


def _key(key: Key | None) -> dict[str, object]:
    return {} if key is None else {"of": key.device, "boot": key.boot, "seq": key.seq, "days": key.days}


def without_copies(chunks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows of KEYED that are in the order of KEY, without those whose key the row before has; what has none stays."""
    before: tuple[object, ...] | None = None
    for chunk in chunks:
        keys = list(zip(*(chunk.column(name).to_pylist() for name in KEY), strict=True))
        kept = [key[0] is None or key != last for key, last in zip(keys, [before, *keys], strict=False)]
        before = keys[-1] if keys else before
        yield chunk.filter(pa.array(kept, pa.bool_()))
