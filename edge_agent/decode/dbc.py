"""The only door to cantools: database files (DBC, KCD, SYM, ARXML) to our own records."""

import logging
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import cast

import cantools
from cantools.database.can import Message as CantoolsMessage
from cantools.database.can import Signal as CantoolsSignal

from edge_agent.decode.catalog import BitField, Database, Message, Selector, Signal
from edge_agent.errors import DatabaseRefused
from edge_agent.records import EXTENDED_ID, RawKind

FLOAT_BITS = (16, 32, 64)
FD_BYTES = 64

# It warns of names and masked ids shared in its own look-up tables, which we do not use; `remarks` tell what matters.
logging.getLogger("cantools").setLevel(logging.ERROR)

_LINE = re.compile(r"at line (\d+), column (\d+)")


def load_database(path: str | Path) -> Database:
    """Read one database file.

    What one message has wrong costs that message or signal, told in `remarks`, not the file.
    Raises DatabaseRefused, with the line where the parser names one.
    """
    try:
        # strict=False: real databases hold overlapping signals, which a table decoder reads without trouble.
        loaded = cantools.database.load_file(str(path), strict=False)
    except FileNotFoundError as error:
        raise DatabaseRefused(str(path), "no such file") from error
    except OSError as error:
        raise DatabaseRefused(str(path), error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise DatabaseRefused(str(path), "not a text file a database parser can read") from error
    except Exception as error:  # cantools' parsers raise anything on a broken file (KeyError, AttributeError, ...)
        raise _refused(str(path), error) from error
    if not isinstance(loaded, cantools.database.can.Database):
        raise DatabaseRefused(str(path), "a diagnostics (CDD) file, not a CAN database")
    remarks: list[str] = []
    messages = tuple(_messages(loaded.messages, remarks))
    return Database(str(path), messages, tuple(remarks))


def _refused(path: str, error: Exception) -> DatabaseRefused:
    """The parser's complaint about the format the file's name promises, without its repetition for every other one."""
    text = str(error) or type(error).__name__
    suffix = Path(path).suffix[1:].upper()
    ours = re.search(rf'\b{suffix}: "(.*?)"(?:, [A-Z]+: |$)', text, re.DOTALL) if suffix else None
    reason = " ".join((ours.group(1) if ours else text).split())
    place = _LINE.search(reason)
    return DatabaseRefused(path, reason, int(place.group(1)) if place else None)


def _messages(loaded: list[CantoolsMessage], remarks: list[str]) -> Iterator[Message]:
    for message in loaded:
        if message.is_container:
            remarks.append(f"message {message.name}: container messages are not decoded")
            continue
        can_id = message.frame_id | (EXTENDED_ID if message.is_extended_frame else 0)
        length = min(message.length, FD_BYTES)
        yield Message(message.name, can_id, length, tuple(_signals(message, length, remarks)))


def _signals(message: CantoolsMessage, length: int, remarks: list[str]) -> Iterator[Signal]:
    by_name = {signal.name: signal for signal in message.signals}
    for signal in message.signals:
        fault = _fault(signal, length, by_name)
        if fault:
            remarks.append(f"signal {message.name}.{signal.name}: {fault}")
            continue
        yield Signal(
            name=signal.name,
            field=_field(signal),
            kind=_kind(signal),
            factor=float(signal.scale),
            offset=float(signal.offset),
            unit=signal.unit or "",
            selectors=_selectors(signal, by_name),
            labels={int(value): str(label) for value, label in (signal.choices or {}).items()},
        )


def _fault(signal: CantoolsSignal, length: int, by_name: Mapping[str, CantoolsSignal]) -> str:
    """Why a signal cannot be decoded, or nothing."""
    field = _field(signal)
    if not 1 <= field.bits <= 64:  # noqa: PLR2004  a raw value is one 64-bit word
        return f"{field.bits} bits long; 1 to 64 can be decoded"
    if field.last_byte >= length:
        return f"does not fit in its message of {length} bytes"
    if signal.is_float and field.bits not in FLOAT_BITS:
        return f"a float of {field.bits} bits; 16, 32 and 64 exist"
    if not hasattr(signal.conversion, "offset"):
        return "a conversion that is not linear"
    if signal.multiplexer_ids and signal.multiplexer_signal not in by_name:
        return "multiplexed, but its message has no multiplexer"
    return ""


def _field(signal: CantoolsSignal) -> BitField:
    return BitField(signal.start, signal.length, signal.byte_order == "big_endian")


def _kind(signal: CantoolsSignal) -> RawKind:
    if signal.is_float:
        return RawKind.FLOAT
    return RawKind.SIGNED if signal.is_signed else RawKind.UNSIGNED


def _selectors(signal: CantoolsSignal, by_name: Mapping[str, CantoolsSignal]) -> tuple[Selector, ...]:
    """Conditions from the outermost multiplexer inward; a multiplexer may itself be multiplexed."""
    chain: list[Selector] = []
    while signal.multiplexer_ids and signal.multiplexer_signal in by_name:
        multiplexer = by_name[cast("str", signal.multiplexer_signal)]
        chain.append(Selector(_field(multiplexer), _ranges(signal.multiplexer_ids)))
        signal = multiplexer
    return tuple(reversed(chain))


def _ranges(values: list[int]) -> tuple[tuple[int, int], ...]:
    """Inclusive runs: cantools spells a range of 0..255 out as 256 values."""
    ordered = sorted(set(values))
    cuts = [i + 1 for i, (a, b) in enumerate(pairwise(ordered)) if b != a + 1]
    return tuple((ordered[i], ordered[j - 1]) for i, j in pairwise([0, *cuts, len(ordered)]))
