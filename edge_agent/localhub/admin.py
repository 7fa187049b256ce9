"""The hub's own door on loopback, in place of IoT Hub's service side: twins, direct methods, status; and the faults."""

import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.errors import LocalHubAbsent, LocalHubRefused
from edge_agent.localhub.faults import Faults, faults_told, turn
from edge_agent.localhub.files import replace_file
from edge_agent.localhub.http import Request
from edge_agent.localhub.identities import ModuleId
from edge_agent.localhub.switchboard import Switchboard
from edge_agent.localhub.twins import JsonObject, Twin, parse_patch

DEFAULT_TIMEOUT_S: Final = 30.0
"""IoT Hub's own for a direct method."""
_LONGEST_TIMEOUT_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Door:
    """Where the admin door is, and its key; kept in a private file while the hub runs."""

    address: str
    port: int
    token: str

    def write(self, folder: Path) -> None:
        """Tell it to AdminClient."""
        row = {"address": self.address, "port": self.port, "token": self.token}
        replace_file(_path(folder), json.dumps(row).encode() + b"\n")

    @staticmethod
    def read(folder: Path) -> "Door":
        """The door of the hub on this folder. Raises LocalHubAbsent."""
        try:
            row = json.loads(_path(folder).read_bytes())
            return Door(str(row["address"]), int(row["port"]), str(row["token"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LocalHubAbsent(str(folder), f"{_path(folder)} cannot be read") from error

    @staticmethod
    def remove(folder: Path) -> None:
        """The hub has gone."""
        _path(folder).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Admin:
    """Answers what comes through the door."""

    switchboard: Switchboard
    faults: Faults
    token: str

    async def answer(self, request: Request) -> JsonObject:
        """The body of a 200. Raises LocalHubRefused or DocumentRefused."""
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            raise LocalHubRefused(401, "the token is not this hub's")
        match request.method, request.path:
            case "GET", ("status",):
                return self._status()
            case "PATCH", ("faults",):
                turn(self.faults, parse_patch(request.body))
                return faults_told(self.faults)
            case "POST", ("drop",):
                self.switchboard.drop_all("dropped, as was asked")
                return {}
            case _, ("devices", *_):
                return await self._asked_of_a_module(request)
        raise _nothing_at(request)

    async def _asked_of_a_module(self, request: Request) -> JsonObject:
        match request.path:
            case ("devices", device, "modules", module, *asked):
                whose = ModuleId(device, module)
            case ("devices", device, *asked):
                whose = ModuleId(device, "")
            case _:
                raise _nothing_at(request)
        match request.method, asked:
            case "GET", ["twin"]:
                return self._twin(whose, self.switchboard.twin(whose))
            case "PATCH", ["twin"]:
                return self._twin(whose, self.switchboard.desire(whose, request.body))
            case "POST", ["methods", name]:
                return await self._invoke(whose, name, request)
        raise _nothing_at(request)

    def _twin(self, module: ModuleId, twin: Twin) -> JsonObject:
        """As IoT Hub's service side shows it: with the module's model, if it announced one."""
        model_id = self.switchboard.state.model_id(module)
        return {**({"modelId": model_id} if model_id else {}), **twin.document()}

    def _status(self) -> JsonObject:
        board = self.switchboard
        return {
            "connected": [[device, module] for device, module in sorted(board.connected)],
            "messages": board.messages,
            "body_bytes": board.body_bytes,
            "refusals": list(board.refusals),
        }

    async def _invoke(self, module: ModuleId, name: str, request: Request) -> JsonObject:
        timeout_s = _seconds(request.query.get("timeout_s", str(DEFAULT_TIMEOUT_S)))
        result = await self.switchboard.invoke(module, name, request.body, timeout_s)
        return {"status": result.status, "payload": result.payload}


def _nothing_at(request: Request) -> LocalHubRefused:
    return LocalHubRefused(404, f"nothing at {request.method} /{'/'.join(request.path)}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as error:
        raise LocalHubRefused(400, f"timeout_s: {text!r} is not a number") from error
    if not 0 < seconds <= _LONGEST_TIMEOUT_S:
        raise LocalHubRefused(400, f"timeout_s: {text} is not within 0..{_LONGEST_TIMEOUT_S:g}")
    return seconds


def _path(folder: Path) -> Path:
    return folder / "admin.json"
