"""Every way to fail, and what follows from it: the class is the policy.

    Transient   the world failed: retry here, with back-off
    Rejected    this item is bad: count it, tell it, go on with the rest
    Fatal       we or the deployment are wrong: leave, IoT Edge restarts the module

Each class keeps its fields and renders its own sentence; `hint` says what the operator can do.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class EdgeAgentError(Exception):
    """Root of all errors this package raises on purpose."""

    hint: str = ""

    def sentence(self) -> str:
        """The message and, where there is one, what to do about it."""
        return f"{self}. {self.hint}" if self.hint else str(self)


class Transient(EdgeAgentError):  # noqa: N818  the three names are verdicts, not error names
    """The world failed; trying again later can succeed."""


class Rejected(EdgeAgentError):  # noqa: N818
    """This item can never be used as it is; the rest can."""


class Fatal(EdgeAgentError):  # noqa: N818
    """The process cannot do its work; a restart or an operator must help."""


class BusDown(Transient):
    """A bus cannot be opened, read or written; `act` says which."""

    hint = "Check the interface with `ip -details link show` and the bus's settings"

    def __init__(self, bus: str, reason: str, *, act: str = "read", hint: str = hint) -> None:
        self.bus, self.reason, self.hint = bus, reason, hint
        super().__init__(f"bus {bus!r} cannot be {act}: {reason}")


class HubUnreachable(Transient):
    """The hub did not answer in time, refused the connection or dropped it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the hub cannot be reached: {reason}")


class CredentialsRefused(HubUnreachable):
    """The hub knows us not, or our key is wrong; retried only slowly."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.hint = "Check the module's identity and key at the hub"


class NotTaken(HubUnreachable):
    """The hub answered that it does not take a message now (a quota, a lack of room); the message is not to blame."""


class LocalBusDown(Transient):
    """The vehicle's local broker did not answer in time, or the connection to it is gone."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the local bus is down: {reason}")


class DiskBusy(Transient):
    """A write to the spool failed in a way that may pass (full, read-only, an I/O error)."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} cannot be written: {reason}")


class KeyUnavailable(Transient):
    """The key that payloads are encrypted with on disk is not here yet."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the spool's key is not here: {reason}")


class WorkloadRefused(Rejected):
    """IoT Edge's workload API answered, and it was no; `status` is HTTP's, 0 where the answer was none of its own."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(f"the workload API answered {status}: {reason}")


class DatabaseRefused(Rejected):
    """A database file (DBC, KCD, SYM, ARXML) cannot be used."""

    def __init__(self, path: str, reason: str, line: int | None = None) -> None:
        self.path, self.reason, self.line = path, reason, line
        super().__init__(f"{path}{f':{line}' if line is not None else ''}: {reason}")


class MappingRefused(Rejected):
    """A file of VSS names cannot be used; signals keep the names of their databases."""

    def __init__(self, path: str, reason: str, line: int | None = None) -> None:
        self.path, self.reason, self.line = path, reason, line
        super().__init__(f"{path}{f':{line}' if line is not None else ''}: {reason}")


class ConsentRefused(Rejected):
    """A message about the driver's consent cannot be read; what was decided before stands."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(f"{place}: {reason}" if place else reason)


class TripRefused(Rejected):
    """A trip's summary cannot be sent."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class FileRefused(Rejected):
    """A file or folder that somebody named for a command cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class LogRefused(Rejected):
    """A log file cannot be read, or not beyond a point."""

    def __init__(self, path: str, reason: str, frames_read: int = 0) -> None:
        self.path, self.reason, self.frames_read = path, reason, frames_read
        after = f" (after {frames_read} frames)" if frames_read else ""
        super().__init__(f"{path}: {reason}{after}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a document, with its place."""

    loc: str
    """dotted path, e.g. `rules.idle.every_ms`"""
    message: str

    def __str__(self) -> str:
        return f"{self.loc}: {self.message}" if self.loc else self.message


class JsonRefused(Rejected):
    """A text that somebody wrote is not the JSON it should be; `at` is line and column from 1, where they are known."""

    def __init__(self, reason: str, at: tuple[int, int] | None = None) -> None:
        self.reason, self.line = reason, at[0] if at else None
        self.place = f"line {at[0]} column {at[1]}" if at else ""
        super().__init__(f"{reason} at {self.place}" if at else reason)


class DocumentRefused(Rejected):
    """A twin document was judged as a whole and refused; the old one goes on."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


class ConditionRefused(Rejected):
    """A condition cannot be read; `column` counts the characters of its text from 1."""

    def __init__(self, column: int, reason: str) -> None:
        self.column, self.reason = column, reason
        super().__init__(f"column {column}: {reason}")


class SignalUnknown(ConditionRefused):
    """A condition names a signal that no database has."""


class MethodRefused(Rejected):
    """A direct method cannot be answered as it was called, or not now; `status` is HTTP's, 400 to 504."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(reason)


class LocalBusRefused(Rejected):
    """The vehicle's local broker does not let the agent do that: its users and its access list decide."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the local bus refuses: {reason}")


class EnvelopeRefused(Rejected):
    """The far end, or its size limit, will never take this envelope."""

    def __init__(self, boot: int, seq: int, reason: str) -> None:
        self.boot, self.seq, self.reason = boot, seq, reason
        super().__init__(f"batch {boot}/{seq}: {reason}")


class PayloadRefused(Rejected):
    """A payload does not follow its schema."""

    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason
        super().__init__(f"{place}: {reason}")


class BadSettings(Fatal):
    """The process environment is wrong."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


class SpoolUnusable(Fatal):
    """The spool's folder cannot be used at all."""

    def __init__(self, path: str, reason: str, hint: str = "") -> None:
        self.path, self.reason, self.hint = path, reason, hint
        super().__init__(f"the spool in {path} cannot be used: {reason}")


class UplinkWedged(Fatal):
    """Too many clients of the uplink could not be ended; only a new process helps. The tap's: its bus is down."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(f"{count} connections to the hub could not be closed; leaving so that IoT Edge restarts us")


class PacketRefused(Rejected):
    """What came over the local hub's wire is not MQTT 3.1.1, or not within an IoT hub's limits."""


class LocalHubAbsent(Transient):
    """No local hub runs on a folder."""

    def __init__(self, folder: str, reason: str) -> None:
        self.folder, self.reason = folder, reason
        self.hint = "Start one on it first"
        super().__init__(f"no local hub runs on {folder}: {reason}")


class LocalHubNotStarted(Transient):
    """A local hub that was to be started does not run."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the local hub cannot start: {reason}")


class LocalHubRefused(Rejected):
    """The local hub did not do what it was asked; `status` is HTTP's (400, 404, 504)."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(f"the local hub answered {status}: {reason}")
