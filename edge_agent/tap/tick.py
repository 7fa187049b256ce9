"""What goes onto the vehicle's local bus with each tick: what changed, and how long before it was sampled. Pure.

A tick (docs/tap.md) is made where a block of frames ends, so a value waits for nothing else. A value that stays is said
again while it goes on being sampled: a reader who wants its inputs to be no older than a second need not know which of
them are steady and which are dead.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_agent.records import I64, Bool, SignalInfo
from edge_agent.tap.latest import LatestColumns
from edge_agent.twin.fitting import JsonObject

TICK = "tap/v1/tick"
SIGNALS = "tap/v1/signals"
STATUS = "tap/v1/status"
ONE_SIGNAL = "tap/v1/signal/"

FULL_NS = 5_000_000_000
"""from one tick with every known signal to the next"""
ALIVE_NS = 1_000_000_000
"""A tick comes after so long at the latest, though nothing changed."""
REPEAT_NS = 500_000_000
"""A value that was sampled again and is the same is said again after so long."""
DIGITS = 12
"""of a number; more would tell of the rounding in factor and offset"""


@dataclass(frozen=True, slots=True)
class TapAsked:
    """What the desired properties ask of the tap."""

    signals: tuple[str, ...] = ()
    """public names of those in the ticks"""
    topics: tuple[str, ...] = ()
    """of those that have a retained topic of their own"""
    every_ns: int = 100_000_000
    about: Mapping[str, JsonObject] = field(default_factory=dict)
    """of each of both what a reader must know, see `about.py`"""


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """One tick, made and not yet handed over."""

    payload: bytes
    topics: tuple[tuple[str, bytes], ...]
    """topics of single signals that changed, and what they say"""
    full: bool
    uptime_ns: int
    rows: I64
    """which of the tap's signals are in it"""


class Ticks:
    """Decides when there is a tick, and what is in it. What was handed over is told to `went`; nothing else counts."""

    def __init__(self, boot: int) -> None:
        self._boot = boot
        self._every_ns = TapAsked().every_ns
        self._next_ns = self._block_ns = 0
        self._last_ns = -ALIVE_NS
        self._full_ns: int | None = None
        self.seq = 0
        """how many ticks were made or missed"""
        self.follow(TapAsked(), ())

    def follow(self, asked: TapAsked, signals: Sequence[SignalInfo]) -> None:
        """Go on with what a new configuration asks; `signals` are its plan's. Everything is said anew."""
        at = {signal.name: i for i, signal in enumerate(signals)}
        self._names = list(dict.fromkeys([*asked.signals, *asked.topics]))
        self._at = np.array([at[name] for name in self._names], np.int64)
        ticked, own = set(asked.signals), set(asked.topics)
        self._ticked = np.array([name in ticked for name in self._names], np.bool_)
        self._own: Bool = np.array([name in own for name in self._names], np.bool_)
        self._topics = [topic_of(name) for name in self._names]
        self._every_ns = asked.every_ns
        self.begin_anew()

    def begin_anew(self) -> None:
        """Nobody knows anything of what was said: the next tick is a full one, as soon as there is a block."""
        rows = len(self._names)
        self._said = np.zeros(rows, np.float64)
        self._is_said = np.zeros(rows, np.bool_)
        self._sampled_ns = np.zeros(rows, np.int64)
        self._said_ns = np.zeros(rows, np.int64)
        self._full_ns = None
        self._next_ns = 0

    def is_due(self, uptime_ns: int) -> bool:
        """Whether a block that ended then ends a tick; asked once a block.

        The block that ends nearest to a tick's time ends it: where blocks come as often as ticks and one is a little
        early, to wait for the next would leave out every other tick.
        """
        slack_ns = min(uptime_ns - self._block_ns, self._every_ns) // 2
        self._block_ns = uptime_ns
        if uptime_ns < self._next_ns - slack_ns:
            return False
        self._next_ns += self._every_ns
        if self._next_ns <= uptime_ns + slack_ns:
            self._next_ns = uptime_ns + self._every_ns
        return True

    def miss(self) -> None:
        """A tick was due, and there was nobody to hear it."""
        self.seq += 1

    def take(self, latest: LatestColumns, uptime_ns: int, t_ms: int) -> Tick | None:
        """The tick that ends at `uptime_ns`, which is `t_ms` since the Unix epoch; None where there is nothing to say.

        A value that is no number (NaN, an infinity) is not said, as if it had not been sampled.
        """
        full = self._full_ns is None or uptime_ns - self._full_ns >= FULL_NS
        value, sampled_ns = latest.value[self._at], latest.uptime_ns[self._at]
        known = latest.known[self._at] & np.isfinite(value)
        changed = known & (~self._is_said | (value != self._said))
        again = known & (sampled_ns > self._sampled_ns) & (uptime_ns - self._said_ns >= REPEAT_NS)
        rows = np.flatnonzero(known if full else changed | again)
        if not full and not len(rows) and uptime_ns + self._every_ns - self._last_ns <= ALIVE_NS:
            return None
        self.seq += 1
        texts = [number(one) for one in value[rows].tolist()]
        ages_ms = (np.maximum(uptime_ns - sampled_ns[rows], 0) // 1_000_000).tolist()
        ticked = zip(rows.tolist(), texts, ages_ms, strict=True)
        values = {self._names[row]: [one, age_ms] for row, one, age_ms in ticked if self._ticked[row]}
        tick = {"t": t_ms, "seq": self.seq, "boot": self._boot, "full": full, "v": values}
        return Tick(
            as_json(tick),
            tuple(
                (self._topics[row], str(one).encode())
                for row, one in zip(rows.tolist(), texts, strict=True)
                if self._own[row] and changed[row]
            ),
            full,
            uptime_ns,
            rows,
        )

    def went(self, tick: Tick, latest: LatestColumns) -> None:
        """The tick that was taken last, of the same `latest`, was handed over."""
        at = self._at[tick.rows]
        self._said[tick.rows], self._is_said[tick.rows] = latest.value[at], True
        self._sampled_ns[tick.rows], self._said_ns[tick.rows] = latest.uptime_ns[at], tick.uptime_ns
        self._last_ns = tick.uptime_ns
        if tick.full:
            self._full_ns = tick.uptime_ns


def as_json(body: object) -> bytes:
    """As all topics of the tap have it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def number(value: float) -> int | float:
    """A finite value as JSON has it shortest."""
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1 << 53 else rounded


def topic_of(name: str) -> str:
    """A signal's own topic: its name with `/` for dots; what no topic can hold (MQTT 5.0, section 4.7) is `_`."""
    return ONE_SIGNAL + name.translate(_LEVELS)


_LEVELS = str.maketrans({".": "/", "+": "_", "#": "_", "\0": "_"})
