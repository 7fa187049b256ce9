"""What travels between the parts of the bridge: immutable, units in the names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Event: TypeAlias = Mapping[str, object]
"""A Graph event as its JSON is, or a part of one."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A driver's consent: whose calendar goes to which profile of which vehicle, sealed to which key."""

    id: str
    """opaque and never used again: a file's or a secret's name"""
    vehicle: str
    """device id at the hub"""
    profile: str
    """as the car knows it"""
    car_key: str
    """the car's public key as its own screen showed it: base64url, 32 bytes"""
    refresh_token: str = field(repr=False)

    @property
    def seat(self) -> tuple[str, str]:
        """Whom it is for; there is one grant a seat."""
        return self.vehicle, self.profile


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """empty where the one before stays"""
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Window:
    """Of a calendar, frozen in a state token; seconds of the Unix epoch."""

    from_s: int
    to_s: int


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a delta round: exactly one of the links is there."""

    events: Sequence[Event]
    next_link: str
    delta_link: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """Graph tells of changes until it expires."""

    id: str
    expires_s: float


@dataclass(frozen=True, slots=True)
class Item:
    """What the car is to have of one event."""

    key: str
    starts_s: int
    """by which the nearest is known; of an all-day item the earliest that any zone has"""
    until_s: int
    plain: bytes = field(repr=False)
    """JSON without spaces, as it is sealed"""


@dataclass(frozen=True, slots=True)
class Held:
    """What the twin has of one item; it cannot be opened here."""

    version: int
    until_s: int
    digest: bytes = b""
    """of what was sealed by this process; empty where another one did"""


@dataclass(frozen=True, slots=True)
class CarTwin:
    """The part of a module's twin that the bridge reads."""

    car_key: str
    """public key, base64url; empty where the car has none: no consent, or never started"""
    calendar: Mapping[str, Mapping[str, Held]]
    """by profile and key"""
    other_bytes: int
    """what the desired properties hold besides `calendar`"""
    bytes_by_profile: Mapping[str, int]
