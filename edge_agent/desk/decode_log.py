"""A log and its databases to a table of samples, by the same decoder as in the vehicle."""

import csv
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

from edge_agent.acquire.log import LogFile
from edge_agent.clock import SystemClock
from edge_agent.decode.catalog import Catalog
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoding import Decoding
from edge_agent.decode.load import read_mapping
from edge_agent.decode.naming import mapped
from edge_agent.decode.plan import DecodePlan, compile_plan
from edge_agent.errors import DocumentRefused, Fault
from edge_agent.events import Log
from edge_agent.records import BusCounts, RawKind, SampleBlock

Format = Literal["csv", "jsonl"]
Row = tuple[int, str, float, str, int | float, str]
"""t_ns, name, value, unit, raw, label"""

COLUMNS = ("t_ns", "signal", "value", "unit", "raw", "label")


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a log gave."""

    samples: int
    counts: BusCounts
    left_out: tuple[str, ...] = ()
    """a sentence on each path of the mapping that cannot be used"""
    channels: Mapping[str, int] = field(default_factory=dict)
    """frames of each channel of the log that was decoded"""

    def sentence(self) -> str:
        """What became of every frame; kinds that did not occur are not named."""
        counts = self.counts
        kinds = {
            "of unknown ids": counts.unknown,
            "too short": counts.wrong_length,
            "remote": counts.remote,
            "error": counts.error,
        }
        others = "".join(f", {count} {kind}" for kind, count in kinds.items() if count)
        lost = f"; {counts.incomplete} messages in several packets incomplete" if counts.incomplete else ""
        return f"{self.samples} samples of {counts.seen} frames: {counts.decoded} decoded{others}{lost}"

    def mixture(self) -> str:
        """That frames of several channels were decoded alike; empty where they were of one."""
        if len(self.channels) <= 1:
            return ""
        frames = ", ".join(f"{name} ({count} frames)" for name, count in sorted(self.channels.items()))
        return f"several channels were decoded with the same databases: {frames}; --channel takes one of them"


async def decode_log(
    log_path: Path,
    databases: Sequence[Path],
    patterns: Sequence[str],
    *,
    out: TextIO,
    form: Format,
    vss: Path | None = None,
    channel: str | None = None,
    progress: Callable[[int], None],
    log: Log,
) -> Decoded:
    """Write every sample of the signals that `patterns` name, under the VSS paths of a mapping where one is given.

    With `channel` only the frames of that one of the log's. Nothing is written before the log's first frames were read.
    `progress` is told the frames read so far.
    Raises LogRefused, DatabaseRefused, MappingRefused, DocumentRefused.
    """
    loaded = [load_database(path) for path in databases]
    remarks: tuple[str, ...] = ()
    if vss:
        mapping = read_mapping(vss)
        loaded, remarks = mapped(loaded, mapping)
        remarks = (*mapping.remarks, *remarks)
    catalog = Catalog([("log", loaded)])
    plan = compile_plan(catalog, wanted(catalog, patterns))
    write: Callable[[Row], None] | None = None
    samples, counts = 0, BusCounts()
    channels: Counter[str] = Counter()
    source = LogFile(
        log_path, log=log, clock=SystemClock(), channels=None if channel is None else {channel: 0}, counts=channels
    )
    async for block in _decoded(source, plan):
        write = write or (_csv_writer(out) if form == "csv" else _jsonl_writer(out))
        for row in _rows(block, plan, catalog):
            write(row)
        samples += len(block)
        counts += block.counts[0]
        progress(counts.seen)
    return Decoded(samples, counts, remarks, channels)


def wanted(catalog: Catalog, patterns: Sequence[str]) -> list[str]:
    """Names that the patterns mean. Raises DocumentRefused with the nearest names where one means nothing."""
    found: dict[str, None] = {}
    for pattern in patterns:
        matches = catalog.match(pattern)
        if not matches:
            nearest = ", ".join(catalog.nearest(pattern))
            reason = f"no such signal in the databases; nearest: {nearest}" if nearest else "no such signal"
            raise DocumentRefused([Fault(f"--signal {pattern or repr(pattern)}", reason)])
        found |= dict.fromkeys(matches)
    return list(found)


async def _decoded(source: LogFile, plan: DecodePlan) -> AsyncIterator[SampleBlock]:
    decoding = Decoding(plan)
    async for block in source.blocks():
        yield decoding.feed(block)


def _rows(block: SampleBlock, plan: DecodePlan, catalog: Catalog) -> Iterator[Row]:
    columns = (block.t_ns, block.signal, block.raw, block.raw.view("f8"), block.value)
    for t_ns, index, raw, raw_float, value in zip(*(column.tolist() for column in columns), strict=True):
        info = plan.signals[index]
        if info.kind is RawKind.FLOAT:
            yield t_ns, info.name, value, info.unit, raw_float, ""
            continue
        number = raw % (1 << 64) if info.kind is RawKind.UNSIGNED else raw
        yield t_ns, info.name, value, info.unit, number, catalog.labels(info.name).get(number, "")


def _csv_writer(out: TextIO) -> Callable[[Row], None]:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)

    def write(row: Row) -> None:
        writer.writerow(row)

    return write


def _jsonl_writer(out: TextIO) -> Callable[[Row], None]:
    def write(row: Row) -> None:
        out.write(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n")

    return write
