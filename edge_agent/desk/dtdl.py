"""A DTDL v3 model of a vehicle: what it can send, what can be written to it, and what it can be asked.

Limits and names: Azure/opendigitaltwins-dtdl, DTDL.v3.md. A Telemetry is a column of the batches (docs/payload.md): its
`displayName` is the column's name, its schema that of the values; a batch itself is no message as DTDL describes one.
A signal of one bit is an integer, since 0 or 1 is what a batch has.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.decode.catalog import Catalog
from edge_agent.desk.dtdl_own import COMMANDS, READ_ONLY, writable
from edge_agent.desk.dtdl_schemas import INT_32
from edge_agent.desk.dtdl_units import quantity
from edge_agent.errors import DocumentRefused, Fault
from edge_agent.records import RawKind, SignalInfo
from edge_agent.twin.fitting import JsonObject, JsonValue, shortened

CONTEXT: Final = ("dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1")
INTERFACE_BYTES: Final = 1 << 20
ELEMENTS: Final = 100_000
"""under `contents`, with what is extended"""
TEXT_CHARS: Final = 512
_NAME_CHARS: Final = 500
_PART_BYTES: Final = 900_000
_LONG: Final = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True, slots=True)
class Column:
    """A signal that a vehicle sends."""

    info: SignalInfo
    labels: Mapping[int, str]
    is_averaged: bool = False
    """so that its values are no integers"""


def columns_of(catalog: Catalog, names: Iterable[str], averaged: Collection[str] = ()) -> list[Column]:
    """The signals of a catalogue under these names; of those in `averaged` a mean is sent."""
    return [Column(catalog.info(name), catalog.labels(name), name in averaged) for name in names]


def interfaces(columns: Sequence[Column], model_id: str) -> list[JsonObject]:
    """The Interface `model_id`, and those it extends where one would be too large.

    Raises DocumentRefused where there are more signals than a model may have.
    """
    own = [*writable(), *READ_ONLY, *COMMANDS]
    telemetries = list(_telemetries(columns, {str(one["name"]) for one in own}))
    if (count := sum(map(_elements, [*own, *telemetries]))) > ELEMENTS:
        raise DocumentRefused([Fault("", f"{count} elements, a model has {ELEMENTS} at most: name fewer signals")])
    whole = _interface(model_id, [*telemetries, *own])
    if _size(whole) <= INTERFACE_BYTES:
        return [whole]
    parts = [_interface(_part_id(model_id, i), part) for i, part in enumerate(_parts(telemetries), start=1)]
    return [{**_interface(model_id, own), "extends": [part["@id"] for part in parts]}, *parts]


def name_of(text: str, taken: Collection[str] = ()) -> str:
    """A name that DTDL takes, as near to the text as it can be, and none of `taken`."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", text)[:_NAME_CHARS].strip("_")
    name = plain if re.match("[A-Za-z]", plain) else f"v{plain}"
    number = 1
    while (found := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return found


def _interface(model_id: str, contents: Sequence[JsonObject]) -> JsonObject:
    return {
        "@context": CONTEXT,
        "@id": model_id,
        "@type": "Interface",
        "displayName": "Vehicle",
        "contents": contents,
    }


def _telemetries(columns: Iterable[Column], names: set[str]) -> Iterator[JsonObject]:
    """`names` are taken, and grow by those that are given."""
    for column in columns:
        name = name_of(column.info.name, names)
        names.add(name)
        yield _telemetry(column, name)


def _telemetry(column: Column, name: str) -> JsonObject:
    schema = _enum(column.labels) if _is_enum(column) else _number(column)
    measured = None if _is_enum(column) else quantity(column.info.unit)
    comment = "; ".join(_remarks(column))
    return {
        "@type": ["Telemetry", measured.semantic_type] if measured else "Telemetry",
        "name": name,
        "displayName": shortened(column.info.name, TEXT_CHARS),
        "schema": schema,
        **({"unit": measured.unit} if measured else {}),
        **({"comment": shortened(comment, TEXT_CHARS)} if comment else {}),
    }


def _remarks(column: Column) -> Iterator[str]:
    if column.info.unit:
        yield f"unit: {column.info.unit}"
    if column.labels and not _is_enum(column):
        yield "raw values: " + ", ".join(f"{value} {label}" for value, label in sorted(column.labels.items()))


def _number(column: Column) -> str:
    info = column.info
    scale = (info.factor, info.offset)
    if info.kind is RawKind.FLOAT or column.is_averaged or not all(float(number).is_integer() for number in scale):
        return "double"
    signed = info.kind is RawKind.SIGNED
    raw = (-(1 << info.bits - 1), (1 << info.bits - 1) - 1) if signed else (0, (1 << info.bits) - 1)
    ends = [int(info.factor) * end + int(info.offset) for end in raw]
    for name, room in (("integer", INT_32), ("long", _LONG)):
        if all(end in room for end in ends):
            return name
    return "double"


def _is_enum(column: Column) -> bool:
    """Whether the labels name states: from 0 or 1 on, of numbers without unit and scale.

    Of a measured value they name the exceptions ("255 not available"), and most values have none.
    """
    info, labels = column.info, column.labels
    is_count = info.kind is not RawKind.FLOAT and (info.factor, info.offset, info.unit) == (1.0, 0.0, "")
    first = min(labels, default=-1)
    are_states = first in (0, 1) and first + 1 in labels and max(labels) in INT_32
    return is_count and are_states and not column.is_averaged


def _enum(labels: Mapping[int, str]) -> JsonObject:
    values: dict[str, JsonObject] = {}
    for value, label in sorted(labels.items()):
        values[name_of(label, values)] = {"displayName": shortened(label, TEXT_CHARS), "enumValue": value}
    return {
        "@type": "Enum",
        "valueSchema": "integer",
        "enumValues": [{"name": name, **about} for name, about in values.items()],
    }


def _parts(telemetries: Iterable[JsonObject]) -> Iterator[list[JsonObject]]:
    part: list[JsonObject] = []
    size = 0
    for telemetry in telemetries:
        size += _size(telemetry)
        if size > _PART_BYTES:
            yield part
            part, size = [], _size(telemetry)
        part.append(telemetry)
    yield part


def _part_id(model_id: str, number: int) -> str:
    path, _, version = model_id.partition(";")
    return f"{path}:signals{number};{version}"


def _elements(value: JsonValue) -> int:
    """Elements of DTDL in a JSON value: its objects, and no fewer."""
    match value:
        case str():
            return 0
        case Mapping():
            return 1 + sum(map(_elements, value.values()))
        case Sequence():
            return sum(map(_elements, value))
    return 0


def _size(value: JsonObject) -> int:
    return len(json.dumps(value, indent=1).encode())
