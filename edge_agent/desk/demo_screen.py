"""What somebody before the demo sees: notes as things happen, counters meanwhile, the count at the end."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge_agent.desk.verdict import Verdict
from edge_agent.observe.status import Status

REFRESH_S = 0.25
LINE_EVERY_S = 4.0
TABLE_COLUMNS = 60
NARROW_COLUMNS = 50
"""below which a table of names and numbers would have to cut one of them: 22 of the longest name, 20 and more of a
number, and its lines"""


@dataclass
class Screen:
    """A terminal, or whatever is there in place of one."""

    console: Console
    note: str = "starting"

    def tell(self, note: str) -> None:
        """Something has happened."""
        self.note = note
        self.console.print(f"* {note}", soft_wrap=True)

    async def show(self, counters: Callable[[], Iterator[tuple[str, str]]]) -> None:
        """Until cancelled: a table that changes; where nobody can draw one, a line every LINE_EVERY_S."""
        if not self.console.is_terminal:
            while True:
                await asyncio.sleep(LINE_EVERY_S)
                self.console.print(line_of(counters()), soft_wrap=True)
        with Live(console=self.console, refresh_per_second=4) as live:
            while True:
                live.update(self.drawn(counters()))
                await asyncio.sleep(REFRESH_S)

    def drawn(self, counters: Iterator[tuple[str, str]]) -> RenderableType:
        """At the terminal's width as it is now; no number is ever cut."""
        if self.console.width < NARROW_COLUMNS:
            return Text(line_of(counters), overflow="fold")
        table = Table(title=self.note, show_header=False, width=min(TABLE_COLUMNS, self.console.width))
        table.add_column()
        table.add_column(no_wrap=True)
        for name, value in counters:
            table.add_row(name, value)
        return table


def line_of(counters: Iterator[tuple[str, str]]) -> str:
    """All of them, one behind the other."""
    return "  ".join(f"{name}: {value}" for name, value in counters)


def counters_of(status: Status, bus: str, frames: int | None, *, tapped: bool) -> Iterator[tuple[str, str]]:
    """Names and values; `frames` are all that will come, where that is known; `tapped` if there is a local bus."""
    each = status.kept_bytes / status.kept_samples if status.kept_samples else 0.0
    yield "link", "up" if status.link_up else "down"
    yield "frames", f"{status.buses[bus]['seen']:,}" + (f" of {frames:,}" if frames else "")
    yield "samples decoded", f"{status.samples:,}"
    yield "samples kept", f"{status.kept_samples:,}"
    yield "bytes a sample", f"{each:.2f}"
    yield "batches in the spool", f"{status.spooled_batches} ({status.spooled_bytes:,} bytes)"
    yield "batches delivered", f"{status.delivered_batches} of {status.kept_batches}"
    if tapped:
        yield "ticks on the local bus", f"{status.tap_ticks:,}"
    yield "configuration", f"version {status.config_version}"


def tell_verdict(verdict: Verdict, console: Console) -> None:
    """The count, row by row, and what it comes to in one sentence."""
    rows = [
        ("frames on the bus", f"{verdict.frames_sent:,}", "green"),
        ("frames lost", f"{verdict.lost_frames}", _colour(good=verdict.lost_frames == 0)),
        ("samples kept by the rules", f"{verdict.kept_samples:,} in {verdict.kept_batches} batches", "green"),
        ("samples delivered", f"{verdict.delivered_samples:,} in {verdict.delivered_batches} batches", "green"),
        ("samples lost", f"{verdict.lost_samples}", _colour(good=verdict.lost_samples == 0)),
        ("batches that came twice", f"{verdict.duplicates} (recognised by device, boot, seq)", "green"),
        ("bytes a sample", f"{verdict.bytes_a_sample:.2f}", "green"),
    ]
    if verdict.unknown_frames:
        rows.insert(2, ("frames no database knows", f"{verdict.unknown_frames:,}", "bold yellow"))
    console.print()
    for name, value, style in rows:
        console.print(f"  {name:<28} [{style}]{value}[/]")
    console.print(_conclusion(verdict))


def _colour(*, good: bool) -> str:
    return "green" if good else "bold red"


def _conclusion(verdict: Verdict) -> str:
    if verdict.good:
        return "[bold green]nothing was lost[/]"
    if verdict.never_on_disk:
        return "[bold red]memory alone held some of what arrived: the disk did not take it; give --folder on another[/]"
    if not verdict.kept_samples:
        return "[bold red]the rules kept nothing: do the databases fit the recording?[/]"
    return "[bold red]something was lost[/]"
