"""Micro-batches of messages into Delta tables, each batch of a vehicle once, whatever is killed.

A micro-batch goes through Python's workers twice. First each message is named (device, boot, seq), which costs a
tenth of decoding it. Then what is new goes to the worker of its device, which decodes it and writes Parquet into the
tables' folders itself; the driver only commits the list of files. No sample passes through the JVM or the driver.

Copies are told by the keys of `batches`, not by a state of the stream. A batch is sealed once, so all its copies have
one `opened`, and an earlier one can only be in the partition of that day: three columns of the days that a micro-batch
touches are read, and joined. A state with a watermark would hold every key of its time in memory (10^9 of a million
vehicles in a week), forget them after it, and go with its checkpoint; this has no horizon and no state, so that a lost
checkpoint costs time, not rows. Its limits: a week-late backlog reads the keys of its week; two streams into the same
tables would not see each other's keys, so there is one; a log of frames has the day of its arrival, so the days beside
that are read too, and a copy that comes later than the next day stays; a vehicle whose count of boots began anew has
keys that are taken for copies where they fall on a day that has them already.

`batches` is committed last: it is what copies are told by, so what stands in it must be complete elsewhere.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from edge_cloud import tables
from edge_cloud.decode import decode
from edge_cloud.spark.commits import Commits, Written
from edge_cloud.spark.parts import WRITTEN, Parts
from edge_cloud.spark.rows import KEY, KEYED, messages_of, with_keys, without_copies

LAST: Final = "batches"
EPOCH: Final = date(1970, 1, 1)
ORDER: Final = (*(name for name in tables.DECODED if name != LAST), LAST)

_log = logging.getLogger("edge_cloud.ingest")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tables lie."""

    lake: str
    """a folder or URL; each table in a folder of its name"""
    storage: Mapping[str, str]
    """options of delta-rs, for what is no local folder: account, credential"""


class Ingest:
    """What a stream calls with each micro-batch: messages as rows of `rows.MESSAGES`, and its number."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __call__(self, messages: DataFrame, number: int) -> None:
        """Bring the messages into the tables; nothing where an earlier attempt has."""
        spark = messages.sparkSession
        stream = spark.sparkContext.getLocalProperty("sql.streaming.queryId")
        commits = Commits(self._place.lake, self._place.storage, stream)
        if not commits.lacks(LAST, number):
            _log.info("micro-batch %d is committed already", number)
            return
        wanted = tuple(name for name in ORDER if commits.lacks(name, number))
        named = messages.mapInArrow(with_keys, KEYED).persist()
        try:
            files = self._files(_new(spark, named, commits), wanted)
            for name in wanted:
                if mine := [file for file in files if file.name == name]:
                    commits.add(name, number, mine)
            _tell(number, named.count(), files)
        finally:
            named.unpersist()

    def _files(self, new: DataFrame, wanted: tuple[str, ...]) -> list[Written]:
        """Decoded and written by the workers, a device's rows all by one of them."""
        workers = new.sparkSession.sparkContext.defaultParallelism
        ordered = new.repartition(workers, sql.coalesce("of", "source")).sortWithinPartitions(
            *KEY, "enqueued_us", "source"
        )
        written = ordered.mapInArrow(partial(_written, self._place, wanted), WRITTEN)
        return [Written(**row.asDict()) for row in written.collect()]


def _new(spark: SparkSession, named: DataFrame, commits: Commits) -> DataFrame:
    """Without those whose keys `batches` has; copies among themselves are left to the worker that gets them all."""
    days = named.select(sql.explode("days")).distinct().collect()
    files = commits.files(LAST, [str(EPOCH + timedelta(days=row[0])) for row in days])
    if not files:
        return named
    known = spark.read.schema("device STRING, boot BIGINT, seq BIGINT").parquet(*files)
    return named.join(known.withColumnRenamed("device", "of"), list(KEY), "left_anti")


def _written(place: Place, wanted: tuple[str, ...], rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """In a worker: rows of KEYED in the order of their keys into files; yields rows of WRITTEN."""
    parts = Parts(place.lake, place.storage)
    for chunk in without_copies(rows):
        decoded = decode(messages_of(chunk)).by_name()
        for name in wanted:
            yield from parts.add(name, decoded[name])
    yield from parts.close()


def _tell(number: int, payloads: int, files: list[Written]) -> None:
    rows = {name: sum(file.rows for file in files if file.name == name) for name in ORDER}
    level = logging.WARNING if rows["refused"] else logging.INFO
    copies = payloads - rows[LAST] - rows["refused"]
    _log.log(
        level,
        "micro-batch %d: %d payloads, of them %d copies and %d refused; %d batches with %d samples",
        *(number, payloads, copies, rows["refused"], rows[LAST], rows["samples"]),
    )
