"""Mapping files in KUKSA's form: which signal of a database is which path of the VSS tree. Pure.

A file is a VSS tree as JSON (nodes with `type`, `children`, ...), or some of its signals under their full paths,
whose signals carry `dbc2vss` (or its older name `dbc`):

    "Speed": {"type": "sensor", "datatype": "float", "unit": "km/h",
              "dbc2vss": {"signal": "DI_uiSpeed", "transform": {"math": "x * 1.609344"}}}

Described in eclipse-kuksa/kuksa-can-provider, mapping/README.md. `message` is read too, for a signal whose name
several messages have. `interval_ms` and `on_change` are left to the rules of the twin, `vss2dbc` is not used.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from edge_agent.errors import MappingRefused
from edge_agent.mistakes import mistakes, path

SIGNAL_TYPES = ("sensor", "actuator", "attribute")

Scalar = bool | int | FiniteFloat | str
_Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Pair(_Part):
    """One line of `transform.mapping`: a label or a value of the database, and what it is in VSS."""

    from_: Annotated[Scalar, Field(alias="from", union_mode="smart")]
    to: Annotated[Scalar, Field(union_mode="smart")]


class Transform(_Part):
    """From the database's value to VSS's: a formula of `x`, or a table."""

    math: _Text | None = None
    mapping: Annotated[tuple[Pair, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "Transform":
        if (self.math is None) == (self.mapping is None):
            raise ValueError("must have either math or mapping")
        return self


class Selected(_Part):
    """The mapping holds only while this signal of the same message has this value."""

    signal: _Text
    value: int


class Dbc2Vss(_Part):
    """Where a VSS signal comes from."""

    signal: _Text
    message: str = ""
    transform: Transform | None = None
    multiplexer: tuple[Selected, ...] = ()


class VssNode(_Part):
    """What the tree says of one signal."""

    datatype: str = ""
    unit: str = ""
    allowed: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class VssEntry:
    """One VSS path and its source."""

    path: str
    node: VssNode
    source: Dbc2Vss


@dataclass(frozen=True, slots=True)
class VssMapping:
    """One loaded file; `remarks` tell, a sentence each, which of its paths cannot be used."""

    path: str
    entries: tuple[VssEntry, ...]
    remarks: tuple[str, ...] = ()


def parse_mapping(file: str, text: str) -> VssMapping:
    """The mapping in a file's text. Raises MappingRefused with the line where it is no JSON, or maps nothing."""
    entries, remarks = [], []
    for name, node in signals(file, text):
        given = {key: node[key] for key in ("dbc2vss", "dbc") if key in node}
        if not given:
            continue
        if len(given) > 1:
            remarks.append(f"{name}: has both dbc2vss and dbc")
            continue
        key, source = given.popitem()
        try:
            entries.append(VssEntry(name, VssNode.model_validate(node), Dbc2Vss.model_validate(source)))
        except ValidationError as error:
            place, message = next(mistakes(error))
            remarks.append(f"{name}: {path((key, *place))}: {message}")
    if not entries and not remarks:
        raise MappingRefused(file, "no signal in it has dbc2vss")
    return VssMapping(file, tuple(entries), tuple(remarks))


def signals(file: str, text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Path and node of every signal in a VSS tree. Raises MappingRefused."""
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        hint = "; vss-tools make JSON of an overlay: vspec export json" if file.endswith((".vspec", ".yaml")) else ""
        raise MappingRefused(file, f"not JSON: {error.msg}{hint}", error.lineno) from error
    except RecursionError as error:
        raise MappingRefused(file, "nested too deeply") from error
    if not isinstance(tree, dict):
        raise MappingRefused(file, "not a VSS tree: must be a JSON object")
    return _walk(tree)


def _walk(tree: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """In the file's order; without recursion, since a file may be nested deeper than Python's stack."""
    open_branches = [iter([(name, node) for name, node in tree.items()])]
    while open_branches:
        entry = next(open_branches[-1], None)
        if entry is None:
            open_branches.pop()
            continue
        path, node = entry
        if not isinstance(node, dict):
            continue
        if node.get("type") in SIGNAL_TYPES:
            yield path, node
        elif isinstance(node.get("children"), dict):
            open_branches.append(iter([(f"{path}.{name}", child) for name, child in node["children"].items()]))
