"""Files of messages in, tables out: what the tests of the stream do."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from edge_cloud import tables
from edge_cloud.records import Message
from edge_cloud.spark.rows import MESSAGES
from edge_cloud.spark.sources import from_files
from edge_cloud.spark.stream import Ingest, Place


def write_files(folder: Path, messages: Sequence[Message], count: int) -> None:
    """Messages one after the other, each gzip, dealt out to so many files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        bodies = [message.body for message in messages[number::count]]
        gzipped = [body if body.startswith(b"\x1f\x8b") else gzip.compress(body) for body in bodies]
        (folder / f"{number:03}.json.gz").write_bytes(b"".join(gzipped))


def stream(spark: SparkSession, files: Path, lake: Path, checkpoint: Path, files_at_once: int = 1) -> None:
    """All files that are there, in micro-batches of `files_at_once`; raises what the stream ends of."""
    writer = from_files(spark, str(files), files_at_once).writeStream.foreachBatch(Ingest(Place(str(lake), {})))
    query = writer.option("checkpointLocation", str(checkpoint)).trigger(availableNow=True).start()
    query.awaitTermination()


def take(spark: SparkSession, lake: Path, number: int, messages: Sequence[Message], query: str = "a stream") -> None:
    """One micro-batch of a stream, as Spark hands it over."""
    rows = [(bytearray(m.body), m.device, dict(m.properties), m.enqueued_us, m.source) for m in messages]
    spark.sparkContext.setLocalProperty("sql.streaming.queryId", query)
    Ingest(Place(str(lake), {}))(spark.createDataFrame(rows, MESSAGES), number)


def table(lake: Path, name: str) -> pa.Table:
    """A Delta table as delta-rs reads it."""
    schema = tables.DECODED[name]
    found = pa.table(DeltaTable(str(lake / name)).to_pyarrow_table())
    return found.select(schema.names).cast(schema)
