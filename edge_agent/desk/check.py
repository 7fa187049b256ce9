"""Every mistake in databases, a twin document and the settings, before they reach a vehicle."""

import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.acquire.pythoncan import interfaces
from edge_agent.decode.catalog import Catalog, Database
from edge_agent.decode.dbc import load_database, strict_remarks
from edge_agent.desk.check_vss import judge_mapping
from edge_agent.errors import BadSettings, DatabaseRefused, MappingRefused
from edge_agent.head_unit.door import consent_faults
from edge_agent.settings import Settings, load_settings
from edge_agent.twin.compilation import faults_of_text, remarks_of_text
from edge_agent.wiring.local_bus import local_bus_faults
from edge_agent.wiring.uplink import uplink_faults


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found; a remark costs something small and is no mistake of the whole."""

    place: str
    sentence: str
    is_mistake: bool


@dataclass(frozen=True, slots=True)
class _Bus:
    name: str
    databases: Sequence[Path]
    vss: Path | None


def check(
    databases: Sequence[Path],
    twin: Path | None,
    *,
    settings: bool,
    vss: Path | None = None,
    vss_catalogue: Path | None = None,
) -> Iterator[Finding]:
    """Judge what is given; the twin document against the given databases and mapping, or those of the settings.

    Every mapping is judged against `vss_catalogue`, a VSS tree, where one is given.
    """
    buses = [_Bus("given", databases, vss)]
    if settings:
        loaded = yield from _settings()
        if loaded and not databases:
            buses = [_Bus(bus.name, bus.dbc, bus.vss) for bus in loaded.buses] + (buses if vss else [])
    catalogs: list[tuple[str, list[Database]]] = []
    for bus in buses:
        read: list[Database] = []
        for path in bus.databases:
            yield from _database(path, read)
        if bus.vss:
            read = yield from _mapping(bus.vss, read, vss_catalogue)
        catalogs.append((bus.name, read))
    if twin is not None:
        yield from _twin(twin, Catalog(catalogs))


def _settings() -> Generator[Finding, None, Settings | None]:
    try:
        settings = load_settings()
    except BadSettings as error:
        yield from (Finding(fault.loc, fault.message, is_mistake=True) for fault in error.faults)
        return None
    faults = [*uplink_faults(settings, os.environ), *local_bus_faults(settings), *consent_faults(settings)]
    yield from (Finding(fault.loc, fault.message, is_mistake=True) for fault in faults)
    yield from _folder(settings.data_folder)
    for number, bus in enumerate(settings.buses):
        if bus.interface not in interfaces():
            sentence = f"no such interface as {bus.interface!r}; known are {', '.join(interfaces())}"
            yield Finding(f"BUSES[{number}].interface", sentence, is_mistake=True)
    return settings


def _folder(folder: Path) -> Iterator[Finding]:
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        yield Finding("DATA_FOLDER", f"{existing} is not a folder that can be written", is_mistake=True)


def _database(path: Path, read: list[Database]) -> Iterator[Finding]:
    try:
        database = load_database(path)
    except DatabaseRefused as error:
        place = f"{path}:{error.line}" if error.line is not None else str(path)
        yield Finding(place, error.reason, is_mistake=True)
        return
    read.append(database)
    for remark in (*database.remarks, *strict_remarks(path)):
        yield Finding(str(path), remark, is_mistake=False)


def _mapping(path: Path, databases: list[Database], catalogue: Path | None) -> Generator[Finding, None, list[Database]]:
    try:
        judged = judge_mapping(path, databases, catalogue)
    except MappingRefused as error:
        place = f"{error.path}:{error.line}" if error.line is not None else error.path
        yield Finding(place, error.reason, is_mistake=True)
        return databases
    yield from (Finding(str(path), sentence, is_mistake=True) for sentence in judged.mistakes)
    yield from (Finding(str(path), sentence, is_mistake=False) for sentence in judged.remarks)
    return judged.databases


def _twin(path: Path, catalog: Catalog) -> Iterator[Finding]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        yield Finding(str(path), f"cannot be read: {error.strerror or error}", is_mistake=True)
        return
    except UnicodeDecodeError as error:
        yield Finding(str(path), f"is not UTF-8 at byte {error.start}", is_mistake=True)
        return
    faults = faults_of_text(text, catalog)
    for fault in faults or remarks_of_text(text):
        yield Finding(f"{path} {fault.loc}".rstrip(), fault.message, is_mistake=bool(faults))


def summary(findings: Sequence[Finding]) -> str:
    """How many of each: `1 mistake, 2 remarks`."""
    mistakes = sum(finding.is_mistake for finding in findings)
    return f"{_counted(mistakes, 'mistake')}, {_counted(len(findings) - mistakes, 'remark')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
