"""What the local bus asks of a connection to a broker. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Heard = Callable[[bytes], None]
"""is called with each payload on a topic; it raises nothing"""
UNHEARD = ("too_large", "too_many")
"""Why a message that came is dropped. One of the second kind ends the connection: what the broker retains, the driver's
last word on consent among it, is heard again with the next."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be published."""

    topic: str
    payload: bytes
    retain: bool = False


class LocalSession(Protocol):
    """One connection, used once."""

    unwritten: int
    """offers that were taken and that the connection's end cut off; known after `close`"""

    @property
    def unheard(self) -> Mapping[str, int]:
        """Messages that came and were dropped, for each reason of `UNHEARD`."""

    def offer(self, messages: Sequence[Message]) -> bool:
        """Send these at QoS 0, now or never: False where those before have not all gone to the socket."""

    async def publish(self, message: Message) -> None:
        """Return when the broker has acknowledged it. Raises LocalBusDown, and LocalBusRefused of this message."""

    async def lost(self) -> str:
        """Return, with the reason, when the connection is gone."""

    async def close(self) -> None:
        """Say the last word, where there is somebody to hear it, and dispose of the connection; raises nothing."""


class LocalLink(Protocol):
    """A way to one broker."""

    @property
    def address(self) -> str:
        """Where it is."""

    async def connect(self, heard: Mapping[str, Heard], last: Message) -> LocalSession:
        """A connection on which the topics of `heard` are subscribed; its callbacks are called on this loop.

        `last` is published when it ends, by the broker where it breaks. Raises LocalBusDown or LocalBusRefused.
        """
