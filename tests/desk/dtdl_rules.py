"""What DTDL v3 asks of a model, as far as ours use it: written from the published rules (DTDL.v3.md)."""

import json
import re
from collections.abc import Iterator
from typing import Any

NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
SEGMENT = "[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?"
INTERFACE_ID = re.compile(rf"dtmi:{SEGMENT}(?::{SEGMENT})*;[1-9][0-9]{{0,8}}(?:\.[1-9][0-9]{{0,5}})?")
PRIMITIVES = {"boolean", "double", "integer", "long", "string"}
NUMBERS = {"double", "integer", "long"}
MEMBERS = {
    "Interface": {"@context", "@id", "@type", "displayName", "contents", "extends"},
    "Telemetry": {"@type", "name", "displayName", "schema", "unit", "comment"},
    "Property": {"@type", "name", "schema", "writable", "comment"},
    "Command": {"@type", "name", "description", "request", "response"},
}
DEPTH = 5


def mistakes(interfaces: list[dict[str, Any]]) -> Iterator[str]:
    """Every rule that is broken; of several Interfaces the first one extends the others."""
    names: list[str] = []
    for interface in interfaces:
        if set(interface) - MEMBERS["Interface"] or interface["@type"] != "Interface":
            yield f"members of an Interface: {sorted(interface)}"
        if interface["@context"][0] != "dtmi:dtdl:context;3":
            yield "the context"
        if not INTERFACE_ID.fullmatch(interface["@id"]) or len(interface["@id"]) > 128:
            yield f"the id {interface['@id']}"
        if len(json.dumps(interface, indent=1)) > 1 << 20:
            yield f"the size of {interface['@id']}"
        for content in interface["contents"]:
            names.append(content["name"])
            yield from _content(content)
    if interfaces[0].get("extends", []) != [one["@id"] for one in interfaces[1:]]:
        yield "what is extended"
    if len(set(names)) < len(names):
        yield "a name comes twice"
    if sum(map(_objects, interfaces)) > 100_000:
        yield "too many elements"


def _content(content: dict[str, Any]) -> Iterator[str]:
    kind, *semantic = [content["@type"]] if isinstance(content["@type"], str) else content["@type"]
    if set(content) - MEMBERS[kind]:
        yield f"members of {content['name']}"
    yield from _named(content)
    if semantic and content["schema"] not in NUMBERS:
        yield f"{content['name']} is measured, and no number"
    if bool(semantic) != ("unit" in content):
        yield f"{content['name']} has a unit without a type, or a type without a unit"
    for part in [content] if kind != "Command" else [content[key] for key in ("request", "response") if key in content]:
        yield from _named(part)
        yield from _schema(part["schema"], 0)


def _named(element: dict[str, Any]) -> Iterator[str]:
    if not NAME.fullmatch(element["name"]) or len(element["name"]) > 512:
        yield f"the name {element['name']!r}"
    for text in ("comment", "displayName", "description"):
        if not len(element.get(text, "")) <= 512:
            yield f"the {text} of {element['name']}"


def _schema(schema: Any, depth: int) -> Iterator[str]:
    if isinstance(schema, str):
        if schema not in PRIMITIVES:
            yield f"the schema {schema!r}"
        return
    if depth == DEPTH:
        yield "a schema nested too deeply"
    match schema["@type"]:
        case "Array":
            yield from _schema(schema["elementSchema"], depth + 1)
        case "Map":
            yield from _named(schema["mapKey"])
            yield from _named(schema["mapValue"])
            yield from _schema(schema["mapValue"]["schema"], depth + 1)
        case "Object":
            yield from _all_named(schema["fields"])
            for field in schema["fields"]:
                yield from _schema(field["schema"], depth + 1)
        case "Enum":
            yield from _all_named(schema["enumValues"])
            yield from _enumerated([one["enumValue"] for one in schema["enumValues"]], schema["valueSchema"])
        case other:
            yield f"the schema {other}"


def _enumerated(values: list[Any], schema: str) -> Iterator[str]:
    fits = {"integer": lambda value: type(value) is int and -(1 << 31) <= value < 1 << 31, "string": str.isascii}[
        schema
    ]
    if len(set(values)) < len(values) or not all(map(fits, values)):
        yield f"the values {values}"


def _all_named(elements: list[dict[str, Any]]) -> Iterator[str]:
    for element in elements:
        yield from _named(element)
    names = [element["name"] for element in elements]
    if len(set(names)) < len(names):
        yield f"a name comes twice among {names}"


def _objects(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_objects, value.values()))
    return sum(map(_objects, value)) if isinstance(value, list) else 0
