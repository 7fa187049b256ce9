"""Where the vehicle's local broker is, as a setting says it. Pure."""

import re
from dataclasses import dataclass

PORTS = {"mqtt": 1883, "mqtts": 8883}
_ADDRESS = re.compile(r"(?:(?P<scheme>[a-z]+)://)?(?P<host>\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?/?")
_MOST = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """Host, port, and whether it is spoken to through TLS."""

    host: str
    port: int
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def address_of(text: str) -> Address:
    """Of `host:port`, `mqtt://host[:port]` or `mqtts://host[:port]`. Raises ValueError with a sentence."""
    found = _ADDRESS.fullmatch(text)
    scheme = (found and found["scheme"]) or "mqtt"
    if not found or scheme not in PORTS or not (found["port"] or found["scheme"]):
        raise ValueError("must be host:port, mqtt://host or mqtts://host, without a user or a path")
    port = int(found["port"] or PORTS[scheme])
    if not 0 < port <= _MOST:
        raise ValueError(f"port {port} is none from 1 to {_MOST}")
    return Address(found["host"].strip("[]"), port, tls=scheme == "mqtts")


def judged_address(text: str) -> str:
    """The text, if it is empty or an address. Raises ValueError."""
    if text:
        address_of(text)
    return text
