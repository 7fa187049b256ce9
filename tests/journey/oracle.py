"""What must arrive, said a second time: cantools frame by frame, and the two rules in their plainest form."""

import struct
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, cast

import cantools
from cantools.database.can import Database, Message, Signal

from edge_agent.records import EXTENDED_ID
from tests.journey.recordings import Recorded

FLOATS = {16: "e", 32: "f", 64: "d"}
SECOND_NS = 1_000_000_000

Numbers = Mapping[str, int | float]
"""by signal"""


class Expected(NamedTuple):
    """One sample: its time, the number on the bus, and the scaled value."""

    t_ns: int
    raw: int | float
    value: float


@dataclass
class Counted:
    """What must be counted of one bus."""

    seen: int = 0
    decoded: int = 0
    unknown: int = 0
    wrong_length: int = 0


@dataclass
class Truth:
    """A whole log, decoded: every sample of every signal, and the counters by bus."""

    samples: dict[str, list[Expected]]
    counted: dict[str, Counted]
    units: dict[str, str]
    beyond_cantools: int
    """frames that cantools does not decode, though they are as long as their message"""


class Bus(NamedTuple):
    """A bus as configured: its name, the log's channel (None: any), and its databases."""

    name: str
    channel: str | None
    databases: tuple[Path, ...]


def truth(frames: Iterable[Recorded], buses: Sequence[Bus]) -> Truth:
    """Decode a log, each frame alone."""
    decoders = [_Decoder(bus, buses) for bus in buses]
    samples: dict[str, list[Expected]] = defaultdict(list)
    counted = {bus.name: Counted() for bus in buses}
    beyond_cantools = 0
    for frame in frames:
        for bus, decoder in zip(buses, decoders, strict=True):
            if bus.channel not in (None, frame.channel):
                continue
            counts = counted[bus.name]
            counts.seen += 1
            message = decoder.messages.get(frame.can_id)
            if message is None:
                counts.unknown += 1
            elif len(frame.data) < message.length:
                counts.wrong_length += 1
            else:
                counts.decoded += 1
                by_cantools, numbers = decoder.decoded(frame.can_id, frame.data)
                beyond_cantools += not by_cantools
                for name, raw, value in numbers:
                    samples[name].append(Expected(frame.t_ns, raw, value))
    units = {name: unit for decoder in decoders for name, unit in decoder.units.items()}
    return Truth(dict(samples), counted, units, beyond_cantools)


def on_change(samples: Sequence[Expected]) -> list[Expected]:
    """The first sample, and every one whose raw value differs from the sample before it."""
    return [each for i, each in enumerate(samples) if i == 0 or each.raw != samples[i - 1].raw]


def periodic(samples: Sequence[Expected], every_ns: int) -> list[Expected]:
    """The last sample of each window, windows counted from the epoch."""
    last: dict[int, Expected] = {}
    for each in samples:
        last[each.t_ns // every_ns] = each
    return list(last.values())


def kept(samples: Mapping[str, Sequence[Expected]]) -> dict[tuple[str, str], list[Expected]]:
    """What the rules `everything` (on change) and `each_second` (periodic) keep, both of all signals."""
    return {("everything", name): on_change(series) for name, series in samples.items()} | {
        ("each_second", name): periodic(series, SECOND_NS) for name, series in samples.items()
    }


class _Decoder:
    """One bus: messages by arbitration id (of two with one id the first counts), and the signals' public names."""

    def __init__(self, bus: Bus, buses: Sequence[Bus]) -> None:
        self.messages = _by_id(bus)
        elsewhere = {message.name for other in buses if other is not bus for message in _by_id(other).values()}
        self.failed: set[str] = set()
        self.succeeded: set[str] = set()
        self.units: dict[str, str] = {}
        self._names: dict[tuple[int, str], str] = {}
        first: dict[str, int] = {}
        for can_id, message in self.messages.items():
            prefix = f"{bus.name}." if message.name in elsewhere else ""
            for signal in message.signals:
                name = f"{prefix}{message.name}.{signal.name}"
                if first.setdefault(name, can_id) != can_id:
                    mark = "x" if can_id & EXTENDED_ID else ""
                    name = f"{prefix}{message.name}@{can_id & ~EXTENDED_ID:x}{mark}.{signal.name}"
                self._names[can_id, signal.name] = name
                self.units.setdefault(name, signal.unit or "")
        self.decoded = cache(self._decoded)

    def _decoded(self, can_id: int, data: bytes) -> tuple[bool, list[tuple[str, int | float, float]]]:
        """One frame that is long enough: whether cantools could tell, and (public name, raw, value) of its signals."""
        message = self.messages[can_id]
        reference = bit_by_bit(message, data)
        try:
            raw = cast("Numbers", message.decode(data, decode_choices=False, scaling=False))
            value = cast("Numbers", message.decode(data, decode_choices=False, scaling=True))
        except Exception:  # noqa: BLE001  it raises several kinds; each means that it cannot tell
            signals = {name: _signal(message, name) for name in reference}
            scaled = {name: number * signals[name].scale + signals[name].offset for name, number in reference.items()}
            return False, self._named(can_id, reference, scaled)
        # Where it can tell, the reference must say the same: else the reference would prove nothing.
        assert raw == reference, (message.name, data.hex())
        return True, self._named(can_id, raw, value)

    def _named(self, can_id: int, raw: Numbers, value: Numbers) -> list[tuple[str, int | float, float]]:
        return [(self._names[can_id, name], raw[name], float(value[name])) for name in raw]


def _by_id(bus: Bus) -> dict[int, Message]:
    found: dict[int, Message] = {}
    for path in bus.databases:
        for message in loaded(path).messages:
            found.setdefault(message.frame_id | (EXTENDED_ID if message.is_extended_frame else 0), message)
    return found


@cache
def loaded(path: Path) -> Database:
    data = path.read_bytes()
    encoding = "utf-8" if data == data.decode("utf-8", "ignore").encode() else "cp1252"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        database = cantools.database.load_file(path, strict=False, encoding=encoding)
    assert isinstance(database, Database)
    return database


def bit_by_bit(message: Message, data: bytes) -> dict[str, int | float]:
    """Raw values as the DBC defines them, one bit after the other; signals that are present and fit the message.

    For messages that cantools cannot decode: overlapping signals, a multiplexer value that nothing names.
    """
    found: dict[str, int | float] = {}
    for signal in message.signals:
        if signal.name not in found and _fits(message, signal) and _present(message, signal, data):
            found[signal.name] = _number(signal, data)
    return found


def _present(message: Message, signal: Signal, data: bytes) -> bool:
    if not signal.multiplexer_ids:
        return True
    multiplexer = _signal(message, signal.multiplexer_signal)
    return _present(message, multiplexer, data) and _bits(multiplexer, data) in signal.multiplexer_ids


def _number(signal: Signal, data: bytes) -> int | float:
    number = _bits(signal, data)
    if signal.is_float:
        (value,) = struct.unpack(f"<{FLOATS[signal.length]}", number.to_bytes(signal.length // 8, "little"))
        return float(value)
    return number - (1 << signal.length) if signal.is_signed and number >> (signal.length - 1) else number


def _bits(signal: Signal, data: bytes) -> int:
    number = 0
    for weight, position in enumerate(_positions(signal)):
        number |= (data[position // 8] >> position % 8 & 1) << weight
    return number


@cache
def _positions(signal: Signal) -> list[int]:
    """Where the bits stand (bit 0 is the lowest of byte 0), least significant first."""
    if signal.byte_order == "little_endian":
        return list(range(signal.start, signal.start + signal.length))
    position, found = signal.start, []
    for _ in range(signal.length):
        found.append(position)
        # Motorola: downward in a byte, then on with the highest bit of the next one.
        position = position - 1 if position % 8 else position + 15
    return found[::-1]


def _fits(message: Message, signal: Signal) -> bool:
    return max(_positions(signal)) < 8 * message.length


def _signal(message: Message, name: str | None) -> Signal:
    return next(signal for signal in message.signals if signal.name == name)
