"""The records that travel: one immutable type a leg, units in every name.

    FrameBlock -> SampleBlock -> Batch -> Envelope -> Receipt

Arrays inside a block are never written to after the block was made. Times are integer
nanoseconds; `t_ns` is since the Unix epoch unless a name says otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum, IntFlag
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]
U32 = NDArray[np.uint32]
U16 = NDArray[np.uint16]
U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

EXTENDED_ID = 0x8000_0000
"""Bit 31 of an arbitration id marks a 29-bit id, as in SocketCAN's `can_id` (linux/can.h, CAN_EFF_FLAG)."""

ID_BITS = 0x1FFF_FFFF

CLOCK_STEP_NS = 10_000_000
"""A wall clock that moves this far between two blocks was set; NTP's slewing moves it 25 us in 50 ms (adjtimex(2))."""


def id_text(can_id: int) -> str:
    """Hexadecimal; an `x` follows a 29-bit id, which may have the number of an 11-bit one."""
    return f"{can_id & ID_BITS:x}{'x' if can_id & EXTENDED_ID else ''}"


class FrameFlag(IntFlag):
    """What kind of frame it is; 0 is a classic data frame."""

    REMOTE = 1
    ERROR = 2
    FD = 4


class ClockQuality(Enum):
    """Where the times of a block come from."""

    SYSTEM = "system"
    """The system's clock at reception; whether it was synchronised is not known."""
    UNSYNCED = "unsynced"
    """The system's clock before the first time sync of this start: only differences of times mean something."""
    SYNCED = "synced"
    """The system's clock, which the kernel says is synchronised, or which was set since the start."""
    RECORDED = "recorded"
    """A log file's own times."""


@dataclass(frozen=True, slots=True)
class BusCounts:
    """What became of one bus's frames; `seen` = decoded + unknown + wrong_length + remote + error."""

    seen: int = 0
    decoded: int = 0
    unknown: int = 0
    """No message of the bus's databases has this arbitration id."""
    wrong_length: int = 0
    """Shorter than its message: not decoded."""
    dropped: int = 0
    """Lost before decoding (by the kernel, or because this process could not keep up); not part of `seen`."""
    remote: int = 0
    """Remote frames: they ask for data and hold none."""
    error: int = 0
    """Error frames: the controller's word on the bus, not a frame of it."""
    incomplete: int = 0
    """Messages in several packets of which not all came; not a part of `seen`, which counts frames."""
    out_of_range: int = 0
    """Samples below or above what the database says of their signal; they are kept."""
    missed: int = 0
    """Frames that did not come although the database says how often their message is sent."""

    def __add__(self, other: "BusCounts") -> "BusCounts":
        return BusCounts(
            self.seen + other.seen,
            self.decoded + other.decoded,
            self.unknown + other.unknown,
            self.wrong_length + other.wrong_length,
            self.dropped + other.dropped,
            self.remote + other.remote,
            self.error + other.error,
            self.incomplete + other.incomplete,
            self.out_of_range + other.out_of_range,
            self.missed + other.missed,
        )


class BusState(Enum):
    """A CAN controller's state of error confinement (ISO 11898-1)."""

    ACTIVE = "error_active"
    WARNING = "error_warning"
    PASSIVE = "error_passive"
    OFF = "bus_off"


@dataclass(frozen=True, slots=True)
class BusHealth:
    """How one bus is now, as far as it is known; the names are the first few, for a person to begin with."""

    state: BusState | None = None
    """None where nothing ever said"""
    load_percent: float | None = None
    """of the bit rate over the last whole minute, at the end over what came since; None where it is not known"""
    unknown_ids: tuple[int, ...] = ()
    """arbitration ids no database has, `EXTENDED_ID` set for a 29-bit one, in the order they were met"""
    missed_messages: tuple[str, ...] = ()
    out_of_range_signals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """n frames as they were on the buses, by time unless something else is said; arrays as in FrameBlock."""

    t_ns: I64
    bus: U8
    can_id: U32
    flags: U8
    length: U16
    data: U8

    def __len__(self) -> int:
        return len(self.t_ns)

    def take(self, at: I64) -> "Frames":
        """Those at these positions, in this order."""
        return Frames(
            self.t_ns.take(at),
            self.bus.take(at),
            self.can_id.take(at),
            self.flags.take(at),
            self.length.take(at),
            self.data.take(at, axis=0),
        )

    def part(self, begin: int, end: int) -> "Frames":
        """Those from `begin` to before `end`; views."""
        here = slice(begin, end)
        return Frames(
            self.t_ns[here], self.bus[here], self.can_id[here], self.flags[here], self.length[here], self.data[here]
        )

    def moved(self, delta_ns: int) -> "Frames":
        """The same at other times."""
        return replace(self, t_ns=self.t_ns + delta_ns)

    @staticmethod
    def joined(parts: Sequence["Frames"], width: int) -> "Frames":
        """All frames in the order of their parts, of which none is wider than `width`; padded to it."""
        if len(parts) == 1 and parts[0].data.shape[1] == width:  # the usual case: a third of the cost of one block
            return parts[0]
        return Frames(
            t_ns=np.concatenate([np.empty(0, np.int64), *(part.t_ns for part in parts)]),
            bus=np.concatenate([np.empty(0, np.uint8), *(part.bus for part in parts)]),
            can_id=np.concatenate([np.empty(0, np.uint32), *(part.can_id for part in parts)]),
            flags=np.concatenate([np.empty(0, np.uint8), *(part.flags for part in parts)]),
            length=np.concatenate([np.empty(0, np.uint16), *(part.length for part in parts)]),
            data=np.concatenate([np.empty((0, width), np.uint8), *(_widened(part.data, width) for part in parts)]),
        )


def _widened(data: U8, width: int) -> U8:
    missing = width - data.shape[1]
    return np.pad(data, ((0, 0), (0, missing))) if missing else data


@dataclass(frozen=True, slots=True, eq=False)
class FrameBlock:
    """The frames of one tick over all buses, merged by time; n may be 0 on a quiet bus.

    `data` is zero beyond each frame's length. `until_ns` is the time up to which every bus has been read:
    behind the newest frame by as much as another may be late.
    """

    t_ns: I64
    """[n] capture time, not decreasing within a block"""
    bus: U8
    """[n] index into the configured buses"""
    can_id: U32
    """[n] arbitration id, `EXTENDED_ID` set for a 29-bit one"""
    flags: U8
    """[n] `FrameFlag`"""
    length: U16
    """[n] bytes in `data` that count"""
    data: U8
    """[n, 8] or, with CAN FD, [n, 64], or as long as a message of several packets; a multiple of 8, C-contiguous"""
    dropped: tuple[int, ...]
    """[buses] frames lost before this block since the block before it"""
    until_ns: int
    uptime_ns: int
    """monotonic time since the agent's start, when the block was closed"""
    clock: ClockQuality
    epoch_ns: int = 0
    """wall time of uptime 0 by which the block's times are told; 0 in a recording, whose times are its own"""

    def __len__(self) -> int:
        return len(self.t_ns)


@dataclass(frozen=True, slots=True, eq=False)
class SampleBlock:
    """The wanted signals of one FrameBlock, in time order; same tick, same counters."""

    t_ns: I64
    """[m]"""
    signal: U32
    """[m] index into `Config.plan.signals`"""
    raw: I64
    """[m] the raw integer; an unsigned 64-bit one as its two's complement; a float signal's float64 bits"""
    value: F64
    """[m] raw * factor + offset"""
    counts: tuple[BusCounts, ...]
    """[buses] of this block alone"""
    until_ns: int
    uptime_ns: int
    clock: ClockQuality
    epoch_ns: int = 0
    """as in FrameBlock"""
    health: tuple[BusHealth, ...] = ()
    """[buses] as of this block; () where nobody watches"""

    def __len__(self) -> int:
        return len(self.t_ns)


class RawKind(Enum):
    """How `raw` is to be read."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    FLOAT = "float"


@dataclass(frozen=True, slots=True)
class SignalInfo:
    """What a reader of a sample must know of its signal."""

    name: str
    """public name: `Message.Signal`, or `bus.Message.Signal` where two buses share it"""
    unit: str
    factor: float
    offset: float
    kind: RawKind
    bits: int
    """length on the bus, 1..64"""


class Lane(Enum):
    """How a batch is encoded and routed in the cloud."""

    HOT = "hot"
    WARM = "warm"


class Upload(Enum):
    """Over which links a batch may go."""

    ANY = "any"
    UNMETERED = "unmetered"
    """only over one that is known to cost nothing a byte: a garage's Wi-Fi, a cable"""


class Purpose(IntFlag):
    """What the driver is asked to consent to, each for itself; a bit of each is in the names of the spool's files."""

    CALENDAR = 1
    TRIPS = 2
    LOCATION = 4
    CLOUD_TELEMETRY = 8


@dataclass(frozen=True, slots=True)
class Retention:
    """What may become of a batch that cannot be delivered."""

    powered_s: int = 0
    """it is given up after this long of powered-on time; 0 is never"""
    wall_s: int = 0
    """and this long after it was closed, where the wall clock can be trusted; 0 is never"""
    thin: int = 1
    """before batches are deleted for room every `thin`-th stays, once; 1 is all: then nothing is thinned"""


class CloseReason(Enum):
    """Why a batch was sealed."""

    AGE = "age"
    BYTES = "bytes"
    EVENT = "event"
    """The window of an event ended, or a snapshot was taken."""
    CONFIG_CHANGED = "config_changed"
    CLOCK_SET = "clock_set"
    FLUSHED = "flushed"
    QUIET = "quiet"
    """The agent falls quiet: what is open goes to the disk."""
    STOPPED = "stopped"


class TimeUnit(IntEnum):
    """The unit of the times in a payload; its value is in nanoseconds. Finer digits are cut off."""

    NS = 1
    US = 1_000
    MS = 1_000_000


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What a batch says about the rule that made it."""

    name: str
    kind: str
    priority: int
    """0 (first) .. 9 (last, and first to be evicted)"""
    lane: Lane
    purpose: str
    time_unit: TimeUnit
    upload: Upload = Upload.ANY
    retention: Retention = Retention()
    purposes: Purpose | None = None
    """to which its batches need consent, maybe none; None where nobody is there to ask (`head_unit/consent.py`)"""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The kept samples, or one aggregate, of one signal, in time order, never empty."""

    signal: SignalInfo
    """of the numbers in this column: a mean is a float without factor and offset, a count has no unit"""
    aggregate: str
    """`last first min max mean count` (policy/rules.py); a sample as it was on the bus is a `last`"""
    t_ns: I64
    raw: I64
    max_error: float | None = None
    """straight lines between these samples stay this close to every sample there was; None where nothing is promised"""


@dataclass(frozen=True, slots=True)
class Trip:
    """The summary of a trip, as the cabin made it."""

    id: str
    fields: tuple[tuple[str, str | float | bool | None], ...]
    """name and value; floats are finite"""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Samples one rule kept, sealed: `seq` is given once and never again within a boot."""

    seq: int
    """counts every batch of a boot across rules, priorities and lanes, from 0"""
    rule: RuleInfo
    opened_ns: int
    """time of the first sample"""
    closed_ns: int
    """time of the last sample"""
    why: CloseReason
    config_version: int
    columns: tuple[Column, ...]
    counts: tuple[tuple[str, BusCounts], ...]
    """(bus name, counters since the start of this boot) when the batch was sealed"""
    clock: ClockQuality
    uptime_ns: int
    epoch_ns: int = 0
    """as in FrameBlock: a batch whose clock was not synchronised is put right with the `epoch_ns` of a later one"""
    health: tuple[BusHealth, ...] = ()
    """[buses] when the batch was sealed"""
    fired_ns: tuple[int, ...] = ()
    """when its rule fired, where that is what made the batch: the events whose windows it holds, or the snapshot"""
    frames: Frames | None = None
    """of a capture, which has these instead of columns"""
    trip: Trip | None = None
    """of a trip, which has this instead"""

    @property
    def kept(self) -> int:
        """Samples in the batch."""
        return sum(len(column.t_ns) for column in self.columns)


class EnvelopeKey(NamedTuple):
    """Names one batch of one vehicle for ever; the cloud dedupes on it.

    A tuple, since a delivery asks for its hash some seventy times.
    """

    boot: int
    """counts the agent's starts on this vehicle, over power cuts too; only grows"""
    seq: int


@dataclass(frozen=True, slots=True)
class LostRange:
    """Batches that will not arrive, told to the cloud in the header of a later batch."""

    boot: int
    first_seq: int
    last_seq: int
    why: str
    """`cap` (evicted at the byte cap, or at the floor of free space), `thinned` (likewise, others of its kind stayed),
    `expired`, `damaged` (unreadable on disk), `memory` (the disk took nothing and memory was full), `refused` (set
    aside by the uplink), `no_key` (encrypted with a key that is gone), `dropped` (somebody gave it up by hand) or
    `consent` (wiped, for the driver withdrew it)"""
    exact: bool = True
    """False where so much was lost that ranges near each other were made one: batches between them may arrive"""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed, encoded batch: below the spool's codec nothing looks inside `payload`."""

    key: EnvelopeKey
    priority: int
    lane: Lane
    rule: str
    schema: str
    """name of the payload's schema: `columns/1`, `rows/1`, `candump/1` or `trip/1`"""
    content_type: str
    content_encoding: str
    payload: bytes
    tells: tuple[LostRange, ...] = ()
    """the ranges that `payload` names, for the spool that takes it; not kept with it, so empty in what a spool gives"""
    upload: Upload = Upload.ANY
    retention: Retention = Retention()
    """for the spool that takes it, likewise not in what it gives"""
    closed_ns: int = 0
    """wall time of the batch's last sample; 0 where that clock cannot be trusted; likewise"""
    purposes: Purpose | None = None
    """as in RuleInfo; a spool gives it too"""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of envelopes that a spool was given."""

    owed: tuple[LostRange, ...]
    """every lost range that no batch in the spool tells yet"""
    kept: tuple[EnvelopeKey, ...]
    """those that are on disk for good; all others are lost and owed, or `waiting`"""
    waiting: tuple[EnvelopeKey, ...] = ()
    """those that only memory holds until the disk takes them"""


class Part(Enum):
    """Which envelopes, by how long they have waited."""

    LIVE = "live"
    """kept in this boot, within the last `LIVE_S`"""
    BACKLOG = "backlog"
    """everything older"""


LIVE_S = 60
"""Powered-on seconds for which a kept batch is live."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Which envelopes may be leased now."""

    parts: frozenset[Part] = frozenset(Part)
    """live ones go first where both are asked for"""
    last_priority: int = 9
    """those with a greater number wait"""
    unmetered: bool = True
    """whether those that wait for an unmetered link may go too"""


ANYTHING = Terms()


@dataclass(frozen=True, slots=True)
class Acked:
    """The far end has it: the spool may forget it."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not delivered; offer it again."""

    cause: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Will never be taken as it is: set aside, and tell."""

    cause: str


Receipt = Acked | Deferred | Refused


@dataclass(frozen=True, slots=True)
class BootInfo:
    """What the spool knows when it opens: this boot's number and where the one before ended."""

    boot: int
    previous_boot: int | None
    previous_last_seq: int | None
    """highest sequence the boot before committed; None where it committed nothing or there was none"""


@dataclass(frozen=True, slots=True)
class MethodAnswer:
    """Answer of a direct method: HTTP-like status and a JSON text."""

    status: int
    payload: str
