"""When nothing more is to be sent, because the ignition is off: asked for by a condition, or from outside. Pure.

    AWAKE --asked, or the condition true for `after_ns`--> SENDING --nothing urgent left, or `send_ns` over--> QUIET
      ^------------------------- woken, or the condition no longer true ---------------------------------------'

The last word counts: a signal wakes from a quiet that the condition asked for, until that was false and true again;
and the condition's end wakes from a quiet that a signal asked for.
"""

from dataclasses import dataclass
from enum import Enum

ALL, NOTHING = 9, -1
"""as the greatest priority number that may be sent"""


class PowerState(Enum):
    """What a power manager is told."""

    AWAKE = "awake"
    SENDING = "sending"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class QuietAsked:
    """What the desired properties say of it."""

    condition: int | None = None
    """its number among the configuration's; None: only a signal asks"""
    after_ns: int = 5_000_000_000
    send_ns: int = 20_000_000_000
    last_priority: int = 2
    """batches with a greater number stay on disk"""


class Quiet:
    """`state` as of the last call, and `next_ns`, when `due` is to be called at the latest. Times are of one clock."""

    def __init__(self) -> None:
        self.state = PowerState.AWAKE
        self.by = "start"
        """what led to the state: `start`, `condition`, `signal`, `sent`, `limit` or `end`"""
        self.next_ns: int | None = None
        self._asked = QuietAsked()
        self._is_true = False

    @property
    def last_priority(self) -> int:
        """The greatest priority number that may be sent now."""
        match self.state:
            case PowerState.AWAKE:
                return ALL
            case PowerState.SENDING:
                return self._asked.last_priority
            case PowerState.QUIET:
                return NOTHING

    def follow(self, asked: QuietAsked) -> None:
        """A new document says this; a time that runs already runs on."""
        self._asked = asked

    def hear(self, now_ns: int, *, is_true: bool) -> bool:
        """What the condition is now; only its turns count. Whether this is one."""
        if is_true is self._is_true:
            return False
        self._is_true = is_true
        if not is_true:
            self.wake("condition")
        elif self.state is PowerState.AWAKE:
            self.next_ns = now_ns + self._asked.after_ns
            self.due(now_ns)
        return True

    def ask(self, now_ns: int, by: str = "signal") -> None:
        """Be quiet, whatever the condition is; where that is on its way nothing changes."""
        if self.state is PowerState.AWAKE:
            self._turn(PowerState.SENDING, by)
            self.next_ns = now_ns + self._asked.send_ns
            self.due(now_ns)

    def wake(self, by: str = "signal") -> None:
        """Be awake, whatever the condition is."""
        self.next_ns = None
        if self.state is not PowerState.AWAKE:
            self._turn(PowerState.AWAKE, by)

    def sent(self) -> None:
        """Nothing urgent waits."""
        if self.state is PowerState.SENDING:
            self._fall_quiet("sent")

    def due(self, now_ns: int) -> None:
        """Time has passed."""
        if self.next_ns is None or now_ns < self.next_ns:
            return
        if self.state is PowerState.AWAKE:
            self.ask(now_ns, "condition")
        else:
            self._fall_quiet("limit")

    def _fall_quiet(self, by: str) -> None:
        self._turn(PowerState.QUIET, by)
        self.next_ns = None

    def _turn(self, state: PowerState, by: str) -> None:
        self.state, self.by = state, by
