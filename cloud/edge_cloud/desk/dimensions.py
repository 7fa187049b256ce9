"""What people write beside a lake: `roles.csv`, `vehicles.csv` and `access.csv`."""

import csv
from collections.abc import Iterable
from importlib.resources import files
from math import isfinite, nan
from pathlib import Path
from typing import Final

import pyarrow as pa

from edge_cloud.errors import NotAFile
from edge_cloud.lake import Lake
from edge_cloud.tables import ACCESS, ROLES, VEHICLES

_BUILT_IN: Final = "roles.csv"
_ROLES: Final = ("speed", "odometer", "power", "latitude", "longitude")
"""What the queries ask for: by another name a signal would play no role, and nobody would be told."""


def write_dimensions(lake: Lake, roles: Path | None, vehicles: Path | None) -> None:
    """Make the dimensions of the files given, else of those in the lake's folder, else of the built-in roles.

    Inside a step. Raises NotAFile, naming the line.
    """
    found = roles or _beside(lake, "roles.csv")
    lake.replace("roles", roles_of(str(found), _text(found)) if found else built_in_roles())
    if named := vehicles or _beside(lake, "vehicles.csv"):
        lake.replace("vehicles", vehicles_of(str(named), _text(named)))
    granted = _beside(lake, "access.csv")
    lake.replace("access", access_of(str(granted), _text(granted)) if granted else ACCESS.empty_table())


def with_every_device(vehicles: pa.Table, devices: Iterable[str]) -> pa.Table:
    """The vehicles, and of each other device a row with its id as name: what a report chooses by has them all."""
    others = sorted(set(devices) - set(vehicles["device"].to_pylist()))
    rows = [{"device": device, "name": device, "brand": "", "model": "", "fleet": ""} for device in others]
    return pa.concat_tables([vehicles, pa.Table.from_pylist(rows, schema=VEHICLES)])


def built_in_roles() -> pa.Table:
    """Those of common databases, in the order of their rank."""
    return roles_of(_BUILT_IN, files("edge_cloud").joinpath("desk", _BUILT_IN).read_text("utf-8"))


def roles_of(place: str, text: str) -> pa.Table:
    """Rows `role,signal,factor`, in the order of their rank. Raises NotAFile."""
    rows = []
    for rank, (number, row) in enumerate(_rows(place, text, ["role", "signal", "factor"]), 1):
        if row["role"] not in _ROLES:
            raise NotAFile(f"{place}:{number}", f"role {row['role']!r} is none of {', '.join(_ROLES)}")
        rows.append({**row, "factor": _factor(f"{place}:{number}", row["factor"]), "rank": rank})
    return pa.Table.from_pylist(rows, schema=ROLES)


def vehicles_of(place: str, text: str) -> pa.Table:
    """Rows `device,name,brand,model,fleet`, one a device. Raises NotAFile."""
    lines: dict[str, int] = {}
    rows = []
    for number, row in _rows(place, text, VEHICLES.names):
        if (first := lines.setdefault(row["device"], number)) != number:
            raise NotAFile(f"{place}:{number}", f"device {row['device']!r} stands in line {first} already")
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=VEHICLES)


def access_of(place: str, text: str) -> pa.Table:
    """Rows `user,brand,fleet`. Raises NotAFile."""
    return pa.Table.from_pylist([row for _, row in _rows(place, text, ACCESS.names)], schema=ACCESS)


def _factor(place: str, text: str) -> float:
    """Raises NotAFile: none that a number could be multiplied by."""
    try:
        factor = float(text)
    except ValueError:
        factor = nan
    if not isfinite(factor):
        raise NotAFile(place, f"factor {text!r} is no number")
    if not factor:
        raise NotAFile(place, f"factor {text!r} makes nothing of every value")
    return factor


def _rows(place: str, text: str, names: list[str]) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(text.splitlines())
    if reader.fieldnames != names:
        raise NotAFile(f"{place}:1", f"must be the names {','.join(names)}")
    found = []
    for row in reader:
        if None in row or None in row.values():
            raise NotAFile(f"{place}:{reader.line_num}", f"must have {len(names)} values")
        found.append((reader.line_num, row))
    return found


def _text(path: Path) -> str:
    """A spreadsheet's CSV may begin with a byte order mark. Raises NotAFile: it cannot be read as UTF-8."""
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NotAFile(str(path), str(error)) from None


def _beside(lake: Lake, name: str) -> Path | None:
    path = lake.folder / name
    return path if path.is_file() else None
