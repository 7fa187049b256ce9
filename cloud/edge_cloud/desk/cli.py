"""`edge-cloud`: thin, each command a few lines over what does the work."""
# ruff: noqa: PLC0415  a command imports what it needs: --help must not wait for DuckDB and delta-rs

import os
import sys
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from edge_cloud.errors import EdgeCloudError
from edge_cloud.price.command import price

app = typer.Typer(
    help="Turns what vehicles sent into tables, and tables into answers. Everything stays on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(price)

LakeFolder = Annotated[Path, typer.Option("--lake", help="Folder of the tables (Delta).")]
Device = Annotated[str | None, typer.Option(help="Only this vehicle.")]
LAKE = Path("lake")


def main() -> NoReturn:
    """Run a command; a mistake is one sentence on stderr and exit 1, never a traceback."""
    try:
        app(prog_name="edge-cloud")
    except EdgeCloudError as error:
        typer.echo(f"error: {error}", err=True)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1)


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(help="A file, a folder, or az://CONTAINER/PREFIX.")],
    lake: LakeFolder = LAKE,
) -> None:
    """Read messages into the tables, each once: again, after a kill, or with other files that hold the same.

    Takes a local hub's folder or its arrived.jsonl, payloads one after the other (gzip or not), captures of an event
    hub (Avro), and what an IoT hub routes to storage as JSON. Blobs need AZURE_STORAGE_CONNECTION_STRING. What is no
    payload is kept in the table refused, and told.

    Example: `edge-cloud ingest edge-hub --lake lake`
    """
    from edge_cloud.desk.commands import ingest_source

    ingest_source(source, lake, os.environ.get("AZURE_STORAGE_CONNECTION_STRING"))


@app.command()
def gold(
    lake: LakeFolder = LAKE,
    roles: Annotated[
        Path | None, typer.Option(help="CSV role,signal,factor: which signal is the speed, the odometer ...")
    ] = None,
    vehicles: Annotated[Path | None, typer.Option(help="CSV device,name,brand,model,fleet.")] = None,
    pause_s: Annotated[
        float, typer.Option(min=1, max=86_400, help="Silence of the speed that ends a trip, in s.")
    ] = 300,
    harsh: Annotated[
        list[str] | None, typer.Option(help="Event rule that means harsh driving; may be repeated.")
    ] = None,
) -> None:
    """Make gaps, completeness, trips, days, last values and costs from everything that is there.

    Without --roles and --vehicles the files roles.csv and vehicles.csv in the lake's folder are taken, where there are
    any. Without --harsh every event rule with `harsh` in its name counts.

    Example: `edge-cloud gold --lake lake --roles roles.csv`
    """
    from edge_cloud.desk.commands import make_tables
    from edge_cloud.gold import Setting

    setting = Setting(pause_s=pause_s, harsh=tuple(harsh or ()), made_us=time.time_ns() // 1000)
    make_tables(lake, setting, roles, vehicles)


@app.command()
def gaps(lake: LakeFolder = LAKE, device: Device = None) -> None:
    """Tell which batches are missing, and why.

    Example: `edge-cloud gaps --device demo-vehicle`
    """
    from edge_cloud.desk.commands import tell

    tell(lake, "gaps", device, "device, boot, from_seq")


@app.command()
def trips(lake: LakeFolder = LAKE, device: Device = None) -> None:
    """Tell the trips, each with how much of it arrived.

    Example: `edge-cloud trips`
    """
    from edge_cloud.desk.commands import tell_trips

    tell_trips(lake, device)


@app.command()
def last(lake: LakeFolder = LAKE, device: Device = None) -> None:
    """Tell the newest value of each signal.

    Example: `edge-cloud last --device demo-vehicle`
    """
    from edge_cloud.desk.commands import tell

    tell(lake, "last_known", device, "device, signal")


@app.command()
def sql(query: Annotated[str, typer.Argument(help="A query in DuckDB's SQL.")], lake: LakeFolder = LAKE) -> None:
    """Ask the tables anything: batches, samples, evictions, buses, firings, trip_reports, refused, and the gold ones.

    Example: `edge-cloud sql "select signal, count(*), avg(value) from samples group by signal"`
    """
    from edge_cloud.desk.commands import tell_query

    tell_query(lake, query)


@app.command()
def page(
    lake: LakeFolder = LAKE,
    out: Annotated[Path, typer.Option(help="Where the page goes.")] = Path("page.html"),
    signals: Annotated[
        int, typer.Option(min=0, max=100, help="Signals drawn of each vehicle, those with most samples.")
    ] = 12,
) -> None:
    """Write one HTML page of it all, which needs no network: fleet, trips, signals, gaps, what was refused, costs.

    Example: `edge-cloud page --lake lake --out page.html`
    """
    from edge_cloud.desk.commands import write_page

    write_page(lake, out, signals)


@app.command()
def check(lake: LakeFolder = LAKE) -> None:
    """Count: every sample that the vehicles say they kept must be there, and no batch be missing. Exits with 1 if not.

    Example: `edge-cloud check --lake lake`
    """
    from edge_cloud.desk.commands import is_whole

    sys.exit(0 if is_whole(lake) else 1)
