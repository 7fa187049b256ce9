"""The modules the hub knows, each with its key, kept in one private file."""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from edge_agent.errors import BadSettings, Fault
from edge_agent.localhub.files import replace_file
from edge_agent.localhub.packets import Connect
from edge_agent.localhub.sas import token_fault

HUB_HOSTNAME = "local-hub.invalid"
"""Stands where an IoT hub's name would; `.invalid` can never be resolved (RFC 2606)."""

_KEY_BYTES = 32


class ModuleId(NamedTuple):
    """Names a module of a device; without a module, the device itself, as it connects to IoT Hub directly."""

    device: str
    module: str

    @property
    def text(self) -> str:
        """`device/module`, or the device alone: its MQTT client id."""
        return f"{self.device}/{self.module}" if self.module else self.device


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hub holds of one module."""

    id: ModuleId
    key: str
    """base64"""
    generation: str

    def resource(self, hostname: str) -> str:
        """What this one's tokens are for, at a hub of that name."""
        module = f"/modules/{self.id.module}" if self.id.module else ""
        return f"{hostname}/devices/{self.id.device}{module}"


def load_identities(path: Path, wanted: Sequence[ModuleId]) -> Mapping[ModuleId, Identity]:
    """All identities in the file, which is made or added to where one of `wanted` is missing. Raises BadSettings."""
    known = _read(path) if path.exists() else {}
    missing = [module for module in dict.fromkeys(wanted) if module not in known]
    if missing:
        known |= {module: _new(module) for module in missing}
        replace_file(path, _text(known).encode())
    return known


@dataclass(frozen=True, slots=True)
class Gate:
    """Who is let in."""

    known: Mapping[ModuleId, Identity]
    hostnames: tuple[str, ...] = (HUB_HOSTNAME,)
    """what clients may call the hub"""

    def admit(self, connect: Connect, certified: str | None, now_s: float) -> ModuleId | str:
        """The module, or device, that connects, or why it may not, as a sentence.

        The user name is `{hub}/{device}/{module}/?api-version=...`, without the module for a device, the client id
        `{device}/{module}` likewise. The password is a shared access signature; who proved by a certificate of the
        hub's authority to be `certified`, its client id, needs none.
        """
        match (connect.username or "").split("/"):
            case [hostname, device, *names, query] if len(names) <= 1:
                module = ModuleId(device, "".join(names))
            case _:
                return f"the user name {connect.username!r} does not name a hub, a device and a module"
        if connect.client_id != module.text:
            return f"the client id {connect.client_id!r} is not {module.text}"
        if "api-version" not in parse_qs(query.removeprefix("?")):
            return "the user name has no api-version"
        if hostname not in self.hostnames:
            return f"the hub {hostname!r} is not this one, {self.hostnames[0]}"
        return self._proven(connect, module, hostname, certified, now_s)

    def _proven(
        self, connect: Connect, module: ModuleId, hostname: str, certified: str | None, now_s: float
    ) -> ModuleId | str:
        if module not in self.known:
            return f"module {module.text} is not known"
        if certified is not None and connect.password is None:
            return module if certified == module.text else f"the certificate is of {certified!r}, not of {module.text}"
        token = (connect.password or b"").decode(errors="replace")
        identity = self.known[module]
        return token_fault(token, identity.resource(hostname), identity.key, now_s) or module


def announced_model(connect: Connect) -> str:
    """The id of the IoT Plug and Play model that a client announces in its user name; "" where it announces none."""
    query = (connect.username or "").partition("?")[2]
    return parse_qs(query).get("model-id", [""])[-1]


def _new(module: ModuleId) -> Identity:
    key = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    # edgeAgent's generations are numbers in a text; this one only has to differ from another folder's.
    return Identity(module, key, str(secrets.randbelow(10**18)))


def _read(path: Path) -> dict[ModuleId, Identity]:
    try:
        rows = json.loads(path.read_bytes())["modules"]
        identities = [
            Identity(ModuleId(str(row["device"]), str(row["module"])), str(row["key"]), str(row["generation"]))
            for row in rows
        ]
        for identity in identities:
            base64.b64decode(identity.key, validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise BadSettings([Fault(str(path), f"not a list of identities: {error!r}")]) from error
    return {identity.id: identity for identity in identities}


def _text(known: Mapping[ModuleId, Identity]) -> str:
    rows = [
        {"device": one.id.device, "module": one.id.module, "key": one.key, "generation": one.generation}
        for one in known.values()
    ]
    return json.dumps({"modules": rows}, indent=2) + "\n"
