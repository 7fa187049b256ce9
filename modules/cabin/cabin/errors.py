"""Every way to fail, and what follows: Transient (retry), Rejected (this item), Fatal (leave, be restarted)."""


class CabinError(Exception):
    """Root of all errors this package raises on purpose; `hint` says what to do."""

    hint = ""

    def sentence(self) -> str:
        """The message and, where there is one, what to do about it."""
        return f"{self}. {self.hint}" if self.hint else str(self)


class Transient(CabinError):  # noqa: N818  the three names are verdicts, not error names
    """The world failed; trying again later can succeed."""


class Rejected(CabinError):  # noqa: N818
    """This item can never be used as it is; the rest can."""


class Fatal(CabinError):  # noqa: N818
    """The process cannot do its work; a restart or an operator must help."""


class BrokerUnreachable(Transient):
    """The vehicle's broker did not answer, refused or dropped the connection."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the vehicle's broker cannot be reached: {reason}")


class HubUnreachable(Transient):
    """The edge hub did not answer in time, refused or dropped the connection."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the hub cannot be reached: {reason}")


class CallFailed(Transient):
    """The phone did not make the call."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the call was not made: {reason}")


class DiskRefused(Transient):
    """The disk is full, read-only or failing."""

    hint = "Free space on it, or see whether it is mounted read-only"

    def __init__(self, part: str, reason: str) -> None:
        self.part, self.reason = part, reason
        super().__init__(f"the disk refuses what the {part} keep: {reason}")


class MessageRejected(Rejected):
    """A message of the broker, the twin or the page is not what it must be."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(f"{place}: {reason}")


class HubWedged(Fatal):
    """Calls of the hub's SDK that never return hold threads, and more of them would follow."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        super().__init__(f"{calls} calls of the hub's SDK never returned")


class BadSettings(Fatal):
    """The environment is wrong."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the settings are wrong: {reason}")
