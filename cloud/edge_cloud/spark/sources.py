"""Where messages come from, as streams of rows of `rows.MESSAGES`."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from edge_cloud.readers.sources import messages_in_bytes
from edge_cloud.spark.kafka import received
from edge_cloud.spark.rows import MESSAGES, rows_of

_FILES: Final = "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"
_CHUNK: Final = 64


def from_files(spark: SparkSession, folder: str, files_at_once: int) -> DataFrame:
    """Files of a folder and the folders in it, each once, as they appear; but for names that begin with _ or a dot.

    Capture files and concatenated gzip alike: a file is read whole, by one worker, as `readers.sources` knows it.
    """
    stream = spark.readStream.format("binaryFile").schema(_FILES)
    stream = stream.option("recursiveFileLookup", "true").option("maxFilesPerTrigger", files_at_once)
    return stream.load(folder).select("path", "content").mapInArrow(_read, MESSAGES)


def _read(chunks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for chunk in chunks:
        for path, content in zip(chunk.column("path").to_pylist(), chunk.column("content").to_pylist(), strict=True):
            messages = messages_in_bytes(path, content)
            while part := list(islice(messages, _CHUNK)):
                yield rows_of(part)


def from_kafka(spark: SparkSession, options: Mapping[str, str]) -> DataFrame:
    """A topic, by Spark's own connector, which is no part of PySpark; an Event Hub's Kafka endpoint is one.

    `options` are the connector's, with their prefix `kafka.` where they have one.
    """
    stream = spark.readStream.format("kafka").options(**options).option("includeHeaders", "true").load()
    place = sql.concat_ws("-", "topic", "partition", "offset")
    return stream.select(
        sql.col("value").alias("body"),
        "headers",
        sql.unix_micros("timestamp").alias("enqueued_us"),
        place.alias("source"),
    ).mapInArrow(_received, MESSAGES)


def _received(chunks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for chunk in chunks:
        yield rows_of([received(**row) for row in chunk.to_pylist()])
