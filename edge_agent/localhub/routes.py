"""Where a module's messages go, in the words of edgeHub's routes; pure.

    FROM /messages/modules/telematics/outputs/telemetry WHERE lane = 'hot' INTO $upstream
    FROM /messages/modules/telematics/* INTO BrokeredEndpoint("/modules/cabin/inputs/trips")

Of edgeHub's condition language (Microsoft Learn, "IoT Hub message routing query syntax") a desk needs the comparison of
properties with texts, `=` and `!=`, joined by AND; anything else is refused, not guessed.
A copy goes along every route that fits; a message that none fits is dropped, as edgeHub does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.errors import BadSettings, Fault
from edge_agent.localhub.topics import OUTPUT

_ROUTE = re.compile(
    r"\s*FROM\s+(?P<source>\S+)(\s+WHERE\s+(?P<condition>.+?))?\s+INTO\s+(?P<sink>.+?)\s*", re.IGNORECASE | re.DOTALL
)
_SOURCE = re.compile(
    r"/\*|/messages/\*|/messages/modules/\*|/messages/modules/(?P<module>[^/*]+)/(\*|outputs/(\*|(?P<output>[^/*]+)))"
)
_ENDPOINT = re.compile(r"BrokeredEndpoint\(\s*([\"'])/modules/(?P<module>[^/\"']+)/inputs/(?P<input>[^/\"']+)\1\s*\)")
_COMPARISON = re.compile(r"\s*(\$?\w+)\s*(=|!=|<>)\s*'([^']*)'\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Input:
    """An input of another module of the device."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Route:
    """One route; `sink` None is the cloud."""

    module: str | None
    """None is every module"""
    output: str | None
    """None is every output"""
    condition: tuple[tuple[str, bool, str], ...]
    """(property, whether it is to be equal, text), all of which must hold"""
    sink: Input | None

    def fits(self, module: str, properties: Mapping[str, str]) -> bool:
        """Whether a copy of a message goes along here."""
        return (
            self.module in (None, module)
            and self.output in (None, properties.get(OUTPUT))
            and all((properties.get(name) == text) is equal for name, equal, text in self.condition)
        )


UPSTREAM: Final = Route(None, None, (), None)
"""Everything to the cloud."""


def parse_routes(texts: Sequence[str]) -> tuple[Route, ...]:
    """The routes, or everything to the cloud where there is none. Raises BadSettings with each that is none."""
    faults: list[Fault] = []
    routes: list[Route] = []
    for number, text in enumerate(texts):
        try:
            routes.append(_route(text))
        except ValueError as error:
            faults.append(Fault(f"route {number + 1}", f"{error}: {text!r}"))
    if faults:
        raise BadSettings(faults)
    return tuple(routes) or (UPSTREAM,)


def _route(text: str) -> Route:
    route = _ROUTE.fullmatch(text)
    if not route:
        raise ValueError("must be FROM <source> [WHERE <condition>] INTO <sink>")
    source = _SOURCE.fullmatch(route["source"])
    if not source:
        raise ValueError("its source is none: write /messages/* or /messages/modules/<module>/outputs/<output>")
    return Route(source["module"], source["output"], _condition(route["condition"]), _sink(route["sink"]))


def _condition(text: str | None) -> tuple[tuple[str, bool, str], ...]:
    if text is None:
        return ()
    comparisons = [_COMPARISON.fullmatch(part) for part in re.split(r"\bAND\b", text, flags=re.IGNORECASE)]
    if not all(comparisons):
        raise ValueError("its condition can only compare properties with texts, as in lane = 'hot' AND rule != 'idle'")
    return tuple((found[1], found[2] == "=", found[3]) for found in comparisons if found)


def _sink(text: str) -> Input | None:
    if text == "$upstream":
        return None
    endpoint = _ENDPOINT.fullmatch(text)
    if not endpoint:
        raise ValueError('its sink is none: write $upstream or BrokeredEndpoint("/modules/<module>/inputs/<input>")')
    return Input(endpoint["module"], endpoint["input"])
