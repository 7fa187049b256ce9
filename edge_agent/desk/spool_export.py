"""`edge-agent spool export`: the batches that wait, as files that any tool reads.

`payloads.jsonl` has one payload a line, as the cloud will get it; `edge-agent show` reads it. Instead of that
`SIGNAL.csv` has the samples of one signal. Frames are in `captures/BOOT-SEQ-RULE.log` as candump logs them.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from edge_agent.desk.signal_tables import SignalTables, file_name
from edge_agent.desk.spool_entries import Entry, SegmentFound, Selection, Standing, StreamEnd, ranges_of
from edge_agent.desk.spool_folder import SpoolFolder
from edge_agent.desk.spool_payload import place_of
from edge_agent.errors import FileRefused, PayloadRefused
from edge_agent.records import Envelope
from edge_agent.spool.candump import CANDUMP
from edge_agent.spool.reading import read_capture, read_payloads, unzipped

Form = Literal["jsonl", "csv"]
PAYLOADS, CAPTURES = "payloads.jsonl", "captures"


@dataclass
class Exported:
    """What came out, and what could not."""

    batches: int = 0
    samples: int = 0
    captures: int = 0
    encrypted: int = 0
    warnings: list[str] = field(default_factory=list)
    """a sentence on each thing that is damaged"""

    def sentence(self) -> str:
        """In one line; what did not occur is not named."""
        captures = f", {self.captures} of them frames" if self.captures else ""
        encrypted = f"; {self.encrypted} encrypted, not readable without the right --key-file" if self.encrypted else ""
        damaged = f"; {len(self.warnings)} warnings of damage" if self.warnings else ""
        return f"{self.batches} batches exported{captures}, {self.samples} samples{encrypted}{damaged}"


class _Samples(Protocol):
    """Where payloads of samples go."""

    def add(self, text: bytes, place: str) -> int:
        """One payload, unzipped; how many samples it holds. Raises PayloadRefused; then nothing was added."""

    def close(self) -> None:
        """All is on disk."""


class _Lines:
    """One file, a payload a line."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / PAYLOADS).open("wb")

    def add(self, text: bytes, place: str) -> int:
        kept = sum(payload.kept for payload in read_payloads(text, place))
        self._file.write(text.rstrip(b"\n") + b"\n")
        return kept

    def close(self) -> None:
        self._file.close()


class _Tables:
    """A file a signal."""

    def __init__(self, folder: Path) -> None:
        self._tables = SignalTables(folder)

    def add(self, text: bytes, place: str) -> int:
        payloads = tuple(read_payloads(text, place))
        for payload in payloads:
            self._tables.add(payload)
        return sum(payload.kept for payload in payloads)

    def close(self) -> None:
        self._tables.flush()


def export(
    folder: SpoolFolder,
    selection: Selection,
    to: Path,
    form: Form,
    *,
    force: bool,
    decrypt: Callable[[Envelope], Envelope | None],
    progress: Callable[[int], None],
) -> Exported:
    """Write the batches that wait and are meant into the folder `to`; it is there once all of it is.

    `decrypt` gives None for what it cannot open. `progress` is told the bytes read of `folder.total_bytes`. With
    `force` files of the same names are replaced, others stay. Raises FileRefused, also where `to` is not empty.
    """
    exported = Exported()
    with _whole_folder(to, force=force) as draft:
        samples: _Samples = _Lines(draft) if form == "jsonl" else _Tables(draft)
        read_bytes = 0
        try:
            for found in folder.found():
                if isinstance(found, StreamEnd):
                    exported.warnings += _damage(found)
                    continue
                if not found.is_known:
                    exported.warnings.append(f"{found.name}: is of a later release's format and was not read")
                for entry in _meant(found, selection):
                    _export_one(entry, decrypt, samples, draft, exported)
                read_bytes += found.size
                progress(read_bytes)
        finally:
            samples.close()
    return exported


def _meant(found: SegmentFound, selection: Selection) -> Iterator[Entry]:
    for entry in found.entries:
        if entry.standing is Standing.WAITING and selection.takes(entry.envelope):
            yield entry


def _export_one(
    entry: Entry, decrypt: Callable[[Envelope], Envelope | None], samples: _Samples, folder: Path, exported: Exported
) -> None:
    envelope = decrypt(entry.envelope) if entry.encrypted else entry.envelope
    if envelope is None:
        exported.encrypted += 1
        return
    place = place_of(entry)
    try:
        text = unzipped(envelope.payload, place)
        if envelope.schema == CANDUMP:
            _write_capture(envelope, text, folder / CAPTURES, place)
            exported.captures += 1
        else:
            exported.samples += samples.add(text, place)
    except PayloadRefused as refused:
        exported.warnings.append(str(refused))
    else:
        exported.batches += 1


def _write_capture(envelope: Envelope, text: bytes, folder: Path, place: str) -> None:
    for _ in read_capture(text, place):  # judged before it is written
        pass
    folder.mkdir(exist_ok=True)
    key = envelope.key
    (folder / f"{key.boot:06d}-{key.seq:09d}-{file_name(envelope.rule)}.log").write_bytes(text)


def _damage(end: StreamEnd) -> Iterator[str]:
    for name, size in end.damaged.items():
        yield f"{name}: {size} bytes are damaged"
    yield from (f"{name}: is missing" for name in end.missing)
    for lost in ranges_of(end.lost, "damaged"):
        yield f"cannot be read any more: batch {lost.boot}/{lost.first_seq} to {lost.boot}/{lost.last_seq}"


@contextmanager
def _whole_folder(to: Path, *, force: bool) -> Iterator[Path]:
    """A draft beside `to` whose files are moved there when the block ends without an error."""
    to = to.resolve()
    draft = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        if to.exists() and not (to.is_dir() and (force or not any(to.iterdir()))):
            raise FileRefused(str(to), "is there already; name a new folder, or replace its files with --force")
        draft.mkdir()
        yield draft
        to.mkdir(exist_ok=True)
        for path in [path for path in draft.rglob("*") if path.is_file()]:
            target = to / path.relative_to(draft)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except OSError as error:
        raise FileRefused(str(to), f"cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
