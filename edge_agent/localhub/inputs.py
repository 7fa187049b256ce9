"""Messages on their way to one module's inputs: kept until the module has acknowledged them, or they are too old. Pure.

As edgeHub does: at most 10 on the way at once (Azure/iotedge, appsettings_hub.json), sent again after a lost
connection, given up after storeAndForwardConfiguration's timeToLiveSecs (7200 in its templates). Unlike edgeHub the
queue does not outlive the hub's process.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ON_THE_WAY: Final = 10
TIME_TO_LIVE_S: Final = 7200.0
LONGEST_QUEUE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Message:
    """What is published to the module."""

    topic: str
    payload: bytes
    came_s: float


class Inputs:
    """One module's queue, oldest first. `lost` counts those given up."""

    def __init__(self) -> None:
        self.lost = 0
        self._waiting: deque[Message] = deque()
        self._sent: dict[int, Message] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sent)

    def add(self, message: Message) -> None:
        """One more; the oldest goes where there is no room."""
        self._waiting.append(message)
        if len(self._waiting) > LONGEST_QUEUE:
            self._waiting.popleft()
            self.lost += 1

    def send(self, deliver: Callable[[str, bytes], int | None], now_s: float) -> None:
        """Publish what may be on its way; `deliver` gives the packet's id, or None where nobody listens."""
        while self._waiting and self._waiting[0].came_s + TIME_TO_LIVE_S < now_s:
            self._waiting.popleft()
            self.lost += 1
        while self._waiting and len(self._sent) < ON_THE_WAY:
            message = self._waiting[0]
            if (packet_id := deliver(message.topic, message.payload)) is None:
                return
            self._sent[packet_id] = self._waiting.popleft()

    def acknowledged(self, packet_id: int) -> None:
        """The module has it; an id of anything else is passed over."""
        self._sent.pop(packet_id, None)

    def connection_lost(self) -> None:
        """What was not acknowledged is to be sent again, first."""
        self._waiting.extendleft(reversed(self._sent.values()))
        self._sent.clear()
