"""What the cabin asks of the world; every adapter and every fake passes the contract suite of its port."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from cabin.records import Answer, Purpose, TripSummary

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""What a page is told; numbers are finite."""

Answered: TypeAlias = tuple[int, Mapping[str, Json]]
"""Status and body of docs/cabin-api.md; a mistake is `{"error": sentence}` with 404, 409 or 423."""


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
        """One desired patch, with its `$version`; returns the reported patch as JSON.

        Raises HubUnreachable where one before it was missed: the whole twin has to be read again.
        """

    async def method(self, name: str, payload: str) -> tuple[int, str]:
        """A direct method: (status, JSON)."""

    async def news(self) -> str:
        """The reported patch, as soon as something is other than what was returned last."""


class Dialer(Protocol):
    """A way to make a call from the car."""

    @property
    def state(self) -> str:
        """One of none (no phone), idle, dialing, active, failed."""

    async def run(self) -> None:
        """Watch for the phone until cancelled; without this there is none."""

    async def dial(self, number: str, tones: str) -> None:
        """Call `number` (E.164) and send `tones` (digits, `#`, `,` for 2 s) once it is active. Raises CallFailed."""

    async def close(self) -> None:
        """Let go of the phone; a running call goes on."""


class TripOutbox(Protocol):
    """Summaries on their way to the cloud, through the agent."""

    async def put(self, trip: TripSummary) -> None:
        """Keep until the agent has it on disk; sends now and after each reconnect."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way to whoever asked, in pieces, so that a month of trips does not stand in memory."""

    name: str
    """what it is saved as: ASCII letters, digits, `.`, `-` and `_`"""
    content_type: str
    pieces: AsyncIterator[bytes]


class Views(Protocol):
    """What may be seen now, and when it is other than it was."""

    @property
    def seq(self) -> int:
        """Rises whenever the View is other than before in more than `t` and ages."""

    @property
    def redraw_ms(self) -> int:
        """A page gets at most one View in so many milliseconds; of the limits that hold now."""

    def view(self) -> Mapping[str, Json]:
        """The View of docs/cabin-api.md as of now, cut to the limits; `t` and the ages are of this moment."""

    async def changed(self, seq: int) -> None:
        """Return as soon as `seq` is greater than this one; at once where it already is."""


class Cockpit(Views, Protocol):
    """All that the page may ask; one method a request of docs/cabin-api.md, so more than four.

    Each decides for itself whether it may be done now: what is for a parked vehicle alone answers 423 else.
    """

    async def dial(self, meeting: str) -> Answered:
        """Call into the meeting of this key; 404 where there is none, 409 without a number or a phone."""

    async def private(self, *, on: bool) -> Answered:
        """Keep nothing of this drive, until the ignition is off."""

    async def consent(self, purpose: Purpose, answer: Answer, text_id: str, text_version: int) -> Answered:
        """A decision about the text that was shown; returns after what is no longer allowed is wiped. Parked only."""

    async def profile(self, profile: str) -> Answered:
        """Change to this profile. Parked only."""

    async def remove_profile(self, profile: str) -> Answered:
        """Forget everything of this profile. Parked only."""

    async def language(self, language: str) -> Answered:
        """Speak `en` or `de`. Parked only."""

    async def trips(self) -> Answered:
        """Summaries, newest first. Parked only."""

    async def trip(self, trip: str) -> Answered:
        """One summary with its plot; 404 where there is none. Parked only."""

    async def delete_trips(self, trips: Sequence[str] | None) -> Answered:
        """These, or all of them. Parked only."""

    async def link(self, meeting: str) -> Answered:
        """Where the meeting is on the web; 404 without one. Parked only."""

    async def bridge(self) -> Answered:
        """Where a phone consents to a calendar for this profile; 404 without a bridge, 409 unless it is allowed.

        Parked only.
        """

    async def export(self, form: Literal["csv", "json"]) -> Download | Answered:
        """What the driver may take along. Parked only."""
