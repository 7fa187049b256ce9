"""The only door to cantools: database files (DBC, KCD, SYM, ARXML) to our own records."""

import dataclasses
import hashlib
import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import cast

import cantools
from cantools.database.can import Database as CantoolsDatabase
from cantools.database.can import Message as CantoolsMessage
from cantools.database.can import Signal as CantoolsSignal

from edge_agent.decode.bounds import raw_bounds
from edge_agent.decode.catalog import BitField, Database, Message, Selector, Signal
from edge_agent.decode.dbc_repair import repaired
from edge_agent.decode.fast_packet import is_fast_packet
from edge_agent.decode.j1939 import pgn_of
from edge_agent.decode.transport import LONGEST
from edge_agent.errors import DatabaseRefused
from edge_agent.records import EXTENDED_ID, RawKind, id_text

SUFFIXES = (".dbc", ".kcd", ".sym", ".arxml", ".cdd")
FLOAT_BITS = (16, 32, 64)
FD_BYTES = 64

# It warns of names and masked ids shared in its own look-up tables, which we do not use; `remarks` tell what matters.
logging.getLogger("cantools").setLevel(logging.ERROR)

# Of ARXML it says only here what it passed over: a conversion of several segments, or of a kind it does not know.
_ARXML = logging.getLogger("cantools.database.can.formats.arxml")
_ARXML.setLevel(logging.DEBUG)
_ARXML.propagate = False

_UNKNOWN_CONVERSION = re.compile(r"Compu method category (\S+) is not yet implemented")

_LINE = re.compile(r"\bline (\d+), column (\d+)")


def load_database(path: str | Path) -> Database:
    """Read one database file.

    What one message has wrong costs that message or signal, told in `remarks`, not the file.
    Raises DatabaseRefused, with the line where the parser names one.
    """
    suffix = Path(path).suffix
    if suffix.lower() not in SUFFIXES and Path(path).is_file():
        raise DatabaseRefused(
            str(path), f"no known database format: {suffix or 'no suffix'}, known are {' '.join(SUFFIXES[:-1])}"
        )
    said = _Said()
    _ARXML.addHandler(said)
    try:
        sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        loaded, repairs = _load(Path(path))
    except FileNotFoundError as error:
        raise DatabaseRefused(str(path), "no such file") from error
    except OSError as error:
        raise DatabaseRefused(str(path), error.strerror or str(error)) from error
    except Exception as error:  # cantools' parsers raise anything on a broken file (KeyError, AttributeError, ...)
        raise _refused(str(path), error) from error
    finally:
        _ARXML.removeHandler(said)
    if not isinstance(loaded, cantools.database.can.Database):
        raise DatabaseRefused(str(path), "a diagnostics (CDD) file, not a CAN database")
    remarks = [*repairs, *said.remarks]
    messages = tuple(_messages(loaded, remarks))
    return Database(str(path), messages, tuple(remarks), sha256=sha256)


def strict_remarks(path: str | Path) -> tuple[str, ...]:
    """What strict parsing complains of in a database that loads: overlapping or misfitting signals, by message."""
    loaded, _ = _load(Path(path))
    found = []
    for message in getattr(loaded, "messages", []):
        try:
            message.refresh(strict=True)
        except cantools.Error as error:
            found.append(str(error))
    return tuple(found)


class _Said(logging.Handler):
    """What the ARXML loader passed over, each thing once."""

    def __init__(self) -> None:
        super().__init__()
        self.remarks: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        sentence = " ".join(record.getMessage().split())
        unknown = _UNKNOWN_CONVERSION.search(sentence)  # said at the level of debugging
        if unknown and unknown[1] != "IDENTICAL":
            self.remarks[f"conversions of category {unknown[1]} are not known; their signals are not scaled"] = None
        elif record.levelno >= logging.WARNING:
            self.remarks[sentence] = None


def _load(path: Path) -> tuple[object, Sequence[str]]:
    """The database, and what of its file had to be left out."""
    encoding = _encoding(path.read_bytes())
    try:
        # strict=False: real databases hold overlapping signals, which a table decoder reads without trouble.
        return cantools.database.load_file(str(path), encoding=encoding, strict=False), ()
    except cantools.Error as error:
        if path.suffix.lower() != ".dbc":
            raise
        return _load_repaired(path.read_text(encoding, errors="replace"), error)


def _load_repaired(text: str, complaint: cantools.Error) -> tuple[object, Sequence[str]]:
    """As long as each complaint is about something that can be left out; else raises the last one."""
    remarks: list[str] = []
    while True:
        repair = repaired(text, str(complaint))
        if repair is None:
            raise complaint
        remarks += repair.remarks
        try:
            loaded = cantools.database.load_string(repair.text, "dbc", strict=False)
        except cantools.Error as error:
            text, complaint = repair.text, error
            continue
        if not getattr(loaded, "messages", ()):
            raise complaint  # nothing is left
        return loaded, remarks


def _encoding(data: bytes) -> str:
    """DBC names no encoding: old tools write the system's code page, newer ones UTF-8, and units hold a degree sign."""
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"  # takes any byte; what it spoils are comments in another code page


def _refused(path: str, error: Exception) -> DatabaseRefused:
    """The parser's complaint about the format the file's name promises, without its repetition for every other one."""
    text = str(error) or type(error).__name__
    suffix = Path(path).suffix[1:].upper()
    ours = re.search(rf'\b{suffix}: "(.*?)"(?:, [A-Z]+: |$)', text, re.DOTALL) if suffix else None
    reason = " ".join((ours.group(1) if ours else text).split())
    place = _LINE.search(reason)
    return DatabaseRefused(path, reason, int(place.group(1)) if place else None)


def _messages(loaded: CantoolsDatabase, remarks: list[str]) -> Iterator[Message]:
    names: dict[int, str] = {}
    for message in loaded.messages:
        if message.is_container:
            remarks.append(f"message {message.name}: container messages are not decoded")
            continue
        nmea_2000 = _nmea_2000(loaded, message)
        j1939 = message.is_extended_frame and (message.protocol == "j1939" or nmea_2000 is True)
        longest = LONGEST if j1939 else FD_BYTES
        if message.length > longest:
            carrier = "packets hold" if j1939 else "a frame holds"
            remarks.append(f"message {message.name}: {message.length} bytes long; {carrier} {longest} at most")
            continue
        can_id = message.frame_id | (EXTENDED_ID if message.is_extended_frame else 0)
        if can_id in names:
            remarks.append(f"message {message.name}: its id {id_text(can_id)} is {names[can_id]}'s, which is used")
        names.setdefault(can_id, message.name)
        fast_packet = j1939 and is_fast_packet(pgn_of(can_id), message.length, nmea_2000=nmea_2000)
        remarks += _unmarked_multiplexers(message)
        signals = tuple(_signals(message, remarks))
        yield Message(message.name, can_id, message.length, signals, j1939, fast_packet, cycle_ns=_cycle_ns(message))


def _nmea_2000(loaded: CantoolsDatabase, message: CantoolsMessage) -> bool | None:
    """Whether a DBC file says that a message is one of NMEA 2000, or that it is not; None where it says neither.

    TransportProtocolType is the message's own, NMEATP for a fast packet (CSS Electronics' decoders); BusType and
    ProtocolType are the file's. That these say J1939 means nothing here: public files of NMEA 2000 say so too.
    """
    transport = _attribute(loaded, message, "TransportProtocolType")
    if transport:
        return "NMEA" in transport
    said = {_attribute(loaded, loaded, name) for name in ("BusType", "ProtocolType")}
    return True if any("NMEA" in one or "N2K" in one for one in said) else None


def _attribute(loaded: CantoolsDatabase, owner: CantoolsDatabase | CantoolsMessage, name: str) -> str:
    """In capitals, its default where the owner has none; empty where no such attribute is defined."""
    if loaded.dbc is None or name not in loaded.dbc.attribute_definitions:
        return ""
    definition = loaded.dbc.attribute_definitions[name]
    given = owner.dbc.attributes.get(name) if owner.dbc else None
    value = definition.default_value if given is None else given.value
    if definition.choices and isinstance(value, int):
        value = definition.choices[value]
    return str(value or "").upper()


def _cycle_ns(message: CantoolsMessage) -> int:
    """GenMsgCycleTime, which other formats have too, unless GenMsgSendType says that it does not hold all the time."""
    send_type = (message.send_type or "cyclic").lower()
    cyclic = ("cyclic" in send_type or "periodic" in send_type) and "active" not in send_type
    return round((message.cycle_time or 0) * 1_000_000) if cyclic else 0


def _unmarked_multiplexers(message: CantoolsMessage) -> Iterator[str]:
    """Signals that others name as their multiplexer though they are not marked `M` (the public vw_pq.dbc has one)."""
    named = {signal.multiplexer_signal for signal in message.signals if signal.multiplexer_ids}
    for signal in message.signals:
        if signal.name in named and not signal.is_multiplexer:
            yield f"message {message.name}: its multiplexer {signal.name} is not marked as one, and is used"


def _signals(message: CantoolsMessage, remarks: list[str]) -> Iterator[Signal]:
    by_name = {signal.name: signal for signal in reversed(message.signals)}
    for signal in message.signals:
        fault = _fault(signal, message.length, by_name) or _fault_of_multiplexers(signal, message.length, by_name)
        if fault:
            remarks.append(f"signal {message.name}.{signal.name}: {fault}")
            continue
        read = Signal(
            name=signal.name,
            field=_field(signal),
            kind=_kind(signal),
            factor=float(signal.scale),
            offset=float(signal.offset),
            unit=signal.unit or "",
            selectors=_selectors(signal, by_name),
            labels={int(value): str(label) for value, label in (signal.choices or {}).items()},
        )
        lowest, highest = raw_bounds(read, signal.minimum, signal.maximum)
        yield dataclasses.replace(read, lowest=lowest, highest=highest)


def _fault(signal: CantoolsSignal, length: int, by_name: Mapping[str, CantoolsSignal]) -> str:
    """Why a signal cannot be decoded for its own sake, or nothing."""
    if by_name[signal.name] is not signal:
        return "its message has another signal of this name, which is used"
    return _fault_of_field(signal, length) or _fault_of_conversion(signal)


def _fault_of_field(signal: CantoolsSignal, length: int) -> str:
    field = _field(signal)
    if not 1 <= field.bits <= 64:  # noqa: PLR2004  a raw value is one 64-bit word
        return f"{field.bits} bits long; 1 to 64 can be decoded"
    if field.last_byte >= length:
        return f"does not fit in its message of {length} bytes"
    if signal.is_float and field.bits not in FLOAT_BITS:
        return f"a float of {field.bits} bits; 16, 32 and 64 exist"
    return ""


def _fault_of_conversion(signal: CantoolsSignal) -> str:
    if not hasattr(signal.conversion, "offset"):
        return "a conversion that is not linear"
    if not (math.isfinite(signal.scale) and math.isfinite(signal.offset)):
        return f"a factor of {signal.scale} and an offset of {signal.offset}; both must be finite"
    return ""


def _fault_of_multiplexers(signal: CantoolsSignal, length: int, by_name: Mapping[str, CantoolsSignal]) -> str:
    """Why a signal's presence cannot be decided, or nothing; cantools loads circles."""
    passed = [signal.name]
    while signal.multiplexer_ids:
        multiplexer = _multiplexer(signal, by_name)
        if multiplexer is None:
            return "multiplexed, but its message has no multiplexer"
        passed.append(multiplexer.name)
        if multiplexer.name in passed[:-1]:
            return f"multiplexed in a circle: {' by '.join(passed)}"
        fault = _fault(multiplexer, length, by_name)
        if fault:
            return f"its multiplexer {multiplexer.name}: {fault}"
        signal = multiplexer
    return ""


def _multiplexer(signal: CantoolsSignal, by_name: Mapping[str, CantoolsSignal]) -> CantoolsSignal | None:
    named = by_name.get(signal.multiplexer_signal or "")
    if named is not None:
        return named
    # cantools 45.1 gives a signal its SystemSignalLongSymbol as name, but goes on naming it as multiplexer by the
    # short one (seen in the public Model3CAN.dbc, where dozens of signals depend on it).
    multiplexers = [one for one in by_name.values() if one.is_multiplexer]
    return multiplexers[0] if len(multiplexers) == 1 else None


def _field(signal: CantoolsSignal) -> BitField:
    return BitField(signal.start, signal.length, signal.byte_order == "big_endian")


def _kind(signal: CantoolsSignal) -> RawKind:
    if signal.is_float:
        return RawKind.FLOAT
    return RawKind.SIGNED if signal.is_signed else RawKind.UNSIGNED


def _selectors(signal: CantoolsSignal, by_name: Mapping[str, CantoolsSignal]) -> tuple[Selector, ...]:
    """Conditions from the outermost multiplexer inward; a multiplexer may itself be multiplexed."""
    chain: list[Selector] = []
    while signal.multiplexer_ids:
        multiplexer = cast("CantoolsSignal", _multiplexer(signal, by_name))  # `_fault_of_multiplexers` found it
        chain.append(Selector(_field(multiplexer), _ranges(signal.multiplexer_ids)))
        signal = multiplexer
    return tuple(reversed(chain))


def _ranges(values: list[int]) -> tuple[tuple[int, int], ...]:
    """Inclusive runs: cantools spells a range of 0..255 out as 256 values."""
    ordered = sorted(set(values))
    cuts = [i + 1 for i, (a, b) in enumerate(pairwise(ordered)) if b != a + 1]
    return tuple((ordered[i], ordered[j - 1]) for i, j in pairwise([0, *cuts, len(ordered)]))
