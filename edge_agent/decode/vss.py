"""Mapping files in KUKSA's form: which signal of a database is which path of the VSS tree. Pure.

A file is a VSS tree as JSON (nodes with `type`, `children`, ...), or some of its signals under their full paths,
whose signals carry `dbc2vss` (or its older name `dbc`):

    "Speed": {"type": "sensor", "datatype": "float", "unit": "km/h",
              "dbc2vss": {"signal": "DI_uiSpeed", "transform": {"math": "x * 1.609344"}}}

Described in eclipse-kuksa/kuksa-can-provider, mapping/README.md. `message` is read too, for a signal whose name
several messages have. `interval_ms` and `on_change` are left to the rules of the twin, `vss2dbc` is not used.

Beyond that form several signals may become one path: `signals` gives each a name in the formula, and a list holds
alternatives, any of which may give the path's value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from edge_agent.errors import JsonRefused, MappingRefused
from edge_agent.mistakes import Place, mistakes, path
from edge_agent.written_json import read_json

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


def _in_full(source: object) -> object:
    return {"signal": source} if isinstance(source, str) else source


def _as_list(names: object) -> object:
    return [names] if isinstance(names, str) else names


class Source(_Part):
    """A signal of the database, and what is made of it."""

    signal: _Text
    message: str = ""
    transform: Transform | None = None
    multiplexer: tuple[Selected, ...] = ()


class Combined(_Part):
    """Several signals in one formula, which has each by its name in `signals`."""

    signals: Annotated[dict[str, Annotated[Source, BeforeValidator(_in_full)]], Field(min_length=1)]
    transform: Transform
    trigger: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    """those whose samples give a sample; () for all"""

    @model_validator(mode="before")
    @classmethod
    def _nothing_beside_signals(cls, written: dict[str, object]) -> dict[str, object]:
        for key in ("signal", "message", "multiplexer"):
            if key in written:
                raise ValueError(f"{key} belongs into one of its signals")
        return written

    @model_validator(mode="after")
    def _names_agree(self) -> "Combined":
        if self.transform.math is None:
            raise ValueError("signals need a transform with math")
        for name in self.trigger:
            if name not in self.signals:
                raise ValueError(f"its trigger {name!r} is none of its signals: {', '.join(self.signals)}")
        return self


class VssNode(_Part):
    """What the tree says of one signal."""

    datatype: str = ""
    unit: str = ""
    allowed: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way a path's value may come."""

    place: Place
    """where it stands in its node: `("dbc2vss",)`, or `("dbc2vss", 1)` in a list"""
    source: Source | Combined


@dataclass(frozen=True, slots=True)
class VssEntry:
    """One VSS path and where it comes from."""

    path: str
    node: VssNode
    alternatives: tuple[Alternative, ...]
    """never empty"""


@dataclass(frozen=True, slots=True)
class VssMapping:
    """One loaded file; `remarks` tell, a sentence each, which of its paths cannot be used."""

    path: str
    entries: tuple[VssEntry, ...]
    remarks: tuple[str, ...] = ()


def parse_mapping(file: str, text: str) -> VssMapping:
    """The mapping in a file's text. Raises MappingRefused with the line where it is no JSON, or maps nothing."""
    entries: list[VssEntry] = []
    remarks: list[str] = []
    for name, node in signals(file, text):
        given = {key: node[key] for key in ("dbc2vss", "dbc") if key in node}
        if len(given) > 1:
            remarks.append(f"{name}: has both dbc2vss and dbc")
        elif given:
            key, written = given.popitem()
            entry, mistaken = _read(name, node, key, written)
            entries += [entry] if entry else []
            remarks += [f"{name}: {sentence}" for sentence in mistaken]
    if not entries and not remarks:
        raise MappingRefused(file, "no signal in it has dbc2vss")
    return VssMapping(file, tuple(entries), tuple(remarks))


def _read(name: str, node: Mapping[str, object], key: str, written: object) -> tuple[VssEntry | None, list[str]]:
    """What a node says, as far as it can be used, and its mistakes."""
    try:
        about = VssNode.model_validate(node)
    except ValidationError as error:
        return None, [_first_mistake((), error)]
    listed = [((key, i), one) for i, one in enumerate(written)] if isinstance(written, list) else [((key,), written)]
    found, remarks = [], [] if listed else [f"{key}: must not be empty"]
    for place, one in listed:
        try:
            found.append(Alternative(place, _source(one)))
        except ValidationError as error:
            remarks.append(_first_mistake(place, error))
    return VssEntry(name, about, tuple(found)) if found else None, remarks


def _first_mistake(place: Place, error: ValidationError) -> str:
    within, sentence = next(mistakes(error))
    return f"{path((*place, *within))}: {sentence}"


def _source(written: object) -> Source | Combined:
    combined = isinstance(written, dict) and "signals" in written
    return Combined.model_validate(written) if combined else Source.model_validate(written)


def signals(file: str, text: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Path and node of every signal in a VSS tree. Raises MappingRefused."""
    try:
        tree = read_json(text)
    except JsonRefused as error:
        hint = "; vss-tools make JSON of an overlay: vspec export json" if file.endswith((".vspec", ".yaml")) else ""
        raise MappingRefused(file, f"{error.reason}{hint}", error.line) from error
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
