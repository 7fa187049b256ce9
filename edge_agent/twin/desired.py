"""Desired properties to one immutable `Config`, and back to reported ones. Pure.

A document is judged as a whole: it runs, or it is refused with addressable errors and the one before goes on.
Order and versions follow Microsoft's reconnection flow (azure-docs, iot-hub-devguide-device-twins.md): the whole
document after each connect, then patches; a patch whose `$version` is not newer is ignored.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from edge_agent.decode.catalog import Catalog
from edge_agent.errors import DocumentRefused, Fault
from edge_agent.twin.compilation import REPORTED_FAULTS, Config, compile_document
from edge_agent.twin.document import NO_OBJECT, TOO_DEEP, judge
from edge_agent.twin.fitting import CUT, JsonObject, JsonValue, fitted, shortened

TAKEN, REFUSED = 200, 400
"""`ac` of an acknowledgement: HTTP's numbers (IoT Plug and Play conventions)"""
WRITABLE = ("schema_version", "rules", "state", "quiet")
VERDICT_CHARS = 128
TOO_MUCH = "too much to be repeated here"
NOTHING: JsonObject = MappingProxyType({})


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
        self._running: dict[str, Any] = {}
        """the desired properties that `config` was made of"""
        self._named: frozenset[str] = frozenset()
        """every property that was desired so far"""
        self.config: Config | None = None

    def restore(self, document: str) -> Outcome:
        """Run a document kept from an earlier start; the hub's own replaces it as soon as there is a connection.

        `document` is one that was `Applied`: a JSON object.
        """
        return self._replace(json.loads(document))

    def document(self, text: str) -> Outcome:
        """Judge the whole twin `{"desired": {...}, "reported": {...}}`; after a reconnect it is often the same.

        Without `desired` the hub keeps none: what runs goes on.
        """
        try:
            desired = json.loads(text).get("desired", self._desired)
            return Unchanged() if desired == self._desired else self._replace(desired)
        except RecursionError:
            return self._refuse([TOO_DEEP])

    def patch(self, text: str) -> Outcome:
        """Judge the desired properties after a patch; null removes a key."""
        try:
            patch = json.loads(text)
            if _version(patch, self._seen_version + 1) <= self._seen_version:
                return Unchanged()
            return self._replace(merged(self._desired or {}, patch))
        except DocumentRefused as refusal:
            return self._refuse(refusal.faults)
        except RecursionError:
            return self._refuse([TOO_DEEP])

    def reported(self, about: JsonObject = NOTHING) -> str:
        """The `config` section of the reported properties and those in `about`, as a patch."""
        running, missing = (self.config.version, self.config.missing) if self.config else (0, ())
        config = {
            "version": self._seen_version,
            "running_version": running,
            "status": "refused" if self._faults else "applied",
            "errors": _reported(self._faults),
            "error_count": len(self._faults),
            "missing": _reported(missing),
            "missing_count": len(missing),
        }
        fit = fitted({"config": config} | dict(about))
        # A section of that name tells of what is said through `Reported`.
        cast("dict[str, JsonValue]", fit["config"])[CUT] = fit.pop(CUT, [])
        return json.dumps(fit)

    def acknowledgements(self) -> Mapping[str, JsonObject]:
        """A section for each writable property: what runs of it, and what became of the latest desired one.

        As `{value, ac, av, ad}`, IoT Plug and Play's convention. A value that cannot be said whole is not said at all.
        """
        running: dict[str, Any] = {"schema_version": 1, "rules": {}} | self._running
        return {
            name: self._acknowledged(name, running.get(name)) for name in WRITABLE if name in {*running, *self._named}
        }

    def _acknowledged(self, name: str, value: JsonValue) -> JsonObject:
        """Without `value` where that was desired once and no longer is."""
        said: JsonObject = {"ac": REFUSED if self._faults else TAKEN, "av": self._seen_version, "ad": self._verdict()}
        if value is None:
            return said
        whole: JsonObject = {"value": value, **said}
        return whole if fitted({name: whole}) == {name: whole} else {**said, "ad": f"{self._verdict()}; {TOO_MUCH}"}

    def _verdict(self) -> str:
        if not self._faults:
            return "applied"
        more = f"; and {len(self._faults) - 1} more" if len(self._faults) > 1 else ""
        return f"{shortened(str(self._faults[0]), VERDICT_CHARS)}{more}"

    def _replace(self, desired: dict[str, Any]) -> Outcome:
        try:
            version = _version(desired, self._seen_version)
            # What the cloud holds is remembered even when it is refused: the patch that mends it builds on it.
            self._desired, self._seen_version = desired, version
            self._named |= desired.keys()
            self.config = compile_document(judge(desired), self._catalog, version)
        except DocumentRefused as refusal:
            return self._refuse(refusal.faults)
        self._faults = ()
        self._running = desired
        return Applied(self.config, json.dumps(desired))

    def _refuse(self, faults: Sequence[Fault]) -> Kept:
        self._faults = tuple(faults)
        return Kept(self._seen_version, self._faults)


def _version(desired: object, otherwise: int) -> int:
    """The `$version` of desired properties or of a patch. Raises DocumentRefused where they cannot be ones."""
    if not isinstance(desired, dict):
        raise DocumentRefused([NO_OBJECT])
    version = desired.get("$version", otherwise)
    if type(version) is not int:
        raise DocumentRefused([Fault("$version", "must be a whole number")])
    return version


def _reported(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """The first faults; `error_count` and `missing_count` tell that there are more."""
    return [{"loc": fault.loc, "msg": fault.message} for fault in faults[:REPORTED_FAULTS]]


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
