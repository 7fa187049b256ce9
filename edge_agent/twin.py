"""Desired properties to one immutable `Config`, and back to reported ones. Pure.

A document is judged as a whole: it runs, or it is refused with addressable errors and the one before goes on.
Order and versions follow Microsoft's reconnection flow (azure-docs, iot-hub-devguide-device-twins.md): the whole
document after each connect, then patches; a patch whose `$version` is not newer is ignored.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from edge_agent.compilation import REPORTED_FAULTS, Config, compile_document
from edge_agent.decode.catalog import Catalog
from edge_agent.document import judge
from edge_agent.errors import DocumentRefused, Fault

REPORTED_CHARS = 512
REPORTED_BYTES = 8_000
"""of errors, and as many of missing signals"""


@dataclass(frozen=True, slots=True)
class Applied:
    """A document that runs from now on; `document` is to be kept for a start without network."""

    config: Config
    document: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that was refused; the configuration before it goes on."""

    version: int
    faults: tuple[Fault, ...]


class Unchanged:
    """Nothing new was said."""


Outcome = Applied | Kept | Unchanged


class Twin:
    """The desired properties as they stand in the cloud, and the configuration that runs.

    What it holds is replaced, never written to: a shallow copy is a Twin of its own.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._desired: dict[str, Any] | None = None
        self._seen_version = 0
        self._faults: tuple[Fault, ...] = ()
        self.config: Config | None = None

    def restore(self, document: str) -> Outcome:
        """Run a document kept from an earlier start; the hub's own replaces it as soon as there is a connection.

        `document` is one that was `Applied`: a JSON object.
        """
        return self._replace(json.loads(document))

    def document(self, text: str) -> Outcome:
        """Judge the whole twin `{"desired": {...}, "reported": {...}}`; after a reconnect it is often the same."""
        desired = json.loads(text)["desired"]
        if desired == self._desired:
            return Unchanged()
        return self._replace(desired)

    def patch(self, text: str) -> Outcome:
        """Judge the desired properties after a patch; null removes a key."""
        patch = json.loads(text)
        if patch.get("$version", self._seen_version + 1) <= self._seen_version:
            return Unchanged()
        return self._replace(merged(self._desired or {}, patch))

    def reported(self) -> str:
        """The `config` part of the reported properties, as a patch."""
        running, missing = (self.config.version, self.config.missing) if self.config else (0, ())
        return json.dumps(
            {
                "config": {
                    "version": self._seen_version,
                    "running_version": running,
                    "status": "refused" if self._faults else "applied",
                    "errors": _reported(self._faults),
                    "error_count": len(self._faults),
                    "missing": _reported(missing),
                    "missing_count": len(missing),
                }
            }
        )

    def _replace(self, desired: dict[str, Any]) -> Outcome:
        # What the cloud holds is remembered even when it is refused: the patch that mends it builds on it.
        self._desired = desired
        self._seen_version = int(desired.get("$version", self._seen_version))
        try:
            self.config = compile_document(judge(desired), self._catalog, self._seen_version)
        except DocumentRefused as refusal:
            self._faults = refusal.faults
            return Kept(self._seen_version, refusal.faults)
        self._faults = ()
        return Applied(self.config, json.dumps(desired))


def _reported(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """The first faults, as many as the reported properties have room for."""
    errors = [
        {"loc": fault.loc[:REPORTED_CHARS], "msg": fault.message[:REPORTED_CHARS]} for fault in faults[:REPORTED_FAULTS]
    ]
    sizes = accumulate(len(json.dumps(error)) for error in errors)
    return [error for error, size in zip(errors, sizes, strict=True) if size <= REPORTED_BYTES]


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A twin patch applied: objects merge, null removes, anything else replaces (RFC 7396)."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result
