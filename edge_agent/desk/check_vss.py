"""Every mistake in a mapping to VSS paths: against its databases, and against a VSS catalogue."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from edge_agent.decode.catalog import Database, Message, Signal, by_id, nearest
from edge_agent.decode.load import read_mapping, read_tree
from edge_agent.decode.naming import mapped
from edge_agent.decode.vss import Source, VssMapping, signals
from edge_agent.errors import MappingRefused

SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "celsius": ("degc", "°c", "c", "deg c", "degrees celsius"),
    "percent": ("%", "pct"),
    "degrees": ("deg", "°", "degree"),
    "degrees/s": ("deg/s", "°/s"),
    "km/h": ("kph", "kmh", "kmph"),
    "m/s^2": ("m/s2", "m/s²"),
    "nm": ("n.m", "n*m", "newton meter"),
    "rpm": ("1/min", "u/min"),
    "min": ("minutes",),
    "s": ("sec", "seconds"),
}
"""VSS's names of units (COVESA, spec/units.yaml), in small letters, and what databases call them"""
_VSS_NAME = {spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings}


@dataclass(frozen=True, slots=True)
class Judged:
    """A mapping applied to a bus's databases, and a sentence on what is left out or looks wrong."""

    databases: list[Database]
    remarks: tuple[str, ...]
    mistakes: tuple[str, ...]


def judge_mapping(path: Path, databases: Sequence[Database], catalogue: Path | None) -> Judged:
    """Judge a mapping file; without databases only the file itself. Raises MappingRefused, for the catalogue too."""
    mapping = read_mapping(path)
    mistakes = tuple(_strange_paths(mapping, catalogue)) if catalogue else ()
    if not databases:
        return Judged([], mapping.remarks, mistakes)
    named, remarks = mapped(databases, mapping)
    return Judged(named, (*mapping.remarks, *remarks, *_strange_units(mapping, databases, named)), mistakes)


def _strange_paths(mapping: VssMapping, catalogue: Path) -> Iterator[str]:
    """Paths that the catalogue does not have, and units that are not the catalogue's."""
    known = dict(signals(str(catalogue), read_tree(catalogue)))
    if not known:
        raise MappingRefused(str(catalogue), "has no signals; a VSS tree as JSON is needed")
    for entry in mapping.entries:
        if entry.path not in known:
            close = nearest(entry.path, known)
            yield f"{entry.path}: no such path in {catalogue.name}" + (
                f"; nearest: {', '.join(close)}" if close else ""
            )
            continue
        unit = str(known[entry.path].get("unit", ""))
        if entry.node.unit and _unit(entry.node.unit) != _unit(unit):
            yield f"{entry.path}: its unit is {unit!r} in {catalogue.name}, not {entry.node.unit!r}"


def _strange_units(mapping: VssMapping, databases: Sequence[Database], named: Sequence[Database]) -> Iterator[str]:
    """Paths whose unit is another than their signal's, with nothing to convert it, or than another alternative's."""
    units = {(m.can_id, signal.name): signal.unit for m in by_id(databases) for signal in m.signals}
    untouched = {
        (entry.path, alternative.source.signal)
        for entry in mapping.entries
        for alternative in entry.alternatives
        if isinstance(alternative.source, Source) and alternative.source.transform is None
    }
    of_paths: dict[str, set[str]] = {}
    for path, message, signal in _sources(named):
        unit = units[message.can_id, signal.name]
        if (path, signal.name) in untouched and unit and _unit(unit) != _unit(signal.unit):
            yield f"{path}: {unit!r} of the database is called {signal.unit!r} without a transform"
        of_paths.setdefault(path, set()).add(_unit(signal.unit))
    for path, several in of_paths.items():
        if len(several) > 1:
            yield f"{path}: its alternatives have the units {', '.join(map(repr, sorted(several)))}"


def _sources(named: Sequence[Database]) -> Iterator[tuple[str, Message, Signal]]:
    """Each path with each signal that it is, or may be; not what formulas make of signals."""
    for message in by_id(named):
        yield from ((signal.path, message, signal) for signal in message.signals if signal.path)
    for computed in chain.from_iterable(database.computed for database in named):
        for term in computed.terms:
            if term.formula is None:
                yield from ((computed.path, source.message, source.signal) for source in term.sources.values())


def _unit(name: str) -> str:
    small = name.strip().lower()
    return _VSS_NAME.get(small, small)
