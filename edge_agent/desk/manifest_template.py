"""From a template to a manifest: variables filled in, `createOptions` as the texts that a twin takes. Pure.

As Microsoft's development tools do it, with two differences. Variables stand in values only, and are filled in when the
JSON has been read: a quote or a line end in one of them breaks nothing. And one that is not known is a mistake.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from edge_agent.errors import DocumentRefused, Fault, JsonRefused
from edge_agent.mistakes import Place, path
from edge_agent.twin.fitting import JsonObject, JsonValue
from edge_agent.written_json import read_json

CHUNK_CHARS: Final = 512
"""of createOptions in one text of the twin; the rest follows in createOptions01, createOptions02 (Azure/iotedge,
Agent.Docker/Constants.cs)"""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_PART = re.compile(r"createOptions(\d\d)?")
_SETTINGS: Final = (
    ("modulesContent",),
    ("$edgeAgent",),
    ("properties.desired",),
    ("systemModules", "modules"),
    (),
    ("settings",),
)
"""the names on the way to the settings of a module; () is any"""

Change = Callable[[JsonObject, Place], JsonObject]


def expanded(template: JsonObject, values: Mapping[str, str]) -> JsonObject:
    """With every `${NAME}` filled in, once: a value that has one in it stays. Raises DocumentRefused."""
    faults: list[Fault] = []

    def fill(value: JsonValue, place: Place) -> JsonValue:
        match value:
            case str():
                names = dict.fromkeys(_VARIABLE.findall(value))
                faults.extend(Fault(path(place), _unknown(name)) for name in names if name not in values)
                return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), value)
            case Mapping():
                return {name: fill(one, (*place, name)) for name, one in value.items()}
            case Sequence():
                return [fill(one, (*place, number)) for number, one in enumerate(value)]
        return value

    filled = {name: fill(one, (name,)) for name, one in template.items()}
    if faults:
        raise DocumentRefused(faults)
    return filled


def joined(document: JsonObject) -> JsonObject:
    """With each module's createOptions as an object, whether it was one, a text or several. Raises DocumentRefused."""
    faults: list[Fault] = []

    def join(settings: JsonObject, place: Place) -> JsonObject:
        parts = {name: value for name, value in settings.items() if _PART.fullmatch(name)}
        others = {name: value for name, value in settings.items() if name not in parts}
        if not parts:
            return others
        try:
            return {**others, "createOptions": _options(parts)}
        except ValueError as error:
            faults.append(Fault(path((*place, *(name for name in ("createOptions",) if name in parts))), str(error)))
            return others

    whole = _with_settings(document, join)
    if faults:
        raise DocumentRefused(faults)
    return whole


def split(document: JsonObject) -> JsonObject:
    """With each module's createOptions as texts of at most CHUNK_CHARS, all ASCII, and nothing for an editor."""

    def cut(settings: JsonObject, _: Place) -> JsonObject:
        others = {name: value for name, value in settings.items() if name != "createOptions"}
        text = json.dumps(settings.get("createOptions", {}), separators=(",", ":"))
        chunks = [text[begin : begin + CHUNK_CHARS] for begin in range(0, len(text), CHUNK_CHARS)]
        return others | {
            f"createOptions{number:02}" if number else "createOptions": c for number, c in enumerate(chunks)
        }

    return _with_settings({name: one for name, one in document.items() if not name.startswith("$")}, cut)


def _unknown(name: str) -> str:
    if name.startswith("MODULES."):
        return f"${{{name}}} is no image: no modules/{name.split('.')[1]}/module.json has one for that platform"
    return f"nothing says what ${{{name}}} is: give it as --var {name}=..., in the environment or in .env"


def _options(parts: JsonObject) -> JsonValue:
    """What the parts are together. Raises ValueError."""
    if len(parts) == 1 and isinstance(options := parts.get("createOptions"), Mapping):
        return options
    names = ["createOptions", *(f"createOptions{number:02}" for number in range(1, len(parts)))]
    if missing := [name for name in names if name not in parts]:
        raise ValueError(f"{missing[0]} must be given: there are {len(parts)} parts")
    texts = [part for name in names if isinstance(part := parts[name], str)]
    if len(texts) < len(parts):
        raise ValueError("must be an object, or text in every part")
    try:
        options = cast("JsonValue", read_json("".join(texts) or "{}"))
    except JsonRefused as error:
        raise ValueError(str(error)) from error
    if not isinstance(options, Mapping):
        raise ValueError("must be an object")  # noqa: TRY004  the caller tells every mistake alike
    return options


def _with_settings(document: JsonObject, change: Change) -> JsonObject:
    """The document with the settings of every module changed."""

    def walk(value: JsonValue, names: Sequence[Sequence[str]], place: Place) -> JsonValue:
        if not isinstance(value, Mapping):
            return value
        if not names:
            return change(value, place)
        here, *rest = names
        return {
            name: walk(one, rest, (*place, name)) if not here or name in here else one for name, one in value.items()
        }

    return {name: walk(one, _SETTINGS[1:], (name,)) if name in _SETTINGS[0] else one for name, one in document.items()}
