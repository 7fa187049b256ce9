"""A module's twin: desired and reported properties, each with its version; pure.

Limits are those of edgeHub's validator (Azure/iotedge, ReportedPropertiesValidator.cs) and IoT Hub's 32 KB.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, cast

from edge_agent.errors import DocumentRefused, Fault, JsonRefused
from edge_agent.written_json import read_json

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
JsonObject: TypeAlias = dict[str, "Json"]

MAX_BYTES: Final = 32 * 1024
MAX_DEPTH: Final = 10
MAX_NAME_BYTES: Final = 1024
MAX_TEXT_BYTES: Final = 4096
MAX_INTEGER: Final = 2**52


@dataclass(frozen=True, slots=True)
class Section:
    """One half of a twin; the version counts its changes from 1."""

    properties: JsonObject = field(default_factory=dict)
    version: int = 1

    def patched(self, patch: JsonObject) -> "Section":
        """This half after a patch that `parse_patch` took. Raises DocumentRefused where it outgrows the limit."""
        properties = merge(self.properties, patch)
        _refuse(_size_faults(properties, "the properties with this patch"))
        return Section(properties, self.version + 1)

    def document(self) -> JsonObject:
        """As a client reads it."""
        return {**self.properties, "$version": self.version}


@dataclass(frozen=True, slots=True)
class Twin:
    """What the cloud wants of a module, and what the module says of itself."""

    desired: Section = Section()
    reported: Section = Section()

    def with_desired(self, patch: JsonObject) -> "Twin":
        """After the cloud's patch. Raises DocumentRefused."""
        return replace(self, desired=self.desired.patched(patch))

    def with_reported(self, patch: JsonObject) -> "Twin":
        """After the module's patch. Raises DocumentRefused."""
        return replace(self, reported=self.reported.patched(patch))

    def document(self) -> JsonObject:
        """As a client reads it: `{"desired": {..., "$version": n}, "reported": {..., "$version": n}}`."""
        return {"desired": self.desired.document(), "reported": self.reported.document()}


def merge(properties: JsonObject, patch: JsonObject) -> JsonObject:
    """A new object: null removes a name, objects merge, everything else replaces."""
    merged = dict(properties)
    for name, value in patch.items():
        old = merged.get(name)
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = merge(old if isinstance(old, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def parse_patch(text: str | bytes) -> JsonObject:
    """A patch from the wire. Raises DocumentRefused with every fault and its place."""
    try:
        patch = cast("Json", read_json(text))
    except JsonRefused as error:
        raise DocumentRefused([Fault("", str(error))]) from error
    if not isinstance(patch, dict):
        raise DocumentRefused([Fault("", "a patch is a JSON object")])
    _refuse([*_size_faults(patch, "the patch"), *_faults(patch, "", 1)])
    return patch


def compact(document: Json) -> str:
    """JSON text without spaces, ASCII only."""
    return json.dumps(document, separators=(",", ":"))


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise DocumentRefused(faults)


def _size_faults(document: JsonObject, what: str) -> list[Fault]:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode(errors="surrogatepass"))  # a twin kept by an earlier release may hold half a pair
    return [Fault("", f"{what}: {size} bytes of JSON, the limit is {MAX_BYTES}")] if size > MAX_BYTES else []


def _faults(value: Json, loc: str, depth: int) -> Iterator[Fault]:
    """Faults of a value whose own depth is `depth`; a patch has depth 1."""
    match value:
        case dict() | list() if depth > MAX_DEPTH:
            yield Fault(loc, f"nested deeper than {MAX_DEPTH}")
        case dict():
            for name, member in value.items():
                yield from _name_faults(name, loc)
                yield from _faults(member, f"{loc}.{name}" if loc else name, depth + 1)
        case list():
            for index, item in enumerate(value):
                place = f"{loc}[{index}]"
                if item is None:
                    yield Fault(place, "null inside an array")
                yield from _faults(item, place, depth + 1)
        case float() if not math.isfinite(value):
            yield Fault(loc, "no number of JSON, or beyond a double's range")
        case str() if len(value.encode()) > MAX_TEXT_BYTES:
            yield Fault(loc, f"a text longer than {MAX_TEXT_BYTES} bytes")
        case int() if not -MAX_INTEGER <= value < MAX_INTEGER:
            yield Fault(loc, "an integer beyond 2^52")


def _name_faults(name: str, loc: str) -> Iterator[Fault]:
    if len(name.encode()) > MAX_NAME_BYTES:
        yield Fault(loc, f"a name longer than {MAX_NAME_BYTES} bytes")
    if any(not char.isprintable() or char.isspace() or char in ".$#" for char in name):
        yield Fault(loc, f"the name {name[:64]!r} has a control character, white space, '.', '$' or '#'")
