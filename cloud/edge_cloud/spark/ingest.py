"""`python -m edge_cloud.spark.ingest`: messages from files or a topic into the Delta tables of a lake.

On Databricks, Fabric or Synapse the same module is what a job runs; on a desk `--desk` makes a Spark of this machine.
"""

import logging
from typing import Annotated

import typer

from edge_cloud.spark.checkpoint import drop_unfinished_start
from edge_cloud.spark.session import desk_session, platform_session
from edge_cloud.spark.sources import from_files
from edge_cloud.spark.stream import Ingest, Place

_log = logging.getLogger("edge_cloud.ingest")


def ingest(  # noqa: PLR0917  typer reads a command's parameters; nobody passes them by position
    source: Annotated[
        str,
        typer.Option("--files", help="Folder or URL of files: Event Hubs capture, or payloads one after the other."),
    ],
    lake: Annotated[str, typer.Option(help="Folder or URL of the tables; each is made in it where it is missing.")],
    checkpoint: Annotated[str, typer.Option(help="Folder or URL where the stream keeps how far it is.")],
    every_s: Annotated[int, typer.Option(min=1, help="Seconds between two micro-batches.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Take what is there, then end.")] = False,
    files_at_once: Annotated[int, typer.Option(min=1, help="Most files of one micro-batch.")] = 100,
    desk: Annotated[
        int, typer.Option(min=0, help="Cores of a Spark of this machine alone; 0 takes the platform's.")
    ] = 0,
    storage: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, an option of delta-rs for the lake's store; may be repeated.")
    ] = None,
) -> None:
    """Bring messages into the Delta tables, each batch of a vehicle once, until it is stopped."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    _log.setLevel(logging.INFO)
    spark = desk_session(desk) if desk else platform_session()
    place = Place(lake, dict(option.split("=", 1) for option in storage or ()))
    stream = from_files(spark, source, files_at_once).writeStream.foreachBatch(Ingest(place))
    stream = stream.option("checkpointLocation", checkpoint).queryName("edge-cloud ingest")
    stream = stream.trigger(availableNow=True) if once else stream.trigger(processingTime=f"{every_s} seconds")
    drop_unfinished_start(spark, checkpoint)
    _log.info("reading %s", source)
    stream.start().awaitTermination()


if __name__ == "__main__":
    typer.run(ingest)
