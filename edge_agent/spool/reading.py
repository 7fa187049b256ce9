"""Payloads back into samples, for `edge-agent show`, the demo's verdict and the tests. Pure; not on the journey."""

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import cast

from edge_agent.errors import JsonRefused, PayloadRefused
from edge_agent.records import TimeUnit
from edge_agent.spool.header import JsonValue
from edge_agent.written_json import read_json

Json = Mapping[str, JsonValue]

GZIP_MAGIC = b"\x1f\x8b"
_FRAME_LINE = re.compile(rb"\(([0-9]{1,11})\.([0-9]{6})\) ([^\s]+) ([0-9A-F]+#[0-9A-FR#]*)")


@dataclass(frozen=True, slots=True)
class ReadSample:
    """One sample as it arrived; `t_ns` has the resolution of the payload's time unit."""

    t_ns: int
    name: str
    number: int | float
    """the raw number; the scaled value in a `rows/1` payload, which has no raw ones"""
    value: float
    unit: str
    aggregate: str


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload: its header as it stands, and its samples."""

    device: str
    boot: int
    seq: int
    rule: str
    schema: str
    kept: int
    header: Json
    samples: tuple[ReadSample, ...]


@dataclass(frozen=True, slots=True)
class ReadFrame:
    """One frame of a `candump/1` payload."""

    t_ns: int
    """microseconds at the finest"""
    bus: str
    frame: str
    """arbitration id and content as in the log: `1A0#0011`"""


def unzipped(data: bytes, place: str) -> bytes:
    """The text of payloads, plain or gzip (members may follow each other). Raises PayloadRefused."""
    try:
        return gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
    except (OSError, EOFError, zlib.error) as error:
        raise PayloadRefused(place, f"not a whole gzip file: {error}") from error


def read_payloads(data: bytes, place: str) -> Iterator[Payload]:
    """All payloads in `data`: JSON lines, plain or gzip (members may follow each other). Raises PayloadRefused."""
    for number, line in enumerate(unzipped(data, place).splitlines(), start=1):
        yield _payload(line, f"{place} line {number}")


def read_capture(data: bytes, place: str) -> Iterator[ReadFrame]:
    """The frames of a `candump/1` payload, plain or gzip. Raises PayloadRefused."""
    for number, line in enumerate(unzipped(data, place).splitlines(), start=1):
        match = _FRAME_LINE.fullmatch(line)
        if match is None:
            raise PayloadRefused(f"{place} line {number}", "not a frame as candump logs it")
        seconds, microseconds, bus, frame = match.groups()
        t_ns = int(seconds) * 1_000_000_000 + int(microseconds) * 1_000
        yield ReadFrame(t_ns, bus.decode(errors="replace"), frame.decode())


def _payload(line: bytes, place: str) -> Payload:
    try:
        body = cast("Json", read_json(line))
        samples = _samples_in(body)
        payload = Payload(
            device=cast("str", body["device"]),
            boot=cast("int", body["boot"]),
            seq=cast("int", body["seq"]),
            rule=cast("str", body["rule"]),
            schema=cast("str", body["schema"]),
            kept=cast("int", body["kept"]),
            header={key: value for key, value in body.items() if key not in ("columns", "rows")},
            samples=tuple(samples),
        )
    except JsonRefused as error:
        raise PayloadRefused(place, str(error)) from error
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        reason = f"not a columns/1, rows/1 or trip/1 payload ({type(error).__name__}: {error})"
        raise PayloadRefused(place, reason) from error
    if payload.kept != len(payload.samples):
        raise PayloadRefused(place, f"says {payload.kept} samples and holds {len(payload.samples)}")
    return payload


def _samples_in(body: Json) -> Iterator[ReadSample]:
    match body["schema"]:
        case "columns/1":
            return _from_columns(body)
        case "trip/1":  # a summary, which stands in the header whole
            return iter(())
    return _from_rows(body)


def _from_columns(body: Json) -> Iterator[ReadSample]:
    for column in cast("Sequence[Json]", body["columns"]):
        unit = TimeUnit[cast("str", column["tu"]).upper()]
        times = accumulate(cast("Sequence[int]", column["dt"]), initial=cast("int", column["t0"]))
        next(times)  # `dt[0]` is 0: the first sample is at `t0` itself
        factor, offset = cast("float", column["factor"]), cast("float", column["offset"])
        for t, number in zip(times, _numbers(column), strict=True):
            yield ReadSample(
                t * unit,
                cast("str", column["name"]),
                number,
                number * factor + offset,
                cast("str", column["unit"]),
                cast("str", column["agg"]),
            )


def _numbers(column: Json) -> Sequence[int | float]:
    filled = [key for key in ("raw", "val", "str") if column[key]]
    if len(filled) != 1:
        raise ValueError(f"column {column['name']!r} must fill exactly one of raw, val, str")
    if filled == ["raw"]:
        return list(accumulate(cast("Sequence[int]", column["raw"])))
    if filled == ["val"]:
        return cast("Sequence[float]", column["val"])
    return [_from_text(text) for text in cast("Sequence[str]", column["str"])]


def _from_text(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _from_rows(body: Json) -> Iterator[ReadSample]:
    for row in cast("Sequence[Json]", body["rows"]):
        for name, value in cast("Mapping[str, float | None]", row["signals"]).items():
            number = float("nan") if value is None else value
            yield ReadSample(cast("int", row["t"]) * TimeUnit.MS, name, number, number, "", cast("str", row["agg"]))
