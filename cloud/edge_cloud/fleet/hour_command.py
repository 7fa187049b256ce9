"""`fleet hour` and `fleet check`: a large fleet's hour as files, and whether a lake has all of it."""

import json
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from rich.console import Console
from rich.progress import Progress

from edge_cloud.errors import EdgeCloudError
from edge_cloud.fleet.hour import LOST, Hour, write_hour


class NoHour(EdgeCloudError):  # noqa: N818  a verdict on one folder
    """A folder that holds no hour, or no lake."""


def hour(
    out: Annotated[Path, typer.Option(help="New folder of the files.")],
    vehicles: Annotated[int, typer.Option(min=1, help="How many the fleet has.")] = 100_000,
    minutes: Annotated[int, typer.Option(min=1, max=60, help="That each drives: a batch a minute.")] = 9,
    samples: Annotated[int, typer.Option(min=2, help="In a batch.")] = 120,
    seed: Annotated[int, typer.Option(help="The same seed makes the same hour.")] = 1,
) -> None:
    """Write one hour of a large fleet as files, as an Event Hub's capture leaves them, and what of it was lost.

    One batch in a hundred is missing, one comes twice, one comes late.

    Example: `fleet hour --out hour` and `python -m edge_cloud.spark.ingest --files hour --lake lake --checkpoint
    points --once --desk 2` and `fleet check --hour hour --lake lake`
    """
    if out.exists() and any(out.iterdir()):
        raise NoHour(f"{out} is there already, and not empty")
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("vehicles", total=vehicles)
        told = write_hour(Hour(vehicles, minutes, samples, seed), out, written=lambda n: progress.advance(bar, n))
    typer.echo(
        f"{out}: {told.messages:,} messages, {told.batches:,} batches once, {told.lost:,} lost,"
        f" {told.samples:,} samples, {told.payload_bytes / 1e6:,.1f} MB"
    )


def check(
    folder: Annotated[Path, typer.Option("--hour", help="Folder that fleet hour wrote.")],
    lake: Annotated[str, typer.Option(help="Folder of the Delta tables.")],
) -> None:
    """Hold a lake against an hour: every batch that was written is there once, and no other.

    Example: `fleet check --hour hour --lake lake`
    """
    try:
        told = json.loads((folder / "_hour.json").read_text())
        lost = {tuple(row.values()) for row in pq.read_table(folder / "_lost.parquet").select(LOST.names).to_pylist()}
    except (OSError, ValueError) as error:
        raise NoHour(f"{folder}: {error}") from None
    try:
        table = DeltaTable(f"{lake}/batches").to_pyarrow_table(columns=LOST.names)
        rows = DeltaTable(f"{lake}/samples").count()
    except (DeltaError, OSError) as error:
        raise NoHour(f"{lake} holds no whole lake: {str(error).splitlines()[0]}") from None
    missing, strange, twice = _differences(table, lost, told["hour"]["vehicles"], told["hour"]["minutes"])
    wanted = told["written"]
    typer.echo(
        f"batches {table.num_rows:,} of {wanted['batches']:,}: {missing:,} missing, {twice:,} twice,"
        f" {strange:,} that were lost; samples {rows:,} of {wanted['samples']:,}"
    )
    whole = (missing, strange, twice, rows) == (0, 0, 0, wanted["samples"])
    raise typer.Exit(0 if whole else 1)


def _differences(table: pa.Table, lost: set[tuple[str, int, int]], vehicles: int, minutes: int) -> tuple[int, int, int]:
    """How many batches are missing, are there though they were lost, and are there more than once."""
    found = list(zip(*(table[name].to_pylist() for name in LOST.names), strict=True))
    once = set(found)
    wanted = {(f"car-{n:06d}", 1, seq) for n in range(vehicles) for seq in range(minutes)} - lost
    return len(wanted - once), len(once - wanted), len(found) - len(once)
