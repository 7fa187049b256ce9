"""Where a driver's phone consents to a calendar in this car: the bridge's address, which a parked page shows. Pure.

The public key goes by the car's own screen, so that whoever can change what the module reports to the hub cannot put
another there (cloud/calendar_bridge/README.md).
"""

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit


@dataclass(frozen=True, slots=True)
class BridgeLink:
    """One vehicle's."""

    url: str
    """https, without a slash at its end"""
    vehicle: str
    """its device id at the hub"""

    def of(self, profile: str, car_key: str) -> str:
        """For one profile, with the public key as it is reported."""
        asked = {"vehicle": self.vehicle, "profile": profile, "key": car_key}
        return f"{self.url}/link?{urlencode(asked, quote_via=quote)}"


def bridge_url_in(text: str) -> str:
    """Where the bridge is, without a slash at its end; empty for none.

    Raises ValueError, a sentence: a driver's phone opens nothing but https, and types no password in front of a host.
    """
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be https:// and a host, with a path at most")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be of printable ASCII characters without spaces")
    return text.rstrip("/")
