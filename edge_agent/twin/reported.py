"""What is to stand in the twin's reported properties, said in as few patches as its readers need. Pure.

Sections (`health`, ...) are said by whoever knows them, whenever they like. What differs from what the hub has
taken is due as one JSON merge patch (RFC 7396): at most once a minute, or at most every five seconds where a section
is needed soon. Nothing is lost with a connection: the next one is told everything anew.
"""

import json
from collections.abc import Mapping

from edge_agent.twin.fitting import CUT, JsonObject, JsonValue, fitted

EVERY_NS = 60_000_000_000
SOON_NS = 5_000_000_000


class Reported:
    """Between those who say a section and the one connection that reports it."""

    def __init__(self) -> None:
        self._said: JsonObject = {}
        self._taken: JsonObject = {}
        """what the hub has"""
        self._on_its_way: JsonObject | None = None
        self._whole = True
        """whether this connection is yet to be told everything"""
        self._soon = False
        self._next_ns = self._next_soon_ns = 0

    def say(self, section: str, body: JsonObject, *, soon: bool = False) -> None:
        """From now on this is how a section is; it replaces what was said of it before.

        It is reported as `fitting.fitted` makes it: what a hub would refuse is no part of it, nor what is beyond the
        section's room.
        """
        self._said = {**self._said, section: body}
        self._soon |= soon

    def connected(self, reported: JsonObject) -> None:
        """A connection was made to a hub that has these reported properties: it is to be told everything at once."""
        self._taken = reported
        self._on_its_way = None
        self._whole = True
        self._next_ns = self._next_soon_ns = 0

    def due(self, now_ns: int, *, last: bool = False) -> str | None:
        """The patch to report now, if there is one; then `answered` is owed, and until it came nothing is due.

        `last` asks for all that the hub has not taken, whatever the time.
        """
        early = now_ns < (self._next_soon_ns if self._soon else self._next_ns)
        if self._on_its_way is not None or (early and not last):
            return None
        self._soon = False
        fit = fitted(self._said)
        ours = {section: body for section, body in self._taken.items() if section in self._said or section == CUT}
        patch = _patch(ours, fit, whole=self._whole)
        if not patch:
            return None
        self._on_its_way = fit
        self._next_ns, self._next_soon_ns = now_ns + EVERY_NS, now_ns + SOON_NS
        return json.dumps(patch)

    def answered(self, *, taken: bool) -> None:
        """The hub has what was due, or it has not: then it will be due again."""
        if taken and self._on_its_way is not None:
            self._taken = self._on_its_way
            self._whole = False
        self._on_its_way = None


def _patch(before: JsonObject, after: JsonObject, *, whole: bool) -> dict[str, JsonValue]:
    """What makes `before` into `after`; with `whole`, what is equal is said again."""
    patch: dict[str, JsonValue] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            inner = _patch(old, value, whole=whole)
            if inner:
                patch[key] = inner
        elif whole or key not in before or old != value:
            patch[key] = value
    return patch
