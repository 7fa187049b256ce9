"""Payloads and files of arrivals back into something to read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.errors import PayloadRefused
from edge_agent.localhub.arrivals import read_arrivals
from edge_agent.spool.candump import CANDUMP
from edge_agent.spool.reading import Payload, ReadSample, read_payloads


def payloads_of(path: Path) -> Iterator[Payload]:
    """Payloads of the local hub's `arrived.jsonl`, or of a file of payloads. Raises PayloadRefused."""
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise PayloadRefused(str(path), f"cannot be read: {error.strerror}") from error
    if not head.startswith(b'{"n":'):
        yield from read_payloads(path.read_bytes(), str(path))
        return
    for arrival in read_arrivals(path):
        if arrival.properties.get("schema") == CANDUMP:  # frames, and no payload of samples
            continue
        yield from read_payloads(arrival.body, f"{path} message {arrival.n}")


def lines_of(path: Path, *, batches: bool) -> Iterator[str]:
    """A line for each batch, or for each sample. Raises PayloadRefused."""
    for payload in payloads_of(path):
        if batches:
            yield batch_line(payload)
        else:
            yield from (sample_line(payload, sample) for sample in payload.samples)


def time_text(t_ns: int) -> str:
    """UTC, as fine as the time is: milliseconds at least."""
    whole, rest = divmod(t_ns, 1_000_000_000)
    digits = f"{rest:09d}"
    shown = digits[:3] if digits[3:] == "000000" else digits[:6] if digits[6:] == "000" else digits
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{shown}Z"


def sample_line(payload: Payload, sample: ReadSample) -> str:
    """One sample: time, name, value with unit, and the batch it came in."""
    value = f"{sample.value:.10g} {sample.unit}".rstrip()
    return f"{time_text(sample.t_ns)}  {sample.name:<40} {value:<24} {payload.rule} {payload.boot}/{payload.seq}"


def batch_line(payload: Payload) -> str:
    """One batch: who, which, what it holds and what it says is missing."""
    header = payload.header
    gaps = header["evicted"] or "nothing"
    return (
        f"{payload.device} {payload.boot}/{payload.seq}  rule {payload.rule}  {payload.kept} samples  "
        f"{payload.schema}  closed by {header['why']}  config {header['config']}  given up before it: {gaps}"
    )
