"""One set of batches through every decoder: the same rows from Python, SQL, Spark, JavaScript, and what of KQL runs."""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from edge_cloud import gold, tables
from edge_cloud.bodies import payload_texts
from edge_cloud.decode import decode
from edge_cloud.duck import Duck
from edge_cloud.fleet.generator import Plan, generate
from edge_cloud.records import Message
from tests.cloud.edge_cloud.asa import in_node
from tests.cloud.edge_cloud.golden import NAMES, message, samples
from tests.cloud.edge_cloud.kql.executed import Kusto, as_told, with_texts
from tests.cloud.edge_cloud.rows import assert_same_rows

pytestmark = pytest.mark.timeout(180)

SPARKS = {
    pa.string(): "STRING",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    tables.TIME: "TIMESTAMP",
}


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    """The golden batches and a part of a fleet, each once; 60 000 samples."""
    fleet = generate(Plan(vehicles=6, seconds=20, lost=0.05, doubled=0.2, batch_s=5)).messages
    once = {(one.device, one.properties["boot"], one.properties["seq"]): one for one in fleet}
    return [*(message(name) for name in NAMES), *once.values()]


@pytest.fixture(scope="module")
def payloads(messages: list[Message]) -> list[dict[str, Any]]:
    return [json.loads(text) for one in messages for text in payload_texts(one.body)]


@pytest.fixture(scope="module")
def expected(messages: list[Message]) -> pa.Table:
    decoded = decode(messages)
    assert decoded.refused.num_rows == 0
    assert decoded.batches["seq"].length() == len(messages)
    return decoded.samples


def test_python_gives_the_rows_that_the_golden_batches_were_made_of(expected: pa.Table) -> None:
    first = Duck({"s": expected})("select * from s where device = 'demo-vehicle'").cast(tables.SAMPLES)
    assert_same_rows(first, pa.concat_tables([samples(name) for name in NAMES]))


def test_sql_gives_the_same_rows(messages: list[Message], expected: pa.Table) -> None:
    duck = Duck({})
    duck.take_texts(pa.table({"text": [text.decode() for one in messages for text in payload_texts(one.body)]}))
    found = duck(gold.decode_query()).select(tables.SAMPLES.names).cast(tables.SAMPLES)
    assert_same_rows(found, expected)


def test_javascript_gives_the_same_rows_of_columns(payloads: list[dict[str, Any]], expected: pa.Table) -> None:
    columns = [one for one in payloads if one["schema"] == "columns/1" and one["seq"] != _seq("numbers_ns")]
    keys = pa.table({name: [one[name] for one in columns] for name in ("device", "boot", "seq")})
    of_columns = Duck({"s": expected, "k": keys})("select s.* from s semi join k using (device, boot, seq)")
    kept = [one for one in columns if one["device"] == "demo-vehicle" or one["boot"] == 1]
    found = in_node.decoded(kept)
    told = Duck({"s": of_columns})("select * from s where device = 'demo-vehicle' or boot = 1").cast(tables.SAMPLES)
    assert_same_rows(found, told)


def _seq(name: str) -> int:
    return int(json.loads(message(name).body)["seq"])


def test_spark_gives_the_same_rows(messages: list[Message], expected: pa.Table) -> None:
    if shutil.which("java") is None:
        pytest.skip("java is missing: Spark does not run")
    from edge_cloud.spark.rows import KEYED, MESSAGES, messages_of, rows_of, with_keys  # noqa: PLC0415  Java is known now
    from edge_cloud.spark.session import desk_session  # noqa: PLC0415

    def decoded(chunks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for chunk in chunks:
            yield from decode(messages_of(chunk)).samples.to_batches()

    told = ", ".join(f"{name} {SPARKS[tables.SAMPLES.field(name).type]}" for name in tables.SAMPLES.names)
    spark = desk_session(2)
    landed = spark.createDataFrame(pa.Table.from_batches([rows_of(messages)]), schema=MESSAGES)
    found = landed.mapInArrow(with_keys, KEYED).mapInArrow(decoded, told).toArrow()
    assert_same_rows(found.cast(tables.SAMPLES), expected)


def test_kql_gives_the_same_headers_and_evictions(messages: list[Message], payloads: list[dict[str, Any]]) -> None:
    flat = [{k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in one.items()} for one in payloads]
    names = [name for name in flat[0] if name not in {"columns", "rows", "buses", "fired_ms"}]
    schema = pa.schema([(name, pa.int64() if isinstance(flat[0][name], int) else pa.string()) for name in names])
    schema = schema.set(schema.get_field_index("epoch_ms"), pa.field("epoch_ms", pa.int64()))
    landed = pa.Table.from_pylist([{name: one[name] for name in names} for one in flat], schema=schema)
    kusto = Kusto({"Batches": landed.append_column("enqueued", pa.nulls(len(flat), pa.timestamp("us")))})
    decoded = decode(messages)
    headers = pa.schema([field for field in tables.BATCHES if field.name not in {"body", "enqueued", "source"}])
    found = as_told(kusto.of_landed("HeadersOf", "Batches"), headers)
    assert_same_rows(found, with_texts(decoded.batches.select(headers.names)))
    told = as_told(kusto.of_landed("EvictionsOf", "Batches"), tables.EVICTIONS)
    assert told.num_rows > 0
    assert_same_rows(told, with_texts(decoded.evictions))
