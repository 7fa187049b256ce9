"""What a stage asks of the world; every adapter and every fake passes the contract suite of its port."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from edge_agent.records import (
    ANYTHING,
    Appended,
    BootInfo,
    Envelope,
    EnvelopeKey,
    FrameBlock,
    MethodAnswer,
    Receipt,
    Terms,
)


class Clock(Protocol):
    """The two clocks of `clock.py`."""

    def now_ns(self) -> int:
        """Wall time since the Unix epoch."""

    def uptime_ns(self) -> int:
        """Monotonic time since the agent's start."""

    def both_ns(self) -> tuple[int, int]:
        """Wall time and uptime of one moment, as nearly as can be read."""

    def is_synced(self) -> bool | None:
        """Whether the system says that its wall clock is kept right; None where it does not say."""


class FrameSource(Protocol):
    """Where frames come from: buses, or a log."""

    def blocks(self) -> AsyncGenerator[FrameBlock, None]:
        """Blocks in time order until closed or cancelled, or until a log ends; then everything opened is closed.

        A quiet bus gives an empty block at least each second, so that time goes on.
        Raises LogRefused for a log that cannot be read on. A bus that goes down is retried inside.
        """


class Spool(Protocol):
    """Envelopes on disk, or in memory while the disk takes none, until they are settled.

    One owner a folder; safe to use from one event loop.
    """

    @property
    def boot(self) -> BootInfo:
        """This boot's number, and where the one before ended."""

    async def append(self, envelopes: Sequence[Envelope]) -> Appended:
        """Return when all that can be are on disk for good; say which, and every lost range that no batch tells yet.

        What the disk does not take waits in memory: it can be leased and settled like any other, and goes to disk,
        before anything newer of its priority, as soon as that takes it. It does not survive a power cut.
        A range is owed until a batch that has it in `tells`, as it was returned, is Acked. It is returned again
        when that batch is lost itself, when a crash leaves it in doubt, and as a part of a longer range when more
        is lost beside it: twice rather than never.
        """

    async def lease(self, limit: int, terms: Terms = ANYTHING) -> tuple[Envelope, ...]:
        """Wait until something can be sent; return up to `limit`, each once until settled.

        The live part goes first, within a part it is by priority, then age. Two leases of different terms may wait at
        once. What waited longer than its rule allows is owed as `expired` instead; what is in flight does not expire.
        Cancelling it leaves nothing leased.
        """

    async def settle(self, key: EnvelopeKey, receipt: Receipt) -> None:
        """Acked: forget it (durably soon after). Deferred: offer it again. Refused: set it aside and owe it.

        With an Acked batch the ranges it tells are forgotten; with a Refused one they are owed again.
        """

    async def close(self) -> None:
        """Commit positions and release the folder; unsettled leases come back at the next start."""


class Inbox(Protocol):
    """What the hub says to the module; called on the event loop."""

    async def document(self, text: str) -> str:
        """Whole twin `{"desired": {...}, "reported": {...}}` as JSON after each connect; returns the reported patch.

        `desired` is missing where the hub keeps none.
        """

    async def patch(self, text: str) -> str:
        """One desired patch, with its `$version`; returns the reported patch."""

    async def method(self, name: str, payload: str) -> MethodAnswer:
        """A direct method with its JSON payload."""


class Session(Protocol):
    """One connection to a hub, used once. Every call ends within its time limit."""

    async def send(self, envelope: Envelope) -> None:
        """Return when the hub has acknowledged it. Raises HubUnreachable or EnvelopeRefused.

        Of HubUnreachable, NotTaken and CredentialsRefused are the hub's own answer to this envelope.
        """

    async def report(self, patch: str) -> bool:
        """Patch the reported properties; False where the hub refused the patch. Raises HubUnreachable."""

    async def lost(self) -> str:
        """Return, with the reason, when the connection is gone; until then serve patches and methods."""

    async def close(self) -> None:
        """Dispose of the connection, alive or not; never raises HubUnreachable."""


class Uplink(Protocol):
    """A way to the cloud."""

    async def connect(self, inbox: Inbox) -> Session:
        """Connect, fetch the twin into `inbox.document`, report what it answers, listen for patches and methods.

        Raises HubUnreachable, CredentialsRefused, or UplinkWedged.
        """
