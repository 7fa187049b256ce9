"""What the cabin asks of the world; every adapter and every fake passes the contract suite of its port."""

from collections.abc import AsyncIterator
from typing import Protocol

from cabin.records import TripSummary


class Clock(Protocol):
    """The two clocks, and the car's zone."""

    def now_ms(self) -> int:
        """Wall time since the Unix epoch; may jump."""

    def up_ms(self) -> int:
        """Monotonic time since the cabin's start; goes on while the system sleeps."""

    def zone(self) -> str:
        """IANA name of the car's time zone, `UTC` where the system does not say."""


class Tap(Protocol):
    """The agent's messages on the vehicle's broker, and ours to it; reconnects inside, for ever."""

    def messages(self) -> AsyncIterator[tuple[str, bytes]]:
        """(topic, payload) of `tap/v1/#` as they come, until cancelled; beyond a bound the oldest is dropped."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> bool:
        """QoS 1 under `cabin/v1/`; False where it was not acknowledged in time: the caller keeps it and tries again."""


class TwinInbox(Protocol):
    """What the hub says to the cabin's own module identity; called on the event loop."""

    async def document(self, text: str) -> str:
        """The whole twin as JSON after each connect; returns the reported patch as JSON."""

    async def patch(self, text: str) -> str:
        """One desired patch, with its `$version`; returns the reported patch as JSON."""

    async def method(self, name: str, payload: str) -> tuple[int, str]:
        """A direct method: (status, JSON)."""


class Dialer(Protocol):
    """A way to make a call from the car."""

    @property
    def state(self) -> str:
        """One of none (no phone), idle, dialing, active, failed."""

    async def dial(self, number: str, tones: str) -> None:
        """Call `number` (E.164) and send `tones` (digits, `#`, `,` for 2 s) once it is active. Raises CallFailed."""

    async def close(self) -> None:
        """Let go of the phone; a running call goes on."""


class TripOutbox(Protocol):
    """Summaries on their way to the cloud, through the agent."""

    async def put(self, trip: TripSummary) -> None:
        """Keep until the agent has it on disk; sends now and after each reconnect."""
