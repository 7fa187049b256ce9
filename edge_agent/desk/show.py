"""Payloads and files of arrivals back into something to read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.errors import PayloadRefused
from edge_agent.localhub.arrivals import Arrival, read_arrivals
from edge_agent.spool.candump import CANDUMP
from edge_agent.spool.reading import Payload, ReadFrame, ReadSample, read_capture, read_payloads, unzipped

PLAIN = "last"
"""the aggregate of a sample as it was on the bus"""


@dataclass(frozen=True, slots=True)
class Capture:
    """A log of frames. It has no header: what is known of it, its message's properties say."""

    device: str
    batch: str
    """`BOOT/SEQ`, empty where only the log is there; so are the other texts"""
    rule: str
    frames: tuple[ReadFrame, ...]


def messages_of(path: Path, tell_cut: Callable[[int], object] = lambda _: None) -> Iterator[Payload | Capture]:
    """What is in the local hub's `arrived.jsonl`, or in a file of payloads. Raises PayloadRefused.

    `tell_cut` is given the bytes of an arrival without its end, of which nothing is shown.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
            data = b"" if head.startswith(b'{"n":') else head + file.read()
    except OSError as error:
        raise PayloadRefused(str(path), f"cannot be read: {error.strerror}") from error
    if data:
        yield from _bodies(data, str(path))
    elif head:
        for arrival in read_arrivals(path, tell_cut):
            yield from _arrived(arrival, f"{path} message {arrival.n}")


def lines_of(path: Path, *, batches: bool, tell_cut: Callable[[int], object] = lambda _: None) -> Iterator[str]:
    """A line for each batch, or for each sample and frame. Raises PayloadRefused."""
    for message in messages_of(path, tell_cut):
        if batches:
            yield capture_line(message) if isinstance(message, Capture) else batch_line(message)
        elif isinstance(message, Capture):
            yield from (frame_line(message, frame) for frame in message.frames)
        else:
            yield from (sample_line(message, sample) for sample in message.samples)


def time_text(t_ns: int) -> str:
    """UTC, as fine as the time is: milliseconds at least."""
    whole, rest = divmod(t_ns, 1_000_000_000)
    digits = f"{rest:09d}"
    shown = digits[:3] if digits[3:] == "000000" else digits[:6] if digits[6:] == "000" else digits
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{shown}Z"


def sample_line(payload: Payload, sample: ReadSample) -> str:
    """One sample: time, name with its aggregate, value with unit, and the batch it came in."""
    name = sample.name if sample.aggregate == PLAIN else f"{sample.name} ({sample.aggregate})"
    value = f"{sample.value:.10g} {sample.unit}".rstrip()
    return f"{time_text(sample.t_ns)}  {name:<40} {value:<24} {payload.rule} {payload.boot}/{payload.seq}"


def frame_line(capture: Capture, frame: ReadFrame) -> str:
    """One frame: time, bus, id and content, and the batch it came in."""
    return f"{time_text(frame.t_ns)}  {frame.bus:<15} {frame.frame:<49} {capture.rule} {capture.batch}".rstrip()


def batch_line(payload: Payload) -> str:
    """One batch: who, which, what it holds and what it says is missing."""
    header = payload.header
    gaps = header["evicted"] or "nothing"
    return (
        f"{payload.device} {payload.boot}/{payload.seq}  rule {payload.rule}  {payload.kept} samples  "
        f"{payload.schema}  closed by {header['why']}  config {header['config']}  given up before it: {gaps}"
    )


def capture_line(capture: Capture) -> str:
    """One batch of frames: who, which, what it holds."""
    who = f"{capture.device} {capture.batch}  rule {capture.rule}  " if capture.batch else ""
    times = [frame.t_ns for frame in capture.frames]
    span = f"  {time_text(min(times))} to {time_text(max(times))}" if times else ""
    return f"{who}{len(times)} frames  {CANDUMP}{span}"


def _arrived(arrival: Arrival, place: str) -> Iterator[Payload | Capture]:
    told = arrival.properties
    if told.get("schema") == CANDUMP:
        batch = f"{told.get('boot', '?')}/{told.get('seq', '?')}"
        yield Capture(arrival.device, batch, told.get("rule", ""), tuple(read_capture(arrival.body, place)))
    else:
        yield from read_payloads(arrival.body, place)


def _bodies(data: bytes, place: str) -> Iterator[Payload | Capture]:
    text = unzipped(data, place)
    if text.startswith(b"("):
        yield Capture("", "", "", tuple(read_capture(text, place)))
    else:
        yield from read_payloads(text, place)
