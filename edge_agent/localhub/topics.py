"""The topics of IoT Hub's MQTT contract for a module, read and written; pure.

Device and module ids stand in topics as they are; everything else is percent-encoded, a space as %20
(azure-iot-device 2.14.0, iothub/pipeline/mqtt_topic_iothub.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

OUTPUT: Final = "$.on"
"""The property that names a module's output."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """A message of a module, or of a device where `module` is "".

    Its system properties (`$.` first) and custom ones are decoded.
    """

    device: str
    module: str
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class TwinWanted:
    """The client asks for its whole twin."""

    request: str


@dataclass(frozen=True, slots=True)
class TwinReported:
    """The client patches its reported properties."""

    request: str


@dataclass(frozen=True, slots=True)
class MethodAnswered:
    """The client answers a direct method."""

    request: str
    status: int


Said = Telemetry | TwinWanted | TwinReported | MethodAnswered


def said(topic: str) -> Said | None:
    """What a client says by publishing to this topic; None where an IoT hub knows no such topic."""
    match topic.split("/", 5):
        case ["devices", device, "modules", module, "messages", events] if events.split("/")[0] == "events":
            return Telemetry(device, module, properties(events[len("events/") :]))
        case ["devices", device, "messages", "events", *bag] if len(bag) <= 1:
            return Telemetry(device, "", properties("".join(bag)))
        case ["$iothub", "twin", "GET", query]:
            return TwinWanted(_request(query))
        case ["$iothub", "twin", "PATCH", "properties", "reported", query]:
            return TwinReported(_request(query))
        case ["$iothub", "methods", "res", status, query] if _is_status(status):
            return MethodAnswered(_request(query), int(status))
    return None


def properties(bag: str) -> dict[str, str]:
    """`a=b&c` decoded; a key without a value has the empty one; of a key told twice, the last counts."""
    pairs = (entry.partition("=") for entry in bag.split("&") if entry)
    return {unquote(key): unquote(value) for key, _, value in pairs}


def twin_answer(request: str, status: int, version: int | None = None) -> str:
    """Topic of the answer to TwinWanted (200) or TwinReported (204 with the new version, or 400)."""
    versioned = f"&$version={version}" if version is not None else ""
    return f"$iothub/twin/res/{status}/?$rid={quote(request, safe='')}{versioned}"


def module_input(device: str, module: str, name: str, bag: Mapping[str, str]) -> str:
    """Topic on which a message comes to an input, with its properties."""
    encoded = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in bag.items())
    return f"devices/{device}/modules/{module}/inputs/{quote(name, safe='')}/{encoded}"


def desired_patch(version: int) -> str:
    """Topic on which a change of the desired properties is told."""
    return f"$iothub/twin/PATCH/properties/desired/?$version={version}"


def method_request(name: str, request: str) -> str:
    """Topic on which a direct method is called."""
    return f"$iothub/methods/POST/{quote(name, safe='')}/?$rid={quote(request, safe='')}"


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a subscription covers a topic (MQTT 3.1.1, section 4.7.1)."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(want in ("+", level) for want, level in zip(wanted, levels, strict=True))


def is_for_a_module(topic_filter: str, device: str, module: str) -> bool:
    """Whether a module's subscription can ever be served: twin, methods, its inputs; no cloud-to-device messages."""
    served = ("$iothub/twin/res/", "$iothub/twin/PATCH/properties/desired/", "$iothub/methods/POST/")
    return topic_filter.startswith((*served, f"devices/{device}/modules/{module}/inputs/"))


def _request(query: str) -> str:
    return properties(query.removeprefix("?")).get("$rid", "")


def _is_status(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len("2147483647")
