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
    """Names a module of a device."""

    device: str
    module: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hub holds of one module."""

    id: ModuleId
    key: str
    """base64"""
    generation: str

    @property
    def resource(self) -> str:
        """What this module's tokens are for."""
        return f"{HUB_HOSTNAME}/devices/{self.id.device}/modules/{self.id.module}"


def load_identities(path: Path, wanted: Sequence[ModuleId]) -> Mapping[ModuleId, Identity]:
    """All identities in the file, which is made or added to where one of `wanted` is missing. Raises BadSettings."""
    known = _read(path) if path.exists() else {}
    missing = [module for module in dict.fromkeys(wanted) if module not in known]
    if missing:
        known |= {module: _new(module) for module in missing}
        replace_file(path, _text(known).encode())
    return known


def admit(connect: Connect, known: Mapping[ModuleId, Identity], now_s: float) -> ModuleId | str:
    """The module that connects, or why it may not, as a sentence.

    The user name is `{hub}/{device}/{module}/?api-version=...`, the client id `{device}/{module}`,
    the password a shared access signature.
    """
    match (connect.username or "").split("/", 3):
        case [hostname, device, name, query]:
            module = ModuleId(device, name)
        case _:
            return f"the user name {connect.username!r} does not name a hub, a device and a module"
    if connect.client_id != f"{device}/{name}":
        return f"the client id {connect.client_id!r} is not {device}/{name}"
    if "api-version" not in parse_qs(query.removeprefix("?")):
        return "the user name has no api-version"
    if hostname != HUB_HOSTNAME:
        return f"the hub {hostname!r} is not this one, {HUB_HOSTNAME}"
    if module not in known:
        return f"module {device}/{name} is not known"
    identity = known[module]
    token = (connect.password or b"").decode(errors="replace")
    return token_fault(token, identity.resource, identity.key, now_s) or module


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
