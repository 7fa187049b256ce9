"""What has arrived: one JSON line a telemetry message, in the system's hands before it is acknowledged."""

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.errors import DiskBusy, PayloadRefused
from edge_agent.localhub.identities import ModuleId
from edge_agent.localhub.topics import OUTPUT


@dataclass(frozen=True, slots=True)
class Arrival:
    """One telemetry message as the hub took it."""

    n: int
    """counts the messages of a folder from 1, over restarts of the hub"""
    at_ms: int
    """since the Unix epoch"""
    device: str
    module: str
    output: str | None
    properties: Mapping[str, str]
    """system properties (`$.ct` and so on) and custom ones, decoded"""
    body: bytes


class ArrivalLog:
    """Appends to a file of arrivals; a last line that a kill tore is cut off at opening.

    A line survives a kill of the process from when `append` returns; it is not forced through a power cut.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._n, self._size = _last_whole_line(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._descriptor, self._size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def append(self, module: ModuleId, properties: Mapping[str, str], body: bytes, at_ms: int) -> None:
        """Write one message down. Raises DiskBusy; then the file is as before."""
        arrival = Arrival(self._n + 1, at_ms, module.device, module.module, properties.get(OUTPUT), properties, body)
        line = _line(arrival)
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise DiskBusy(str(self._path), error.strerror or str(error)) from error
        if written < len(line):
            os.ftruncate(self._descriptor, self._size)
            raise DiskBusy(str(self._path), f"only {written} of {len(line)} bytes were taken")
        self._n, self._size = arrival.n, self._size + len(line)


def read_arrivals(path: Path, tell_cut: Callable[[int], object] = lambda _: None) -> Iterator[Arrival]:
    """The arrivals in a file, in order; a missing file is empty.

    A last line without its end, still being written or cut off, is left out; `tell_cut` is given its bytes. Raises
    PayloadRefused, naming the line that is not an arrival.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield _parsed(line, f"{path}:{number}")
            else:
                tell_cut(len(line))


def _line(arrival: Arrival) -> bytes:
    row = {
        "n": arrival.n,
        "at_ms": arrival.at_ms,
        "device": arrival.device,
        "module": arrival.module,
        "output": arrival.output,
        "properties": dict(arrival.properties),
    }
    head = json.dumps(row, separators=(",", ":")).encode()
    # base64 needs no escapes: to look for some in 270 KB takes the hub a third of its time.
    return b'%s,"body":"%s"}\n' % (head[:-1], base64.b64encode(arrival.body))


def _parsed(line: bytes, place: str) -> Arrival:
    try:
        row = json.loads(line)
        return Arrival(**{**row, "body": base64.b64decode(row["body"], validate=True)})
    except (ValueError, KeyError, TypeError) as error:
        raise PayloadRefused(place, f"not an arrival: {error!r}") from error


def _last_whole_line(path: Path) -> tuple[int, int]:
    """Its number `n`, and the size of the file up to its end."""
    size, last = 0, b""
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    size, last = size + len(line), line
    return (_parsed(last, str(path)).n if last else 0), size
