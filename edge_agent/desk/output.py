"""Where a command writes its table: a file that is whole or as it was, or standard output."""

import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import typer

from edge_agent.errors import FileRefused


@contextmanager
def output(path: Path | None, inputs: Iterable[Path] = ()) -> Iterator[TextIO]:
    """A stream for the table; a file replaces what was at `path` only when the block ends without an error.

    Raises FileRefused where it cannot be written, or is one of the files that are read for it. BrokenPipeError passes:
    whoever read standard output has enough.
    """
    name = str(path) if path else "standard output"
    if path and any(_is_same(path, one) for one in inputs):
        raise FileRefused(name, "is what is read here; name another file")
    try:
        if path is None:
            yield sys.stdout
            sys.stdout.flush()
        elif path.exists() and not path.is_file():  # a device or a pipe is written in place; a folder is refused
            with path.open("w", newline="") as file:
                yield file
        else:
            with _replacing(path.resolve()) as file:
                yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileRefused(name, f"cannot be written: {error.strerror or error}") from error


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there: whoever opens it says so
        return False


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    # Beside the file, because a rename does not cross file systems; two commands at a time do not meet.
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("w", newline="") as file:
            yield file
        with suppress(FileNotFoundError):
            shutil.copymode(path, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def echoed(lines: Iterable[str]) -> int:
    """Print lines; how many there were."""
    count = 0
    for line in lines:
        typer.echo(line)
        count += 1
    return count


@contextmanager
def until_the_reader_leaves() -> Iterator[None]:
    """For `| head`: end as a program that SIGPIPE kills, with nothing said; the shell calls it 141.

    The signal is raised only now, since a bar that it cut short would leave the terminal without its cursor.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.raise_signal(signal.SIGPIPE)
