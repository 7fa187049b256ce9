"""Messages to rows and back, and copies out of rows."""

from itertools import groupby

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from edge_cloud.records import Message
from edge_cloud.spark.rows import KEY, messages_of, rows_of, with_keys, without_copies
from tests.cloud.edge_cloud.golden import NAMES, message

_MESSAGES = st.builds(
    Message,
    st.binary(max_size=20),
    st.text(max_size=5),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    st.integers(min_value=0, max_value=1 << 60),
    st.text(max_size=5),
)
_KEYS = st.tuples(st.none() | st.sampled_from("ab"), st.integers(0, 1), st.integers(0, 2))


@given(st.lists(_MESSAGES, max_size=5))
def test_messages_are_the_same_behind_arrow(messages: list[Message]) -> None:
    assert messages_of(rows_of(messages)) == messages


def test_nulls_are_what_a_message_has_where_nobody_said() -> None:
    empty = pa.RecordBatch.from_pylist([{}], schema=rows_of([]).schema)
    assert messages_of(empty) == [Message(b"")]


def test_keys_stand_beside_the_messages_they_name() -> None:
    messages = [message(name) for name in NAMES]
    [chunk] = with_keys(iter([rows_of(messages)]))
    assert messages_of(chunk) == messages
    assert chunk.column("of").to_pylist() == ["demo-vehicle"] * len(NAMES)


@given(st.lists(_KEYS, max_size=12), st.integers(min_value=1, max_value=4))
def test_of_each_key_the_first_row_stays_however_rows_are_chunked(
    keys: list[tuple[str | None, int, int]], size: int
) -> None:
    ordered = sorted(keys, key=repr)
    rows = [dict(zip(KEY, key, strict=True)) | {"at": at} for at, key in enumerate(ordered)]
    schema = pa.schema([("of", pa.string()), ("boot", pa.int64()), ("seq", pa.int64()), ("at", pa.int64())])
    chunks = [pa.RecordBatch.from_pylist(rows[at : at + size], schema=schema) for at in range(0, len(rows), size)]

    found = [at for chunk in without_copies(iter(chunks)) for at in chunk.column("at").to_pylist()]
    groups = [(key, [at for at, _ in group]) for key, group in groupby(enumerate(ordered), key=lambda pair: pair[1])]
    expected = [ats if key[0] is None else ats[:1] for key, ats in groups]
    assert found == [at for ats in expected for at in ats]
