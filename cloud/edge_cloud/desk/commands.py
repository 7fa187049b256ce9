"""What the commands do."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from edge_cloud.desk.answers import show
from edge_cloud.desk.ingest import Ingest, Taken
from edge_cloud.desk.making import asked, make_gold
from edge_cloud.errors import NotAFile
from edge_cloud.gold import Setting, make
from edge_cloud.lake import Lake
from edge_cloud.readers.sources import files_of, is_message_file, messages_in_bytes, messages_of
from edge_cloud.records import Message

_BLOBS = "az://"
_COUNTS = """\
select
    coalesce(sum(kept), 0) as kept, count(*) as batches, (select count(*) from samples) as samples,
    (select count(*) from trips) as trips
from batches"""
_SLOW_S = 2.0
"""what takes longer than this shows how far it has come"""


def ingest_source(source: str, folder: Path, connection: str | None) -> None:
    """Read all messages into the lake; print what that was. Raises NotAFile, NotALake."""
    parts = _blobs(source, connection) if source.startswith(_BLOBS) else _files(Path(source))
    with Lake.writing(folder) as lake:
        ingest = Ingest(lake)
        bar = _bar()
        task = bar.add_task(source, total=None)
        try:
            for place, messages in parts:
                for count in ingest.take(messages):
                    bar.update(task, completed=count, description=place)
                    if (bar.tasks[task].elapsed or 0) > _SLOW_S and bar.console.is_terminal:
                        bar.start()
        finally:
            if bar.live.is_started:
                bar.stop()
    _tell_taken(ingest.taken, folder)


def make_tables(folder: Path, setting: Setting, roles: Path | None, vehicles: Path | None) -> None:
    """Make the gold tables; print how many rows each has. Raises NotALake, NotAFile."""
    console = Console(highlight=False)
    Lake.reading(folder)
    with Lake.writing(folder) as lake:
        make_gold(lake, setting, roles, vehicles, lambda name, rows: console.print(f"{name}: {rows} rows"))


def tell(folder: Path, table: str, device: str | None, order: str) -> None:
    """Print a table of gold. Raises NotALake."""
    tell_query(folder, f"select * from {table}{_only(device)} order by {order}")  # noqa: S608  names are ours


def tell_trips(folder: Path, device: str | None) -> None:
    """Print the trips, and beside them what the head unit says of the same time, where it reports any."""
    tell_query(
        folder,
        "select device, started, round(minutes, 1) as minutes, round(km, 2) as km, km_source, round(kwh, 2) as kwh,"  # noqa: S608  likewise
        " round(max_kmh) as max_kmh, harsh, round(100 * completeness, 1) as complete_percent,"
        " (select max(km) from trip_reports as said where said.device = trips.device and said.started <= trips.ended"
        " and said.ended >= trips.started) as head_unit_km"
        f" from trips{_only(device)} order by device, started",
    )


def tell_query(folder: Path, text: str) -> None:
    """Print what a query finds. Raises NotALake, BadQuery."""
    show(asked(Lake.reading(folder))(text), Console())


def is_whole(folder: Path) -> bool:
    """Print what the vehicles kept and what is there; whether that is all. Raises NotALake."""
    lake = Lake.reading(folder)
    engine = asked(lake)
    lost = sum(make(engine, "completeness")["lost"].to_pylist())
    (found,) = engine(_COUNTS).to_pylist()
    console = Console(highlight=False)
    console.print(f"samples the agent kept     {found['kept']}")
    console.print(f"samples in the tables      {found['samples']}")
    console.print(f"batches in the tables      {found['batches']}; lost: {lost}")
    console.print(f"trips                      {found['trips']}")
    return found["kept"] == found["samples"] and not lost


def write_page(folder: Path, out: Path, signals: int) -> None:
    """Write the page. Raises NotALake; NotAFile: it cannot be written."""
    from edge_cloud.desk.page import page_of  # noqa: PLC0415  the other commands need none of it

    text = page_of(asked(Lake.reading(folder)), signals)
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise NotAFile(str(out), error.strerror or str(error)) from None
    Console(highlight=False).print(f"{out}: {len(text) / 1e6:.1f} MB", soft_wrap=True)


def _only(device: str | None) -> str:
    return "" if device is None else " where device = '" + device.replace("'", "''") + "'"


def _files(source: Path) -> Iterator[tuple[str, Iterator[Message]]]:
    for path in files_of(source):
        yield path.name, messages_of(path)


def _blobs(source: str, connection: str | None) -> Iterator[tuple[str, Iterator[Message]]]:
    from edge_cloud.readers.blobs import Container  # noqa: PLC0415  azure-storage-blob is an extra

    if not connection:
        raise NotAFile(source, "set AZURE_STORAGE_CONNECTION_STRING to the account's connection string")
    container = Container(source, connection)
    try:
        names = [name for name in container.names() if is_message_file(tuple(name.split("/")))]
        for name, content in container.contents(names):
            yield name, messages_in_bytes(f"{source}: {name}", content)
    finally:
        container.close()


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} messages"))
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True, highlight=False))


def _tell_taken(taken: Taken, folder: Path) -> None:
    console = Console(highlight=False)
    console.print(
        f"{taken.messages} messages: {taken.batches} new batches with {taken.samples} samples,"
        f" {taken.repeated} there already, {taken.refused} refused; in {folder}",
        soft_wrap=True,
    )
    for reason, count in sorted(taken.reasons.items()):
        console.print(f"  refused {count}: {reason}", soft_wrap=True, markup=False)
