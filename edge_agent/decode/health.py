"""How healthy each bus is, found beside decoding: what is unknown, missed, out of range, and how busy it is. Pure.

Frames and samples are kept back and surveyed together for a second of the stream, which costs a third of a look at each
block, and is told that much later. Only error frames are judged with their block.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np

from edge_agent.decode.bus_load import BitRates, BusLoad
from edge_agent.decode.bus_state import BusStates
from edge_agent.decode.cycles import Cycles
from edge_agent.decode.decoder import Found
from edge_agent.decode.minutes import Minutes
from edge_agent.decode.plan import DecodePlan
from edge_agent.records import F64, I64, U8, U16, U32, Bool, BusCounts, BusHealth, FrameBlock, FrameFlag, SampleBlock

T = TypeVar("T")

FIRST_FEW = 8
"""names and ids kept of each bus"""
SURVEY_NS = 1_000_000_000
SURVEY_FRAMES = 4_096
SURVEY_SAMPLES = 8_192
"""What waits is surveyed after so much of the stream's time, or so much of it: in parts that stay in the cache."""

_NO_DATA = np.uint8(FrameFlag.REMOTE | FrameFlag.ERROR)
_BUS_SHIFT = np.uint64(32)


class BusLine(NamedTuple):
    """What is known of a bus before its first frame."""

    name: str
    rates: BitRates = BitRates()
    socketcan_errors: bool = True
    """whether its error frames are SocketCAN's, so that they say what state the controller is in"""


class _Heard(NamedTuple):
    """n frames of several blocks."""

    t_ns: I64
    bus: U8
    can_id: U32
    flags: U8
    length: U16
    message: I64
    known: Bool


class Health:
    """Watches one stream of blocks, decoded by one plan at a time."""

    def __init__(self, lines: Sequence[BusLine], plan: DecodePlan) -> None:
        buses = len(lines)
        self._load = BusLoad([line.rates for line in lines])
        self._states = BusStates([line.socketcan_errors for line in lines])
        self._minutes = Minutes()
        self._load_percent: tuple[float | None, ...] = (None,) * buses
        self._unknown_ids: list[list[int]] = [[] for _ in lines]
        self._missed_messages: list[list[str]] = [[] for _ in lines]
        self._out_of_range_signals: list[list[str]] = [[] for _ in lines]
        self._waiting: list[tuple[FrameBlock, Found]] = []  # bounded by SURVEY_FRAMES and SURVEY_NS
        self._samples_waiting: list[tuple[U32, F64]] = []  # (signal, value), bounded by SURVEY_SAMPLES
        self._count_waiting = 0
        self._frames_waiting = self._unknown_waiting = 0
        self._surveyed_ns: int | None = None
        self._missed = [0] * buses
        self._out_of_range = [0] * buses
        """what was found and is not told yet"""
        self._last: SampleBlock | None = None
        self._now = (BusHealth(),) * buses
        self._begin(plan)

    def follow(self, plan: DecodePlan) -> None:
        """Go on with another plan of the same databases; which messages come may have changed with it."""
        self._survey()
        self._begin(plan)

    def feed(self, block: FrameBlock, found: Found, samples: SampleBlock) -> SampleBlock:
        """`samples` with what is known of each bus; `found` and `samples` are the block's."""
        if any(block.dropped):
            self._survey()
            for cycles, dropped in zip(self._cycles, block.dropped, strict=True):
                if dropped:
                    cycles.forget()
        self._waiting.append((block, found))
        self._frames_waiting += len(block)
        if self._has_bounds and len(samples):
            self._samples_waiting.append((samples.signal, samples.value))
            self._count_waiting += len(samples)
            if self._count_waiting >= SURVEY_SAMPLES:
                self._survey_samples()
        errors = 0
        for counts in samples.counts:
            errors += counts.error
            self._unknown_waiting += counts.unknown
        if errors or self._states.any_off:
            self._states.feed(block)
            self._now = self._as_of_now()
        seconds = self._minutes.reach(block.until_ns)
        if self._survey_is_due(block.until_ns) or seconds is not None:
            self._survey()
            if seconds is not None:
                percent = self._load.percent(seconds)
                self._load_percent = percent if seconds else self._load_percent
            self._now = self._as_of_now()
        self._last = told = self._told(samples)
        return told

    def rest(self) -> SampleBlock | None:
        """What is still to be told when the stream ends, as a block without samples; None where there was no block."""
        if self._last is None:
            return None
        self._survey()
        self._now = self._as_of_now()
        last = self._last
        return self._told(
            replace(
                last,
                t_ns=last.t_ns[:0],
                signal=last.signal[:0],
                raw=last.raw[:0],
                value=last.value[:0],
                counts=(BusCounts(),) * len(last.counts),
            )
        )

    def _begin(self, plan: DecodePlan) -> None:
        self._plan = plan
        self._cycles = [Cycles(plan.expected) for _ in self._now]
        self._has_bounds = plan.expected.any_high or plan.expected.any_low
        self._signal_named = np.zeros(len(plan.expected.bus), np.bool_)

    def _told(self, samples: SampleBlock) -> SampleBlock:
        counts = samples.counts
        if any(self._missed) or any(self._out_of_range):
            counts = tuple(
                replace(one, missed=missed, out_of_range=out_of_range)
                for one, missed, out_of_range in zip(counts, self._missed, self._out_of_range, strict=True)
            )
            self._missed, self._out_of_range = [0] * len(counts), [0] * len(counts)
        return SampleBlock(  # `replace` takes 2 us more, a twentieth of what a small block costs to decode
            t_ns=samples.t_ns,
            signal=samples.signal,
            raw=samples.raw,
            value=samples.value,
            counts=counts,
            until_ns=samples.until_ns,
            uptime_ns=samples.uptime_ns,
            clock=samples.clock,
            epoch_ns=samples.epoch_ns,
            health=self._now,
        )

    def _survey_is_due(self, until_ns: int) -> bool:
        if self._surveyed_ns is None:
            self._surveyed_ns = until_ns
        waited_ns = until_ns - self._surveyed_ns
        if 0 <= waited_ns < SURVEY_NS and self._frames_waiting < SURVEY_FRAMES:
            return False
        self._surveyed_ns = until_ns
        return True

    def _survey(self) -> None:
        """Look at all that waits."""
        self._survey_samples()
        waiting, self._waiting = self._waiting, []
        unknown, self._unknown_waiting = self._unknown_waiting, 0
        frames, self._frames_waiting = self._frames_waiting, 0
        if not frames:
            return
        heard = _heard(waiting)
        if self._load.watches:
            self._load.add(heard.bus, heard.can_id, heard.flags, heard.length)
        if unknown and any(len(ids) < FIRST_FEW for ids in self._unknown_ids):
            self._meet_unknown(heard)
        if self._plan.expected.any_cycle:
            self._meet_missed(heard)

    def _survey_samples(self) -> None:
        if self._samples_waiting:
            signals, values = zip(*self._samples_waiting, strict=True)
            self._samples_waiting, self._count_waiting = [], 0
            self._meet_out_of_range(np.concatenate(signals).astype(np.intp), np.concatenate(values))

    def _meet_unknown(self, heard: _Heard) -> None:
        strange = ~heard.known & (heard.flags & _NO_DATA == 0)
        bus, can_id = heard.bus[strange], heard.can_id[strange]
        for number, ids in enumerate(self._unknown_ids):
            if len(ids) < FIRST_FEW:
                _keep_first(ids, dict.fromkeys(can_id[bus == number].tolist()))

    def _meet_missed(self, heard: _Heard) -> None:
        own = heard.known & self._by_its_own_id(heard)
        for number, cycles in enumerate(self._cycles):
            t_ns, message, counts = heard.t_ns, heard.message, own
            if len(self._cycles) > 1:
                mine = np.flatnonzero(heard.bus == number)
                t_ns, message, counts = t_ns.take(mine), message.take(mine), counts.take(mine)
            missed = cycles.feed(t_ns, message, counts)
            self._missed[number] += missed.count
            names = self._plan.expected.messages
            _keep_first(self._missed_messages[number], (names[message] for message in missed.messages))

    def _meet_out_of_range(self, signal: I64, value: F64) -> None:
        expected = self._plan.expected
        outside = value > expected.high.take(signal)
        if expected.any_low:
            outside |= value < expected.low.take(signal)
        if not np.count_nonzero(outside):
            return
        signal = signal[outside]
        for bus, count in enumerate(np.bincount(expected.bus.take(signal)).tolist()):
            self._out_of_range[bus] += count
        unnamed = signal[~self._signal_named.take(signal)]
        self._signal_named[unnamed] = True
        for index in dict.fromkeys(unnamed.tolist()):
            _keep_first(self._out_of_range_signals[expected.bus[index]], [expected.signals[index]])

    def _by_its_own_id(self, heard: _Heard) -> Bool:
        """Where it was not found as a J1939 group: that comes from several sources, each with a cycle of its own."""
        if len(self._plan.groups) == 1:
            return heard.known
        key = heard.can_id.astype(np.uint64)
        if self._plan.buses > 1:
            key |= heard.bus.astype(np.uint64) << _BUS_SHIFT
        own: Bool = self._plan.keys.take(heard.message) == key
        return own

    def _as_of_now(self) -> tuple[BusHealth, ...]:
        return tuple(
            BusHealth(state, load_percent, tuple(unknown_ids), tuple(missed), tuple(out_of_range))
            for state, load_percent, unknown_ids, missed, out_of_range in zip(
                self._states.now,
                self._load_percent,
                self._unknown_ids,
                self._missed_messages,
                self._out_of_range_signals,
                strict=True,
            )
        )


def _heard(waiting: Sequence[tuple[FrameBlock, Found]]) -> _Heard:
    blocks = [block for block, _ in waiting]
    return _Heard(
        np.concatenate([block.t_ns for block in blocks]),
        np.concatenate([block.bus for block in blocks]),
        np.concatenate([block.can_id for block in blocks]),
        np.concatenate([block.flags for block in blocks]),
        np.concatenate([block.length for block in blocks]),
        np.concatenate([found.message for _, found in waiting]),
        np.concatenate([found.known for _, found in waiting]),
    )


def _keep_first(kept: list[T], more: Iterable[T]) -> None:
    """Those that are new, as long as there is room."""
    for one in more:
        if len(kept) < FIRST_FEW and one not in kept:
            kept.append(one)
