"""Messages as rows: what passes between Spark's engine and its Python workers, in Arrow. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa

from edge_cloud.contradictions import FACTS
from edge_cloud.records import Message
from edge_cloud.spark.claims import Claim
from edge_cloud.spark.keys import Facts, Key, keyed

MESSAGES: Final = "body BINARY, device STRING, properties MAP<STRING, STRING>, enqueued_us BIGINT, source STRING"
"""As `edge_cloud.records.Message`."""

SAID: Final = "STRUCT<rule: STRING, why: STRING, opened: BIGINT, closed: BIGINT, kept: BIGINT, uptime_ms: BIGINT>"
"""`keys.Facts`."""

KEYED: Final = f"{MESSAGES}, of STRING, boot BIGINT, seq BIGINT, days ARRAY<INT>, said {SAID}"
"""One payload a row, with its `keys.Key`; nulls where none can be read.

A claim has besides `known ARRAY<SAID>`: what the batches of its name say that are in the tables, null where none is.
"""

KEY: Final = ("of", "boot", "seq")

_ARROW_MESSAGES: Final = [
    ("body", pa.binary()),
    ("device", pa.string()),
    ("properties", pa.map_(pa.string(), pa.string())),
    ("enqueued_us", pa.int64()),
    ("source", pa.string()),
]
_ARROW_SAID: Final = pa.struct(
    [
        ("rule", pa.string()),
        ("why", pa.string()),
        ("opened", pa.int64()),
        ("closed", pa.int64()),
        ("kept", pa.int64()),
        ("uptime_ms", pa.int64()),
    ]
)
_ARROW_KEYED: Final = [
    *_ARROW_MESSAGES,
    ("of", pa.string()),
    ("boot", pa.int64()),
    ("seq", pa.int64()),
    ("days", pa.list_(pa.int32())),
    ("said", _ARROW_SAID),
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
    if key is None:
        return {}
    said = dict(zip(FACTS, key.facts, strict=True))
    return {"of": key.device, "boot": key.boot, "seq": key.seq, "days": key.days, "said": said}


def claims_of(rows: pa.RecordBatch) -> list[Claim]:
    """The claims in rows of KEYED with `known`."""
    names = zip(*(rows.column(name).to_pylist() for name in KEY), strict=True)
    said, known = (rows.column(name).to_pylist() for name in ("said", "known"))
    return [
        Claim(message, None, None, frozenset())
        if facts is None
        else Claim(message, name, _facts(facts), frozenset(map(_facts, others or ())))
        for message, name, facts, others in zip(messages_of(rows), names, said, known, strict=True)
    ]


def _facts(said: dict[str, str | int | None]) -> Facts:
    return tuple(said[name] for name in FACTS)  # type: ignore[return-value]  # as SAID has them
