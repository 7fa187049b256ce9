"""Micro-batches of messages into Delta tables, each batch of a vehicle once, whatever is killed.

A micro-batch goes through Python's workers twice. First each message is named (device, boot, seq), which costs a
tenth of decoding it. Then what is new goes to the worker of its device, which decodes it and writes Parquet into the
tables' folders itself; the driver only commits the list of files. No sample passes through the JVM or the driver.

Copies are told by the keys of `batches`, not by a state of the stream. A batch is sealed once, so all its copies have
one `opened`, and an earlier one can only be in the partition of that day: its columns of the days that a micro-batch
touches are read, and joined. A state with a watermark would hold every key of its time in memory (10^9 of a million
vehicles in a week), forget them after it, and go with its checkpoint; this has no horizon and no state, so that a lost
checkpoint costs time, not rows.

What comes by the name of a batch and says something else of itself (`contradictions.FACTS`) is no copy: it stands in
`refused`, as on a desk. The first has the name, by micro-batches, and within one by the time of arrival. The facts are
read with the keys. `refused` is read only by the worker that meets a contradiction, and of its device alone, so that
one which is delivered again, at once or in a year, is told once; then it counts as a copy.

Limits: a week-late backlog reads the keys of its week; two streams into the same tables would not see each other's
keys, so there is one; a log of frames has the day of its arrival, so the days beside that are read too, and a copy that
comes later than the next day stays. Of two different batches by one name that opened on different days (a count of
boots that began anew) both stand where they came in different micro-batches; a desk, which reads all days, refuses the
second. Nothing of them is lost, and `gold` warns of names that stand twice. What is no payload and has no name that
another took is refused as often as it is delivered in different micro-batches.

`batches` is committed last: it is what copies are told by, so what stands in it must be complete elsewhere.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from edge_cloud import tables
from edge_cloud.contradictions import FACTS
from edge_cloud.decode import decode
from edge_cloud.spark.claims import Claim, Judge, Verdict
from edge_cloud.spark.commits import Commits, Written, refused_bodies
from edge_cloud.spark.parts import WRITTEN, Parts, only_counted
from edge_cloud.spark.refusals import Refusals
from edge_cloud.spark.rows import KEY, KEYED, SAID, claims_of, with_keys

LAST: Final = "batches"
EPOCH: Final = date(1970, 1, 1)
_TOLD: Final = (
    "device STRING, boot BIGINT, seq BIGINT,"
    " rule STRING, why STRING, opened TIMESTAMP, closed TIMESTAMP, kept BIGINT, uptime_ms BIGINT"
)
"""KEY and FACTS, as `batches` has them."""
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
            files = self._files(_claims(spark, named, commits), wanted)
            for name in wanted:
                if mine := [file for file in files if file.name == name]:
                    commits.add(name, number, mine)
            _tell(number, named.count(), files)
        finally:
            named.unpersist()

    def _files(self, claims: DataFrame, wanted: tuple[str, ...]) -> list[Written]:
        """Decoded and written by the workers, a device's rows all by one of them."""
        workers = claims.sparkSession.sparkContext.defaultParallelism
        ordered = claims.repartition(workers, sql.coalesce("of", "source")).sortWithinPartitions(
            *KEY, "enqueued_us", "source"
        )
        written = ordered.mapInArrow(partial(_written, self._place, wanted), WRITTEN)
        return [Written(**row.asDict()) for row in written.collect()]


def _claims(spark: SparkSession, named: DataFrame, commits: Commits) -> DataFrame:
    """With what `batches` knows of their names, and without what says the same.

    Copies and contradictions among themselves are left to the worker that gets them all.
    """
    days = named.select(sql.explode("days")).distinct().collect()
    files = commits.files(LAST, [str(EPOCH + timedelta(days=row[0])) for row in days])
    if not files:
        return named.withColumn("known", sql.lit(None).cast(f"ARRAY<{SAID}>"))
    batches = spark.read.schema(_TOLD).parquet(*files).withColumnRenamed("device", "of")
    claimed = batches.join(sql.broadcast(named.select(*KEY)), list(KEY), "left_semi")
    times = {name: sql.unix_micros(name) for name in ("opened", "closed")}
    said = claimed.withColumns(times).select(*KEY, sql.struct(*FACTS).alias("known"))
    known = said.groupBy(*KEY).agg(sql.collect_set("known").alias("known"))
    return named.join(sql.broadcast(known), list(KEY), "left").filter(
        "known is null or not array_contains(known, said)"
    )


def _written(place: Place, wanted: tuple[str, ...], rows: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """In a worker: claims in the order of their keys into files; yields rows of WRITTEN.

    Where an earlier attempt has committed `refused`, this micro-batch's own rows in it are none that came before.
    """
    parts, judge, counts = Parts(place.lake, place.storage), Judge(), Counter[str]()
    refusals = Refusals(partial(refused_bodies, place.lake, place.storage) if "refused" in wanted else lambda _: ())
    for chunk in rows:
        decoded = _decoded([(claim, judge.verdict(claim)) for claim in claims_of(chunk)], refusals)
        for name, found in decoded.items():
            if name in wanted:
                yield from parts.add(name, found)
            else:
                counts[name] += len(found)
    yield from parts.close()
    yield from (only_counted(name, rows) for name, rows in counts.items())


def _decoded(judged: list[tuple[Claim, Verdict]], refusals: Refusals) -> dict[str, pa.Table]:
    found = decode([claim.message for claim, verdict in judged if verdict is Verdict.NEW]).by_name()
    others = [(claim.name, claim.message) for claim, verdict in judged if verdict is Verdict.CONTRADICTION]
    if others:
        found["refused"] = pa.concat_tables(
            [found["refused"], refusals.rows([(name[0], message) for name, message in others if name])]
        )
    return found


def _tell(number: int, payloads: int, files: list[Written]) -> None:
    rows = {name: sum(file.rows for file in files if file.name == name) for name in ORDER}
    level = logging.WARNING if rows["refused"] else logging.INFO
    copies = payloads - rows[LAST] - rows["refused"]
    _log.log(
        level,
        "micro-batch %d: %d payloads, of them %d copies and %d refused; %d batches with %d samples",
        *(number, payloads, copies, rows["refused"], rows[LAST], rows["samples"]),
    )
