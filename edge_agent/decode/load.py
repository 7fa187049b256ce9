"""All databases of all buses; one that cannot be used is told and left out, never fatal in a vehicle."""

from collections.abc import Sequence
from pathlib import Path

from edge_agent import events
from edge_agent.decode.catalog import Catalog, Database
from edge_agent.decode.dbc import load_database
from edge_agent.errors import DatabaseRefused
from edge_agent.events import Log


def load_catalog(buses: Sequence[tuple[str, Sequence[Path]]], log: Log) -> tuple[Catalog, tuple[DatabaseRefused, ...]]:
    """Load (bus name, files) pairs; the refusals are for whoever must report them."""
    refusals: list[DatabaseRefused] = []
    loaded = [(name, _load_bus(name, paths, refusals, log)) for name, paths in buses]
    return Catalog(loaded), tuple(refusals)


def _load_bus(name: str, paths: Sequence[Path], refusals: list[DatabaseRefused], log: Log) -> list[Database]:
    found = []
    for path in paths:
        try:
            database = load_database(path)
        except DatabaseRefused as refusal:
            refusals.append(refusal)
            events.database_refused(log, bus=name, sentence=refusal.sentence())
            continue
        signals = sum(len(message.signals) for message in database.messages)
        events.database_loaded(
            log, bus=name, path=str(path), messages=len(database.messages), signals=signals, remarks=database.remarks
        )
        found.append(database)
    return found
