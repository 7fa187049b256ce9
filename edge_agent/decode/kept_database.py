"""A loaded database as plain bytes, and back: what a start reads in place of the file it came from. Pure.

    one line       `edge-agent database`, who made it, which file it was made of
    one line       SHA-256 of the rest, in hexadecimal
    zlib           JSON lines: the remarks, then each message with its signals, as lists

No byte of it is run: whatever it holds, reading gives a database whose every value has its type and its range, or says
why not. A mapping to VSS and the names of the buses come after, so they are not in it.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import NoReturn

from edge_agent.decode.catalog import BitField, Database, Message, Selector, Signal
from edge_agent.decode.transport import LONGEST
from edge_agent.records import RawKind

MOST_BYTES = 256 << 20
"""of JSON: nobody's few kilobytes may fill the memory; a database of 10 MB makes 11"""
_MAGIC = "edge-agent database"
_LONGEST_WORD = 64


class UnusableDatabase(ValueError):  # noqa: N818  says what is
    """What was kept is damaged, or no such thing."""


class OutdatedDatabase(ValueError):  # noqa: N818  says what is
    """Another version made it, or it is of another file."""


def kept_bytes(database: Database, origin: str) -> bytes:
    """The messages and remarks of a database; `origin` tells who made it of which file. Raises UnusableDatabase.

    It does where reading would not give the same again, so that a start from this never differs from one without.
    """
    if database.computed:
        raise AssertionError("a mapping's paths are not kept")
    rows: list[object] = [list(database.remarks), *map(_row_of_message, database.messages)]
    text = "\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    body = zlib.compress(text.encode())
    data = b"\n".join((f"{_MAGIC} {origin}".encode(), hashlib.sha256(body).hexdigest().encode(), body))
    if database_of(data, origin, path=database.path, sha256=database.sha256) != database:
        raise UnusableDatabase("does not read back as it was")
    return data


def database_of(data: bytes, origin: str, *, path: str, sha256: str) -> Database:
    """The database again, as one of this file. Raises UnusableDatabase or OutdatedDatabase."""
    magic, _, rest = data.partition(b"\n")
    if not magic.startswith(_MAGIC.encode()):
        raise UnusableDatabase("is none")
    if magic != f"{_MAGIC} {origin}".encode():
        raise OutdatedDatabase("is of another version")
    digest, _, body = rest.partition(b"\n")
    if digest != hashlib.sha256(body).hexdigest().encode():
        raise UnusableDatabase("is damaged")
    try:
        lines = iter(_text(body).split(b"\n"))
        remarks = _parsed(next(lines))
        messages = tuple(_message(_parsed(line)) for line in lines)
    except (ValueError, RecursionError, zlib.error) as error:
        raise UnusableDatabase(f"cannot be read: {error}") from error
    if not isinstance(remarks, list) or not all(isinstance(one, str) for one in remarks):
        raise UnusableDatabase("cannot be read: remarks are sentences")
    return Database(path, messages, tuple(remarks), sha256=sha256)


def _text(body: bytes) -> bytes:
    reading = zlib.decompressobj()
    text = reading.decompress(body, MOST_BYTES)
    if not reading.eof:
        raise ValueError("cut short, or too long")
    return text


def _parsed(line: bytes) -> object:
    return json.loads(line, parse_constant=_no_number)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _row_of_message(message: Message) -> list[object]:
    signals = [_row_of_signal(signal) for signal in message.signals]
    return [message.name, message.can_id, message.length, message.j1939, message.fast_packet, message.cycle_ns, signals]


def _row_of_signal(signal: Signal) -> list[object]:
    return [
        signal.name,
        _row_of_field(signal.field),
        signal.kind.value,
        signal.factor,
        signal.offset,
        signal.unit,
        [[_row_of_field(selector.field), selector.ranges] for selector in signal.selectors],
        list(signal.labels.items()),
        signal.lowest,
        signal.highest,
    ]


def _row_of_field(field: BitField) -> list[object]:
    return [field.start, field.bits, field.big_endian]


def _message(row: object) -> Message:
    match row:
        case [str(name), int(can_id), int(length), bool(j1939), bool(fast_packet), int(cycle_ns), [*signals]]:
            if 0 <= can_id < 1 << 32 and 0 <= length <= LONGEST and cycle_ns >= 0:
                found = tuple(_signal(signal, length) for signal in signals)
                return Message(name, can_id, length, found, j1939, fast_packet, cycle_ns)
    raise ValueError("no message")


def _signal(row: object, length: int) -> Signal:
    match row:
        case [
            str(name),
            field,
            str(kind),
            float(factor),
            float(offset),
            str(unit),
            [*selectors],
            [*labels],
            int() | float() | None as lowest,
            int() | float() | None as highest,
        ]:
            return Signal(
                name,
                _field(field, length),
                RawKind(kind),
                factor,
                offset,
                unit,
                tuple(_selector(selector, length) for selector in selectors),
                dict(_labels(labels)),
                lowest=lowest,
                highest=highest,
            )
    raise ValueError("no signal")


def _field(row: object, length: int) -> BitField:
    match row:
        case [int(start), int(bits), bool(big_endian)] if start >= 0 and 1 <= bits <= _LONGEST_WORD:
            field = BitField(start, bits, big_endian)
            if field.last_byte < length:
                return field
    raise ValueError("no place in a message")


def _selector(row: object, length: int) -> Selector:
    match row:
        case [field, [*ranges]]:
            return Selector(_field(field, length), tuple(_range(range_) for range_ in ranges))
    raise ValueError("no multiplexer")


def _range(row: object) -> tuple[int, int]:
    match row:
        case [int(low), int(high)] if 0 <= low <= high < 1 << _LONGEST_WORD:
            return low, high
    raise ValueError("no range of a multiplexer")


def _labels(rows: Sequence[object]) -> Iterator[tuple[int, str]]:
    for row in rows:
        match row:
            case [int(value), str(label)]:
                yield value, label
            case _:
                raise ValueError("no label")
