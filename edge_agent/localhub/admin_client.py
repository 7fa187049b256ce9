"""Asks a running hub through its admin door; synchronous, for a command line or a test."""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from edge_agent.errors import LocalHubAbsent, LocalHubRefused
from edge_agent.localhub.admin import DEFAULT_TIMEOUT_S, Door
from edge_agent.localhub.identities import ModuleId
from edge_agent.localhub.switchboard import MethodResult

_ANSWER_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class HubStatus:
    """What a hub says of itself."""

    connected: frozenset[ModuleId]
    messages: int
    """telemetry messages taken since the hub's start"""
    body_bytes: int
    """of those messages"""
    refusals: tuple[str, ...]
    """the latest things it did not accept, oldest first, as sentences"""


class AdminClient:
    """Every call raises LocalHubAbsent where no hub runs on the folder, LocalHubRefused where it says no."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def twin(self, device: str, module: str) -> str:
        """The module's twin, `{"modelId": "...", "desired": {...}, "reported": {...}}`, as JSON text."""
        return self._ask("GET", _module_path(device, module, "twin"))

    def patch_desired(self, device: str, module: str, patch_text: str) -> str:
        """Patch the desired properties with a JSON object; returns the twin after it."""
        return self._ask("PATCH", _module_path(device, module, "twin"), patch_text)

    def invoke(
        self, device: str, module: str, name: str, payload_text: str, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> MethodResult:
        """Call a direct method with a JSON payload. LocalHubRefused: 404 nobody listens, 504 no answer in time."""
        path = _module_path(device, module, "methods", name) + f"?timeout_s={timeout_s}"
        row = json.loads(self._ask("POST", path, payload_text, timeout_s + _ANSWER_WITHIN_S))
        return MethodResult(int(row["status"]), str(row["payload"]))

    def status(self) -> HubStatus:
        """Who is connected and what has passed."""
        row = json.loads(self._ask("GET", "/status"))
        return HubStatus(
            connected=frozenset(ModuleId(device, module) for device, module in row["connected"]),
            messages=int(row["messages"]),
            body_bytes=int(row["body_bytes"]),
            refusals=tuple(row["refusals"]),
        )

    def turn(self, faults_text: str) -> str:
        """Set the faults that a JSON object names, null as made; returns all. LocalHubRefused: 400, none was set."""
        return self._ask("PATCH", "/faults", faults_text)

    def drop(self) -> None:
        """Drop every connection once, as a tunnel does."""
        self._ask("POST", "/drop")

    def _ask(self, method: str, path: str, body: str = "", timeout_s: float = _ANSWER_WITHIN_S) -> str:
        door = Door.read(self._folder)
        content = body.encode(errors="surrogatepass")  # what a terminal gave that is no UTF-8 the hub refuses
        connection = http.client.HTTPConnection(door.address, door.port, timeout=timeout_s)
        try:
            connection.request(method, path, content, {"Authorization": f"Bearer {door.token}"})
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
            reason = f"nothing answers at {door.address}:{door.port} ({error})"
            raise LocalHubAbsent(str(self._folder), reason) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise LocalHubRefused(response.status, _message(text))
        return text


def _module_path(*segments: str) -> str:
    device, module, *rest = (quote(segment, safe="") for segment in segments)
    return "/".join(("/devices", device, *(("modules", module) if module else ()), *rest))


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]
