"""What the databases say, in our own words: messages, their signals, and the names a rule may use. Pure."""

import dataclasses
import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from edge_agent.decode.formula import Formula
from edge_agent.decode.nearest import KnownNames
from edge_agent.decode.relabel import Relabel
from edge_agent.records import RawKind, SignalInfo, id_text

DOUBLE_BITS = 64
_NOBODY = (-1, -1)


@dataclass(frozen=True, slots=True)
class BitField:
    """Where a number sits in a payload, in the DBC's own numbering.

    `start` is the least significant bit of an Intel (little-endian) field and the most significant bit of a
    Motorola (big-endian) one; bit 0 is the lowest bit of byte 0, bit 8 the lowest of byte 1.
    """

    start: int
    bits: int
    big_endian: bool

    @property
    def first_bit(self) -> int:
        """Bits before the field in reading order: from each byte's lowest bit (Intel) or highest (Motorola)."""
        return self.start if not self.big_endian else 8 * (self.start // 8) + 7 - self.start % 8

    @property
    def last_byte(self) -> int:
        """Index of the last payload byte the field touches."""
        return (self.first_bit + self.bits - 1) // 8


@dataclass(frozen=True, slots=True)
class Selector:
    """A multiplexed signal is present only while its multiplexer's raw value lies in one of `ranges` (inclusive)."""

    field: BitField
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of a message."""

    name: str
    field: BitField
    kind: RawKind
    factor: float
    offset: float
    unit: str
    selectors: tuple[Selector, ...] = ()
    """all must hold; outermost multiplexer first"""
    labels: Mapping[int, str] = dataclasses.field(default_factory=dict)
    path: str = ""
    """the VSS path a mapping names; then `factor`, `offset`, `unit` and `labels` are the mapping's"""
    relabel: Relabel | None = None
    """what a mapping makes of the raw value, before `factor` and `offset`"""
    lowest: float | None = None
    highest: float | None = None
    """raw numbers on the bus below or above are outside the database's minimum and maximum; see `bounds.py`"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `can_id` carries `EXTENDED_ID` for a 29-bit id; `length` in bytes."""

    name: str
    can_id: int
    length: int
    signals: tuple[Signal, ...]
    j1939: bool = False
    """a J1939 parameter group: whoever sends it, at whatever priority, it is this message; see `j1939.py`"""
    fast_packet: bool = False
    """a group longer than a frame that comes in NMEA 2000's fast packets; see `fast_packet.py`"""
    cycle_ns: int = 0
    """time from one frame to the next, where the database says that it is sent cyclically; else 0"""


@dataclass(frozen=True, slots=True)
class Database:
    """One loaded file; `remarks` tell, a sentence each, what in it cannot be used or is not as it should be."""

    path: str
    messages: tuple[Message, ...]
    remarks: tuple[str, ...] = ()
    computed: tuple["ComputedPath", ...] = ()
    sha256: str = dataclasses.field(default="", compare=False)
    """of the file's bytes, in hexadecimal"""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A signal that paths are computed from, as a mapping converts it; one object, however many paths need it."""

    message: Message
    signal: Signal


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One way a computed path's value comes about."""

    sources: Mapping[str, Source]
    """by their names in the formula; never empty"""
    formula: Formula | None = None
    """None where the one source's value is the path's"""
    triggers: tuple[str, ...] = ()
    """names of the sources whose samples give a sample; () for all"""


@dataclass(frozen=True, slots=True, eq=False)
class ComputedPath:
    """A VSS path that is not one signal of one message."""

    path: str
    unit: str
    terms: tuple[Term, ...]
    """alternatives: what any of them gives is a sample of the path; never empty"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A signal where it lives."""

    bus: int
    message: Message
    signal: Signal
    info: SignalInfo


@dataclass(frozen=True, slots=True)
class ComputedEntry:
    """A computed path: it lives nowhere, its sources do."""

    bus: int
    terms: tuple[Term, ...]
    info: SignalInfo
    labels: Mapping[int, str]
    """the alternatives', where all have the same; else none"""
    is_choice: bool
    """whether it has nothing but alternatives of one scale: their raw values are its own"""


class Catalog:
    """Every signal of every bus under its public name. Immutable: may be read from any thread.

    `complete` is False where a file that should be part of it could not be loaded.
    """

    def __init__(self, buses: Sequence[tuple[str, Sequence[Database]]], *, complete: bool = True) -> None:
        self.complete = complete
        self.bus_names = tuple(name for name, _ in buses)
        self.databases = tuple(chain.from_iterable(databases for _, databases in buses))
        self.messages: tuple[tuple[int, Message], ...] = tuple(
            (bus, message) for bus, (_, databases) in enumerate(buses) for message in by_id(databases)
        )
        self._buses = tuple((name, tuple(databases)) for name, databases in buses)
        self._public = _public_paths(buses)
        self._entries: dict[str, tuple[int, Message, Signal]] = {}
        """an Entry is made when somebody wants it: of 30,000 signals on four buses few are"""
        self._mapped: dict[str, list[str]] = {}
        """names in the databases of signals that go by VSS paths; a rule may use them still"""
        for name, bus, message, signal in self._named():
            public = name
            if signal.path:
                public = self._public[bus][signal.path]
                self._mapped.setdefault(name, []).append(public)
            self._entries[public] = (bus, message, signal)
        self.computed: dict[str, ComputedEntry] = {}
        """those of the names that are no signal of one message"""
        for bus, (_, databases) in enumerate(buses):
            for computed in chain.from_iterable(database.computed for database in databases):
                name = self._public[bus][computed.path]
                self.computed[name] = _computed_entry(name, bus, computed)

    def __len__(self) -> int:
        return len(self._entries) + len(self.computed)

    def __iter__(self) -> Iterator[str]:
        return chain(self._entries, self.computed)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self.computed

    def __getitem__(self, name: str) -> Entry:
        """Where a signal lives. Raises KeyError, for a computed path too: `computed` has those."""
        return entry_of(name, *self._entries[name])

    def info(self, name: str) -> SignalInfo:
        """What a reader of a signal's samples must know. Raises KeyError."""
        return self.computed[name].info if name in self.computed else _info(name, self._entries[name][2])

    def labels(self, name: str) -> Mapping[int, str]:
        """What a signal's raw values are called. Raises KeyError."""
        return self.computed[name].labels if name in self.computed else self._entries[name][2].labels

    def match(self, pattern: str) -> tuple[str, ...]:
        """Names a rule's `signals` item means: the name itself, or a glob with `*`, `?`, `[...]`; () if none.

        A mapped signal is found by its VSS path and by its name in the database; both mean the path. Before either
        may always stand the name of its bus.
        """
        if pattern in self:
            return (pattern,)
        for known in (self._mapped, self._of_bus) if _is_of_a_bus(pattern, self.bus_names) else (self._mapped,):
            if pattern in known:
                return tuple(known[pattern])
        if not re.search(r"[*?[]", pattern):
            return ()
        matches = re.compile(fnmatch.translate(pattern)).match
        found = list(filter(matches, self))
        found += chain.from_iterable(names for name, names in self._mapped.items() if matches(name))
        found += [public for name, public in self._after_their_buses() if matches(name)]
        return tuple(dict.fromkeys(found))

    def nearest(self, name: str) -> tuple[str, ...]:
        """Up to three names somebody who wrote `name` may have meant, best first."""
        return self._known_names.nearest(name)

    @cached_property
    def _of_bus(self) -> dict[str, list[str]]:
        """Names after their bus's: what they mean does not depend on which other files could be loaded."""
        found: dict[str, list[str]] = {}
        for name, public in self._after_their_buses():
            found.setdefault(name, []).append(public)
        return found

    def _after_their_buses(self) -> Iterator[tuple[str, str]]:
        """Each name with its bus's before it, and the public one: of signals in the databases, then of their paths."""
        for name, bus, message, signal in self._named():
            bus_name = self.bus_names[bus]
            public = self._public[bus][signal.path] if signal.path else name
            yield f"{bus_name}.{name.removeprefix(self._prefix(bus, message))}", public
            if signal.path:
                yield f"{bus_name}.{signal.path}", public
        for bus, (bus_name, databases) in enumerate(self._buses):
            for computed in chain.from_iterable(database.computed for database in databases):
                yield f"{bus_name}.{computed.path}", self._public[bus][computed.path]

    def _named(self) -> Iterator[tuple[str, int, Message, Signal]]:
        """Each signal and what it is called by the databases: with the bus where two have a message of that name."""
        owners: dict[str, tuple[int, int]] = dict.fromkeys(chain.from_iterable(map(dict.values, self._public)), _NOBODY)
        for bus, message in self.messages:
            prefix = self._prefix(bus, message)
            owner = (bus, message.can_id)
            for signal in message.signals:
                name = f"{prefix}{message.name}.{signal.name}"
                if owners.setdefault(name, owner) != owner:
                    # One bus, one message name, two arbitration ids: files in the field have it.
                    name = f"{prefix}{message.name}@{id_text(message.can_id)}.{signal.name}"
                yield name, bus, message, signal

    def _prefix(self, bus: int, message: Message) -> str:
        return f"{self.bus_names[bus]}." if self._on_buses[message.name] > 1 else ""

    @cached_property
    def _on_buses(self) -> Mapping[str, int]:
        """On how many buses there is a message of a name."""
        return Counter(name for _, databases in self._buses for name in {m.name for m in by_id(databases)})

    @cached_property
    def _known_names(self) -> KnownNames:
        return KnownNames([*self, *self._mapped])


def _is_of_a_bus(name: str, bus_names: Sequence[str]) -> bool:
    return any(name.startswith(f"{bus_name}.") for bus_name in bus_names)


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to three of `names` that somebody who wrote `name` may have meant, best first."""
    return KnownNames(names).nearest(name)


def _public_paths(buses: Sequence[tuple[str, Sequence[Database]]]) -> list[dict[str, str]]:
    """For each bus its mapped paths and what they are called: with the bus's name where two buses share one."""
    paths = [
        {signal.path for message in by_id(databases) for signal in message.signals if signal.path}
        | {computed.path for database in databases for computed in database.computed}
        for _, databases in buses
    ]
    count = Counter(chain.from_iterable(paths))
    return [
        {path: f"{bus}.{path}" if count[path] > 1 else path for path in of_bus}
        for (bus, _), of_bus in zip(buses, paths, strict=True)
    ]


def by_id(databases: Sequence[Database]) -> tuple[Message, ...]:
    """Messages of one bus; of two with one arbitration id the first file's is used."""
    found: dict[int, Message] = {}
    for database in databases:
        for message in database.messages:
            found.setdefault(message.can_id, message)
    return tuple(found.values())


def entry_of(name: str, bus: int, message: Message, signal: Signal) -> Entry:
    """A signal under a name."""
    return Entry(bus, message, signal, _info(name, signal))


def _info(name: str, signal: Signal) -> SignalInfo:
    kind, bits = signal.kind, signal.field.bits
    if signal.relabel:
        kind, bits = signal.relabel.kind, signal.relabel.bits
    return SignalInfo(name, signal.unit, signal.factor, signal.offset, kind, bits)


def _computed_entry(name: str, bus: int, computed: ComputedPath) -> ComputedEntry:
    signals = [source.signal for term in computed.terms for source in term.sources.values()]
    is_computed = any(term.formula for term in computed.terms)
    choice = None if is_computed else _choice([_info(name, signal) for signal in signals])
    info = choice or SignalInfo(name, "", 1.0, 0.0, RawKind.FLOAT, DOUBLE_BITS)
    is_labelled = choice is not None and all(signal.labels == signals[0].labels for signal in signals)
    return ComputedEntry(
        bus=bus,
        terms=computed.terms,
        info=dataclasses.replace(info, unit=computed.unit),
        labels=signals[0].labels if is_labelled else {},
        is_choice=choice is not None,
    )


def _choice(infos: Sequence[SignalInfo]) -> SignalInfo | None:
    """What holds the raw values of any of these as they are; None where their scales or kinds differ too much."""
    kinds = {info.kind for info in infos}
    mixed = kinds == {RawKind.SIGNED, RawKind.UNSIGNED}
    bits = max(info.bits + (mixed and info.kind is RawKind.UNSIGNED) for info in infos)
    if len({(info.factor, info.offset) for info in infos}) > 1 or not (mixed or len(kinds) == 1) or bits > DOUBLE_BITS:
        return None
    return dataclasses.replace(infos[0], kind=RawKind.SIGNED if mixed else infos[0].kind, bits=bits)
