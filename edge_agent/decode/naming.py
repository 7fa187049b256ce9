"""A bus's signals under their VSS paths: mapped databases are databases again, and nothing after them knows. Pure.

A path that is one signal of one message is that signal, as `conversion.py` makes it. A path that comes from several is
a `ComputedPath` in a database of its own, the mapping's; its sources keep their names in the other databases.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from edge_agent.decode.catalog import ComputedPath, Database, Message, Selector, Signal, Source, Term, by_id, nearest
from edge_agent.decode.conversion import CannotConvert, NeedsFloats, converted, raw_of
from edge_agent.decode.formula import BadFormula, Formula
from edge_agent.decode.vss import Alternative, Combined, Selected, VssEntry, VssMapping, VssNode
from edge_agent.decode.vss import Source as Written
from edge_agent.mistakes import Place, path
from edge_agent.records import RawKind

_ANY = VssNode()


class _Refused(Exception):  # noqa: N818  becomes a remark
    """Why one way to a path's value cannot be used."""


def mapped(databases: Sequence[Database], mapping: VssMapping) -> tuple[list[Database], tuple[str, ...]]:
    """One bus's databases with mapped signals under their paths, and a sentence on each path that is left out.

    Of several alternatives each that cannot be used has its sentence, and the others are used.
    """
    naming = _Naming(databases)
    for entry in mapping.entries:
        naming.add(entry)
    found = [_with(database, naming.signals) for database in databases]
    if naming.computed:
        found.append(Database(mapping.path, (), computed=tuple(naming.computed)))
    return found, tuple(naming.remarks)


class _Naming:
    """What becomes of one bus's databases."""

    def __init__(self, databases: Sequence[Database]) -> None:
        self.signals: dict[tuple[int, str], list[Signal]] = {}
        """what takes the place of a signal, by its message's id and its name"""
        self.computed: list[ComputedPath] = []
        self.remarks: list[str] = []
        self._messages: dict[str, list[Message]] = {}
        """by the names of their signals"""
        for message in by_id(databases):
            for signal in message.signals:
                self._messages.setdefault(signal.name, []).append(message)
        self._sources: dict[Written, Source] = {}
        """of formulas: what two of them have in common is decoded once"""
        self._paths: set[str] = set()

    def add(self, entry: VssEntry) -> None:
        """Take one path in, or its remark."""
        if entry.path in self._paths:
            self.remarks.append(f"{entry.path}: is in the mapping twice; the first is used")
            return
        terms = []
        for alternative in entry.alternatives:
            try:
                terms.append(self._term(entry, alternative))
            except _Refused as refusal:
                self.remarks.append(f"{entry.path}: {refusal}")
        if not terms:
            return
        self._paths.add(entry.path)
        if len(terms) == 1 and terms[0].formula is None:
            (source,) = terms[0].sources.values()
            named = dataclasses.replace(source.signal, path=entry.path)
            self.signals.setdefault((source.message.can_id, named.name), []).append(named)
        else:
            self.computed.append(ComputedPath(entry.path, _unit(entry.node, terms), tuple(terms)))

    def _term(self, entry: VssEntry, alternative: Alternative) -> Term:
        place, written = alternative.place, alternative.source
        if isinstance(written, Written):
            # The usual form needs no place: its path says it all.
            return self._term_of_one(written, entry.node, place if len(place) > 1 else ())
        formula = _formula(written, place)
        sources = {name: self._shared(one, (*place, "signals", name)) for name, one in written.signals.items()}
        return Term(sources, formula, written.trigger)

    def _term_of_one(self, written: Written, node: VssNode, place: Place) -> Term:
        try:
            return Term({"x": self._source(written, node)})
        except NeedsFloats:
            formula = Formula(written.transform.math or "") if written.transform else None
            return Term({"x": self._shared(written.model_copy(update={"transform": None}), place)}, formula)
        except (CannotConvert, BadFormula) as refusal:
            raise _refused(place, refusal) from refusal

    def _shared(self, written: Written, place: Place) -> Source:
        try:
            if written not in self._sources:
                self._sources[written] = self._source(written, _ANY)
        except (CannotConvert, BadFormula) as refusal:
            raise _refused(place, refusal) from refusal
        return self._sources[written]

    def _source(self, written: Written, node: VssNode) -> Source:
        message, signal = self._found(written)
        selectors = (*signal.selectors, *_selectors(written.multiplexer, message))
        return Source(message, dataclasses.replace(converted(signal, written.transform, node), selectors=selectors))

    def _found(self, written: Written) -> tuple[Message, Signal]:
        name, wanted = written.signal, written.message
        messages = [message for message in self._messages.get(name, ()) if wanted in ("", message.name)]
        if not messages:
            full = f"{wanted}.{name}" if wanted else name
            raise CannotConvert(f"no signal {full!r} in the databases{_nearest(written, self._messages)}")
        if len(messages) > 1:
            known = ", ".join(message.name for message in messages)
            raise CannotConvert(f"signal {name!r} is in the messages {known}; say which with `message`")
        return messages[0], next(signal for signal in messages[0].signals if signal.name == name)


def _refused(place: Place, reason: Exception) -> _Refused:
    return _Refused(f"{path(place)}: {reason}" if place else str(reason))


def _formula(written: Combined, place: Place) -> Formula:
    formula = _parsed(written, place)
    unused = [name for name in written.signals if name not in (*formula.variables, *written.trigger)]
    if unused:
        raise _Refused(f"{path((*place, 'signals', unused[0]))}: is not in the formula")
    return formula


def _parsed(written: Combined, place: Place) -> Formula:
    try:
        return Formula(written.transform.math or "", tuple(written.signals))
    except BadFormula as refusal:
        raise _Refused(f"{path((*place, 'transform', 'math'))}: {refusal}") from refusal


def _unit(node: VssNode, terms: Sequence[Term]) -> str:
    """The tree's; where it has none, that of the first alternative that is made of one signal."""
    units = [source.signal.unit for term in terms if len(term.sources) == 1 for source in term.sources.values()]
    return node.unit or next(iter(units), "")


def _with(database: Database, found: Mapping[tuple[int, str], Sequence[Signal]]) -> Database:
    messages = tuple(
        dataclasses.replace(
            message,
            signals=tuple(new for old in message.signals for new in found.get((message.can_id, old.name), (old,))),
        )
        for message in database.messages
    )
    return dataclasses.replace(database, messages=messages)


def _nearest(written: Written, at: Mapping[str, Sequence[Message]]) -> str:
    if not at:
        return ", of which none could be loaded"
    if written.message:
        known: Iterable[str] = [f"{message.name}.{name}" for name, messages in at.items() for message in messages]
        found = nearest(f"{written.message}.{written.signal}", known)
    else:
        found = nearest(written.signal, at)
    return f"; nearest: {', '.join(found)}" if found else ""


def _selectors(multiplexers: Sequence[Selected], message: Message) -> list[Selector]:
    """One a multiplexer the mapping names: its value, as the database scales it, by the number on the bus."""
    found = []
    for one in multiplexers:
        signal = next((signal for signal in message.signals if signal.name == one.signal), None)
        if signal is None:
            raise CannotConvert(f"its multiplexer {one.signal!r} is not in message {message.name}")
        raw = raw_of(one.value, signal)
        if raw is None or signal.kind is RawKind.FLOAT:
            raise CannotConvert(f"its multiplexer {one.signal!r} can never be {one.value}")
        found.append(Selector(signal.field, ((raw % (1 << signal.field.bits),) * 2,)))
    return found
