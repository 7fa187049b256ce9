"""Messages to rows and back, and claims out of rows."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from edge_cloud.records import Message
from edge_cloud.spark.claims import Claim
from edge_cloud.spark.keys import keyed
from edge_cloud.spark.rows import claims_of, messages_of, rows_of, with_keys
from tests.cloud.edge_cloud.golden import NAMES, message

_MESSAGES = st.builds(
    Message,
    st.binary(max_size=20),
    st.text(max_size=5),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    st.integers(min_value=0, max_value=1 << 60),
    st.text(max_size=5),
)


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


def test_a_claim_has_its_key_and_what_the_tables_know_of_its_name() -> None:
    numbers, broken = message("numbers"), Message(b"no JSON")
    [chunk] = with_keys(iter([rows_of([numbers, broken])]))
    [said, _] = chunk.column("said")
    others = [said.as_py() | {"kept": 7}, said.as_py()]
    known = pa.array([others, None], pa.list_(said.type))
    [one, other] = claims_of(pa.RecordBatch.from_arrays([*chunk.columns, known], names=[*chunk.schema.names, "known"]))

    [(_, key)] = keyed(numbers)
    assert key is not None
    assert (one.message, one.name, one.facts) == (numbers, (key.device, key.boot, key.seq), key.facts)
    assert {facts[4] for facts in one.known} == {7, key.facts[4]}
    assert key.facts in one.known
    assert other == Claim(broken, None, None, frozenset())
