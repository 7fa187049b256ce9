"""Linking a calendar to a seat, from the code on the car's screen to the driver's consent on the phone. Pure.

The code on the screen (a parked car's) leads to `/link?vehicle=…&profile=…&key=…` with the car's public key. So the
key that is sealed to is the one that the driver saw in the car, and whoever can change what a module reports cannot
put another there.

What comes back from the sign-in is taken only from the browser that was sent there (a cookie): else somebody could
start with their own car, have a driver sign in, and read the driver's calendar there. PKCE (RFC 7636) binds the code
to us.
"""

import base64
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from calendar_bridge.errors import LinkRejected
from calendar_bridge.seal import public_bytes

GOOD_FOR_S = 600
MOST = 1_000
VEHICLE = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
"""a device id, as IoT Hub takes it"""
PROFILE = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""a name in a twin"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A driver is signing in."""

    vehicle: str
    profile: str
    car_key: str
    verifier: str = field(repr=False)
    cookie: str = field(repr=False)
    until_s: float

    @property
    def challenge(self) -> str:
        """S256 of the verifier."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class Linking:
    """Those who are signing in; at most so many, the oldest are given up first."""

    def __init__(self, secret: Callable[[], str]) -> None:
        """`secret` makes 43 to 128 characters of base64url, another each time."""
        self._secret = secret
        self._pending: dict[str, Pending] = {}

    def begin(self, vehicle: str, profile: str, car_key: str, now_s: float) -> tuple[str, Pending]:
        """The state to send along, and what is remembered of it. Raises LinkRejected."""
        if not VEHICLE.fullmatch(vehicle):
            raise LinkRejected("vehicle: this is no vehicle's name")
        if not PROFILE.fullmatch(profile):
            raise LinkRejected("profile: this is no profile's name")
        public_bytes(car_key)
        self._forget(now_s)
        state = self._secret()
        pending = Pending(vehicle, profile, car_key, self._secret(), self._secret(), now_s + GOOD_FOR_S)
        self._pending[state] = pending
        return state, pending

    def _forget(self, now_s: float) -> None:
        """The oldest stand first."""
        for state in list(itertools.islice(self._pending, 8)):
            if len(self._pending) >= MOST or self._pending[state].until_s <= now_s:
                del self._pending[state]

    def end(self, state: str, cookie: str, now_s: float) -> Pending:
        """What was begun, once. Raises LinkRejected."""
        pending = self._pending.pop(state, None)
        if pending is None or pending.until_s <= now_s:
            raise LinkRejected("this sign-in was not begun here, or more than ten minutes ago: scan the code again")
        if not hmac.compare_digest(pending.cookie.encode(), cookie.encode()):
            raise LinkRejected("this sign-in was begun on another phone: scan the code there")
        return pending
