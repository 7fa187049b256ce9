import pyarrow as pa
import pytest

from edge_cloud import gold, tables
from edge_cloud.bodies import payload_texts
from edge_cloud.decode import decode
from edge_cloud.duck import Duck
from edge_cloud.errors import BadQuery
from edge_cloud.fleet.generator import Plan, generate
from tests.cloud.edge_cloud import golden
from tests.cloud.edge_cloud.rows import assert_same_rows


def decoded_by_sql(bodies: list[bytes]) -> pa.Table:
    duck = Duck({})
    duck.take_texts(pa.table({"text": [text.decode() for body in bodies for text in payload_texts(body)]}))
    return duck(gold.decode_query()).select(tables.SAMPLES.names).cast(tables.SAMPLES)


@pytest.mark.parametrize("name", golden.NAMES)
def test_the_shared_sql_decodes_a_golden_batch_to_its_rows(name: str) -> None:
    assert_same_rows(decoded_by_sql([golden.body(name)]), golden.samples(name))


def test_the_shared_sql_decodes_a_made_fleet_as_the_decoder_does() -> None:
    messages = generate(Plan(vehicles=2, seconds=20, seed=2, doubled=0)).messages
    assert_same_rows(decoded_by_sql([message.body for message in messages]), decode(messages).samples)


def test_a_query_that_is_none_is_refused_in_one_line() -> None:
    with pytest.raises(BadQuery, match=r"^Parser Error: [^\n]+$"):
        Duck({})("selec 1")


@pytest.mark.parametrize("query", ["", "-- nothing", ";"])
def test_a_query_that_has_no_rows_to_give_says_so(query: str) -> None:
    with pytest.raises(BadQuery, match="it asks for nothing"):
        Duck({})(query)


def test_times_are_told_in_utc() -> None:
    (row,) = Duck({})("select timestamp_micros(0) as t, cast(timestamp_micros(0) as varchar) as text").to_pylist()
    assert (row["t"].timestamp(), row["text"]) == (0, "1970-01-01 00:00:00+00")
