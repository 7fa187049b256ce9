"""How far a command over a log has come, for whoever sits before a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

stderr = Console(stderr=True, highlight=False)
SLOW_S = 2.0
"""what takes longer than this shows how far it has come"""
TEXT_LOGS = (".log", ".asc", ".csv", ".trc")


def progress_bar(*, shown: bool = True) -> Progress:
    """A bar on standard error that counts frames."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} frames"),
        TimeElapsedColumn(),
        console=stderr,
        disable=not shown,
    )


def progress_in_bytes() -> Progress:
    """A bar on standard error that counts bytes."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    return Progress(*columns, console=stderr)


@contextmanager
def progress_when_slow(log: Path) -> Iterator[Callable[[int], None]]:
    """To be told the frames read; on a terminal they are shown once that has taken SLOW_S."""
    bar = progress_bar(shown=stderr.is_terminal)
    task = bar.add_task(log.name, total=frames_of(log))

    def read(frames: int) -> None:
        bar.update(task, completed=frames)
        if (bar.tasks[task].elapsed or 0) > SLOW_S:
            bar.start()

    try:
        yield read
    finally:
        if bar.live.is_started:
            bar.stop()


def frames_of(log: Path) -> int | None:
    """Frames of a text log, nearly: its lines; None where they cannot be counted cheaply."""
    if log.suffix not in TEXT_LOGS or not log.is_file():
        return None
    try:
        with log.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    except OSError:  # whoever reads its frames will say so
        return None
