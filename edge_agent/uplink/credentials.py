"""Who the agent is to the hub, and how it proves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.errors import BadSettings, Fault


@dataclass(frozen=True, slots=True)
class EdgeEnvironment:
    """A module of IoT Edge: everything is in the variables that edgeAgent, or a desk tool, has set."""


@dataclass(frozen=True, slots=True)
class HubKey:
    """A device, or a module of one, at IoT Hub itself, with a shared access key."""

    connection_string: str = field(repr=False)
    authority: Path | None = None
    """PEM of who signed the hub's certificate, where the system does not know it"""

    @property
    def module(self) -> str:
        """Its id; empty where the device itself is meant."""
        return dict(connection_parts(self.connection_string)).get("ModuleId", "")


@dataclass(frozen=True, slots=True)
class HubCertificate:
    """The same with an X.509 certificate, whose common name is the device's id."""

    hostname: str
    device: str
    module: str
    certificate: Path
    key: Path
    authority: Path | None = None


Credentials = EdgeEnvironment | HubKey | HubCertificate

_NAMES = ("HostName", "DeviceId", "ModuleId", "SharedAccessKey", "x509")


def connection_parts(connection_string: str) -> list[tuple[str, str]]:
    """Names and values as they stand in it, `("", "")` for an empty text."""
    return [(name, value) for name, _, value in (part.partition("=") for part in connection_string.split(";"))]


def hub_credentials(
    connection_string: str, certificate: Path | None = None, key: Path | None = None, authority: Path | None = None
) -> HubKey | HubCertificate:
    """As IoT Hub's connection string says: `...;SharedAccessKey=...`, or `...;x509=true` with the two files.

    Raises BadSettings, which tells names and never values.
    """
    pairs = connection_parts(connection_string)
    parts = dict(pairs)
    # What stands before a "=" need not be a name: somebody may have pasted a key alone, which ends with one.
    faults = [
        Fault(_VARIABLE, f"part {place} is none of {', '.join(f'{name}=' for name in _NAMES)}")
        for place, (name, _) in enumerate(pairs, 1)
        if name not in _NAMES
    ]
    faults += [Fault(_VARIABLE, f"{name} is missing") for name in ("HostName", "DeviceId") if not parts.get(name)]
    with_certificate = parts.get("x509", "").lower() == "true"
    if with_certificate:
        files = {"HUB_CERTIFICATE_FILE": certificate, "HUB_KEY_FILE": key}
        faults += [Fault(name, "must be given with x509=true") for name, path in files.items() if path is None]
    elif not parts.get("SharedAccessKey"):
        faults.append(Fault(_VARIABLE, "SharedAccessKey is missing; with a certificate, say x509=true"))
    faults += _unreadable({"HUB_CERTIFICATE_FILE": certificate, "HUB_KEY_FILE": key, "HUB_CA_FILE": authority})
    if faults:
        raise BadSettings(faults)
    if with_certificate and certificate and key:
        return HubCertificate(
            parts["HostName"], parts["DeviceId"], parts.get("ModuleId", ""), certificate, key, authority
        )
    return HubKey(connection_string, authority)


_VARIABLE = "HUB_CONNECTION_STRING"


def _unreadable(files: Mapping[str, Path | None]) -> list[Fault]:
    return [Fault(name, f"there is no file {path}") for name, path in files.items() if path and not path.is_file()]
