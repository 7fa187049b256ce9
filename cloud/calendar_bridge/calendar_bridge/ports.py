"""Where the bridge touches the world. Every call may raise Transient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from calendar_bridge.records import CarTwin, Event, Grant, Page, Subscription, Tokens, Window

Patch = Mapping[str, Mapping[str, object] | None]
"""Key of an item to its sealed form, or None for one that goes."""


class Clock(Protocol):
    """Wall time."""

    def now_s(self) -> float:
        """Seconds of the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To an HTTP request; header names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Http(Protocol):
    """Asks a web server."""

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Whatever status it has; leads nowhere else. Raises Unreachable."""


class Credential(Protocol):
    """Proves to a service of Azure who asks."""

    async def authorization(self, now_s: float) -> str:
        """The header's value."""


class Calendar(Protocol):
    """One driver's calendar; `access` is a token."""

    async def seed(self, access: str, window: Window) -> Page:
        """The first page of what is in the window."""

    async def follow(self, access: str, link: str) -> Page:
        """The page behind a link of another. Raises DeltaLost, TokenExpired, Refused."""

    async def event(self, access: str, event_id: str) -> Event:
        """One event, as for a series' master. Raises Absent, TokenExpired, Refused."""


class Notifications(Protocol):
    """Graph tells of changes of a calendar; `access` is a token."""

    async def subscribe(self, access: str, client_state: str, now_s: float) -> Subscription:
        """From now on. Raises TokenExpired, Refused."""

    async def renew(self, access: str, subscription: str, now_s: float) -> Subscription:
        """For as long again; authorises it anew too. Raises Absent, TokenExpired, Refused."""

    async def unsubscribe(self, access: str, subscription: str) -> None:
        """No more; also where there is none."""


class Consents(Protocol):
    """The token endpoint."""

    def login_url(self, state: str, challenge: str) -> str:
        """Where the driver's phone goes to consent; `challenge` is S256 of PKCE (RFC 7636)."""

    async def redeem(self, code: str, verifier: str) -> Tokens:
        """What the phone came back with. Raises ConsentLost."""

    async def refresh(self, refresh_token: str) -> Tokens:
        """New ones; the refresh token may be another than before, and then the one before is to be forgotten.

        Raises ConsentLost.
        """


class Grants(Protocol):
    """Keeps grants over restarts, readable by the bridge alone."""

    async def all(self) -> Sequence[Grant]:
        """In any order."""

    async def put(self, grant: Grant) -> None:
        """On return it is kept, in place of the one of its id."""

    async def remove(self, grant_id: str) -> None:
        """On return it cannot be read any more; also where there is none."""


class Twins(Protocol):
    """The head units' module twins."""

    async def read(self, vehicle: str) -> CarTwin:
        """Raises Absent, Refused."""

    async def patch(self, vehicle: str, profile: str, patch: Patch | None) -> None:
        """Change a profile's items, or remove them all (None). Raises Absent, Refused."""
