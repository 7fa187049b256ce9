"""All databases and name mappings of all buses; a file that cannot be used is told, never fatal in a vehicle."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from edge_agent import events
from edge_agent.decode.catalog import Catalog, Database, by_id
from edge_agent.decode.database_cache import parsed
from edge_agent.decode.naming import mapped
from edge_agent.decode.vss import VssMapping, parse_mapping
from edge_agent.errors import DatabaseRefused, MappingRefused
from edge_agent.events import Log
from edge_agent.records import id_text

Refusal = DatabaseRefused | MappingRefused
NO_MAPPINGS: Mapping[str, Path] = MappingProxyType({})


def load_catalog(
    buses: Sequence[tuple[str, Sequence[Path]]],
    log: Log,
    *,
    mappings: Mapping[str, Path] = NO_MAPPINGS,
    load: Callable[[Path], Database] = parsed,
) -> tuple[Catalog, tuple[Refusal, ...]]:
    """Load (bus name, files) pairs, and each bus's mapping file; the refusals are for whoever must report them.

    `load` gives a file's database, or raises DatabaseRefused.
    """
    refusals: list[Refusal] = []
    loaded = []
    for name, paths in buses:
        databases = _load_bus(name, paths, load, refusals, log)
        if name in mappings:
            databases = _map_bus(name, databases, mappings[name], refusals, log)
        loaded.append((name, databases))
    return Catalog(loaded, complete=not refusals), tuple(refusals)


def read_mapping(path: Path) -> VssMapping:
    """Read one mapping file. Raises MappingRefused."""
    return parse_mapping(str(path), read_tree(path))


def read_tree(path: Path) -> str:
    """Text of a VSS file. Raises MappingRefused."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise MappingRefused(str(path), "no such file") from error
    except UnicodeDecodeError as error:
        raise MappingRefused(str(path), f"not UTF-8 at byte {error.start}") from error
    except OSError as error:
        raise MappingRefused(str(path), error.strerror or str(error)) from error


def _load_bus(
    name: str, paths: Sequence[Path], load: Callable[[Path], Database], refusals: list[Refusal], log: Log
) -> list[Database]:
    found: list[Database] = []
    for path in paths:
        try:
            database = load(path)
        except DatabaseRefused as refusal:
            refusals.append(refusal)
            events.database_refused(log, bus=name, sentence=refusal.sentence())
            continue
        signals = sum(len(message.signals) for message in database.messages)
        remarks = (*database.remarks, *_hidden(database, found))
        events.database_loaded(
            log, bus=name, path=str(path), messages=len(database.messages), signals=signals, remarks=remarks
        )
        found.append(database)
    return found


def _hidden(database: Database, before: Sequence[Database]) -> Iterator[str]:
    """A sentence on each message whose id another file of the bus has already."""
    names = {message.can_id: message.name for message in by_id(before)}
    for message in database.messages:
        if message.can_id in names:
            first = f"{names[message.can_id]}'s in an earlier file"
            yield f"message {message.name}: its id {id_text(message.can_id)} is {first}, which is used"


def _map_bus(name: str, databases: list[Database], path: Path, refusals: list[Refusal], log: Log) -> list[Database]:
    try:
        mapping = read_mapping(path)
    except MappingRefused as refusal:
        refusals.append(refusal)
        events.mapping_refused(log, bus=name, sentence=refusal.sentence())
        return databases
    named, remarks = mapped(databases, mapping)
    remarks = (*mapping.remarks, *remarks)
    paths = {signal.path for database in named for message in database.messages for signal in message.signals}
    paths |= {computed.path for database in named for computed in database.computed}
    events.mapping_loaded(log, bus=name, path=str(path), signals=len(paths - {""}), remarks=remarks)
    return named
