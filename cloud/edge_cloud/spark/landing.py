"""`python -m edge_cloud.spark.landing`: a topic into files as Event Hubs' capture writes them, for `ingest --files`.

Stands in for Spark's own Kafka connector where that is not there, as on a desk, and for an Event Hub's capture where
there is a Kafka broker alone. A file is whole before it has its name, and offsets are committed after that: what is
killed between lands twice, and the stream knows copies.
"""

import io
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import fastavro
import typer
from confluent_kafka import Consumer, KafkaException, Message

from edge_cloud.spark.kafka import DEVICE, header_text

SCHEMA: Final = fastavro.parse_schema(
    {
        "type": "record",
        "name": "EventData",
        "namespace": "Microsoft.ServiceBus.Messaging",
        "fields": [
            {"name": "SequenceNumber", "type": "long"},
            {"name": "Offset", "type": "string"},
            {"name": "EnqueuedTimeUtc", "type": "string"},
            {"name": "SystemProperties", "type": {"type": "map", "values": ["long", "double", "string", "bytes"]}},
            {"name": "Properties", "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]}},
            {"name": "Body", "type": ["null", "bytes"]},
        ],
    }
)
"""Of a captured event: learn.microsoft.com, "Exploring captured Avro files in Azure Event Hubs"."""


def captured(records: Sequence[Message]) -> bytes:
    """A file of records of one partition."""
    file = io.BytesIO()
    fastavro.writer(file, SCHEMA, [_event(record) for record in records], codec="null")
    return file.getvalue()


def _event(record: Message) -> dict[str, object]:
    headers = {name: header_text(value) for name, value in record.headers() or ()}
    _, at_ms = record.timestamp()
    return {
        "SequenceNumber": record.offset(),
        "Offset": str(record.offset()),
        "EnqueuedTimeUtc": datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(),
        "SystemProperties": {DEVICE: headers.pop(DEVICE)} if DEVICE in headers else {},
        "Properties": headers,
        "Body": record.value(),
    }


class Landing:
    """One consumer of a group, and the folder it lands in."""

    def __init__(self, settings: Mapping[str, str], topic: str, folder: Path) -> None:
        own = {"enable.auto.commit": False, "auto.offset.reset": "earliest"}
        self._consumer = Consumer({"group.id": "edge-cloud", **settings, **own})
        self._consumer.subscribe([topic])
        self._folder = folder

    def land(self, most: int, within_s: float) -> int:
        """Land what comes in that time, at most so many records: a file a partition; tells how many.

        Raises KafkaException: the broker refuses.
        """
        records = self._consumer.consume(most, within_s)
        if broken := next((error for record in records if (error := record.error())), None):
            raise KafkaException(broken)
        by_partition: dict[tuple[str, int], list[Message]] = {}
        for record in records:
            by_partition.setdefault((record.topic(), record.partition()), []).append(record)
        for (topic, partition), mine in by_partition.items():
            self._write(self._folder / topic / str(partition), captured(mine))
        if records:
            self._consumer.commit(asynchronous=False)
        return len(records)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    @staticmethod
    def _write(folder: Path, content: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}.avro"
        unfinished = folder / f"_{name}"
        unfinished.write_bytes(content)
        unfinished.rename(folder / name)


def land(  # noqa: PLR0917  typer reads a command's parameters; nobody passes them by position
    bootstrap: Annotated[
        str, typer.Option(help="HOST:PORT of a broker; of an Event Hub NAMESPACE.servicebus.windows.net:9093.")
    ],
    topic: Annotated[str, typer.Option(help="The topic; of Event Hubs the hub's name.")],
    into: Annotated[Path, typer.Option(help="Folder for the files; the one that `ingest --files` reads.")],
    every_s: Annotated[float, typer.Option(min=0.1, help="Seconds of records in one file.")] = 60,
    most: Annotated[int, typer.Option(min=1, help="Most records in one file.")] = 10_000,
    setting: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, a setting of librdkafka; may be repeated.")
    ] = None,
) -> None:
    """Write what comes by a topic into files, until it is stopped."""
    settings = dict(one.split("=", 1) for one in setting or ())
    landing = Landing({"bootstrap.servers": bootstrap, **settings}, topic, into)
    try:
        while True:
            landing.land(most, every_s)
    finally:
        landing.close()


if __name__ == "__main__":
    typer.run(land)
