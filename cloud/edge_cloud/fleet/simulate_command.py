"""`fleet simulate`: a recorded drive under many names, against a local hub, counted to the last message."""

import asyncio
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge_cloud.errors import EdgeCloudError
from edge_cloud.fleet.generator import Plan, vehicle
from edge_cloud.fleet.ledger import Ledger, Verdict, arrived_at, judge, percentiles
from edge_cloud.fleet.recorded import Pattern, patterns
from edge_cloud.fleet.simulate import NoHub, Run, credentials_of, hub_at
from edge_cloud.fleet.simulate import simulate as drive_all
from edge_cloud.readers.arrivals import read_arrivals

_HUB_WITHIN_S: Final = 60.0
_FILES_EACH: Final = 2
_FILES_MORE: Final = 256


class NoRun(EdgeCloudError):  # noqa: N818  a verdict on what was asked for
    """Something that a run needs is not there."""


def simulate(  # noqa: PLR0917  typer reads a command's parameters; nobody passes them by position
    vehicles: Annotated[int, typer.Option(min=1, max=20_000, help="How many are connected at once.")] = 100,
    drive: Annotated[
        Path | None,
        typer.Option(help="arrived.jsonl of a hub's folder: its newest boot is driven. A made drive without."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each vehicle sends the whole drive.")] = 1,
    rate: Annotated[
        float, typer.Option(min=0, help="Messages a second of all together; 0: as fast as they are taken.")
    ] = 0.0,
    hub: Annotated[
        Path | None, typer.Option(help="Folder of a running edge-agent hub --vehicles N. One is started without.")
    ] = None,
    address: Annotated[str, typer.Option(help="Loopback address of the hub.")] = "127.0.0.1",
    ledger: Annotated[
        Path | None, typer.Option(help="Write down every acknowledged message here, a line each.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as one JSON object.")] = False,
) -> None:
    """Send one drive's messages under the names of many vehicles, over MQTT and TLS, and count what arrived.

    Every vehicle is a connection of its own, with its own key. What is acknowledged is written into a ledger, and held
    against what the hub has: the command fails if a single one is missing.

    Example: `fleet simulate --vehicles 500 --drive edge-hub/arrived.jsonl --rate 1000`
    """
    _allow_connections(vehicles)
    what = patterns(read_arrivals(drive) if drive else vehicle(Plan(vehicles=1, lost=0.0, doubled=0.0), 0).messages)
    book = Ledger()
    with _hub(hub, address, vehicles) as folder:
        before = (folder / "arrived.jsonl").stat().st_size
        run = Run(vehicles, int(time.time()), rounds, rate)
        took_s = _watched(run, folder, address, what, book)
        verdict = judge(book, arrived_at(folder, before))
        if ledger:
            book.write(ledger)
        _tell(run, book, verdict, took_s, as_json=as_json)
    raise typer.Exit(1 if verdict.lost else 0)


def _watched(run: Run, folder: Path, address: str, what: list[Pattern], book: Ledger) -> float:
    credentials = credentials_of(folder, run.vehicles)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("acknowledged", total=run.vehicles * run.rounds * len(what))
        hub = hub_at(folder, address)
        return asyncio.run(
            drive_all(run, hub, credentials, what, ledger=book, acknowledged=lambda: progress.advance(bar))
        )


def _tell(run: Run, book: Ledger, verdict: Verdict, took_s: float, *, as_json: bool) -> None:
    half, most = percentiles(book.took_us)
    told = {
        "vehicles": run.vehicles,
        "acknowledged": verdict.acknowledged,
        "lost": len(verdict.lost),
        "duplicates": verdict.duplicates,
        "seconds": round(took_s, 1),
        "messages_a_second": round(verdict.acknowledged / took_s) if took_s else 0,
        "megabytes_a_second": round(book.sent_bytes / took_s / 1e6, 2) if took_s else 0,
        "acknowledged_after_ms": {"median": round(half, 1), "p99": round(most, 1)},
        "sent_again": book.again,
        "disconnections": book.disconnections,
    }
    if as_json:
        typer.echo(json.dumps(told))
        return
    console = Console(highlight=False)
    for name, value in told.items():
        console.print(f"{name.replace('_', ' '):>22}  {value}")
    for key in verdict.lost[:10]:
        console.print(f"lost: {key}", style="red")


@contextmanager
def _hub(folder: Path | None, address: str, vehicles: int) -> Iterator[Path]:
    """The folder of a hub that runs: the given one's, or that of one that is started and ended here."""
    if folder:
        yield folder
        return
    command = shutil.which("edge-agent")
    if command is None:
        raise NoRun("edge-agent is not installed here; start a hub elsewhere and give its folder with --hub")
    with tempfile.TemporaryDirectory(prefix="fleet-") as made:
        home = Path(made)
        words = [command, "hub", "--folder", made, "--address", address, "--vehicles", str(vehicles)]
        ready = home / "hub.env"
        with (home / "hub.log").open("wb") as log:
            process = subprocess.Popen([*words, "--env-file", str(ready)], stdout=log, stderr=log)  # noqa: S603
        try:
            _wait(ready, process, home / "hub.log")
            yield home
        finally:
            process.terminate()
            process.wait()


def _wait(ready: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _HUB_WITHIN_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NoHub(f"the hub did not start: {log.read_text().strip()}")
        time.sleep(0.05)


def _allow_connections(vehicles: int) -> None:
    """Let this process have a descriptor or two a vehicle, as far as the system allows. Raises NoRun."""
    wanted = vehicles * _FILES_EACH + _FILES_MORE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if wanted > hard:
        raise NoRun(f"{vehicles} vehicles take {wanted} open files, the system allows {hard}: see ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
