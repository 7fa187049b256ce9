"""How healthy each bus is, found beside decoding: what is unknown, missed, out of range, and how busy it is. Pure.

Frames are kept back and surveyed together for some seconds of the stream: block by block it would take four times the
work. So what is found is told that much later, and at the end of a minute. Only error frames are judged at once.

Measured on two shared x86 cores, beside decoding all signals of a recorded Ford and of the demonstration vehicle: 20 us
a block of 100 frames, beside 45, and 50 to 70 a block of 740, beside 90 to 130; at a block each 50 ms 0.1 % of a core.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from edge_agent.decode.bus_load import BitRates, BusLoad
from edge_agent.decode.bus_state import BusStates
from edge_agent.decode.cycles import Cycles
from edge_agent.decode.decoder import Found
from edge_agent.decode.first_few import FirstFew
from edge_agent.decode.minutes import Minutes, stream_ns
from edge_agent.decode.plan import DecodePlan
from edge_agent.decode.ranges import Ranges
from edge_agent.records import I64, U8, U32, Bool, BusCounts, BusHealth, FrameBlock, FrameFlag, SampleBlock

SURVEY_NS = 5_000_000_000
SURVEY_FRAMES = 12_288
"""Frames are surveyed after so much of the stream's time, or so many: beyond 128 KB each array costs page faults."""
SHORTEST_S = 1.0
"""At the end of a stream the load of less than this would say more of its last tick than of the bus."""

_NO_DATA = np.uint8(FrameFlag.REMOTE | FrameFlag.ERROR)
_BUS_SHIFT = np.uint64(32)


class BusLine(NamedTuple):
    """What is known of a bus before its first frame."""

    name: str
    rates: BitRates = BitRates()
    socketcan_errors: bool = True
    """whether its error frames are SocketCAN's, so that they say what state the controller is in"""
    only_wanted: bool = False
    """whether only messages of which something is wanted are let through"""


class Health:
    """Watches one stream of blocks, decoded by one plan at a time."""

    def __init__(self, lines: Sequence[BusLine], plan: DecodePlan) -> None:
        self._lines = tuple(lines)
        self._load = BusLoad([line.rates for line in lines])
        self._states = BusStates([line.socketcan_errors for line in lines])
        self._minutes = Minutes()
        self._load_percent: tuple[float | None, ...] = (None,) * len(lines)
        self._unknown_ids = [FirstFew[int]() for _ in lines]
        self._missed_messages = [FirstFew[str]() for _ in lines]
        self._out_of_range_signals = [FirstFew[str]() for _ in lines]
        self._missed = [0] * len(lines)
        """by bus, how many frames were and are not told yet"""
        self._waiting: list[tuple[FrameBlock, Found]] = []  # bounded by SURVEY_FRAMES and SURVEY_NS
        self._frames_waiting = self._unknown_waiting = 0
        self._surveyed_ns: int | None = None
        self._last: SampleBlock | None = None
        self._now = (BusHealth(),) * len(lines)
        self._cycles = [_cycles(line, plan) for line in lines]
        self._begin(plan)

    def follow(self, plan: DecodePlan) -> None:
        """Go on with another plan of the same databases; on a bus that is `only_wanted` other messages come with it."""
        self._survey()
        outside = self._ranges.outside
        self._begin(plan)
        self._ranges.outside = outside
        for bus, line in enumerate(self._lines):
            if line.only_wanted:
                self._cycles[bus] = _cycles(line, plan)

    def feed(self, block: FrameBlock, found: Found, samples: SampleBlock) -> SampleBlock:
        """`samples` with what is known of each bus; `found` and `samples` are the block's."""
        if any(block.dropped):
            self._survey()
            for cycles, dropped in zip(self._cycles, block.dropped, strict=True):
                if dropped:
                    cycles.forget()
        self._waiting.append((block, found))
        self._frames_waiting += len(block)
        self._ranges.feed(samples)
        errors = 0
        for counts in samples.counts:
            errors += counts.error
            self._unknown_waiting += counts.unknown
        if errors or self._states.any_off:
            self._states.feed(block)
            self._now = self._as_of_now()
        now_ns = stream_ns(block)
        seconds = self._minutes.reach(now_ns)
        if seconds is not None or self._survey_is_due(now_ns):
            self._survey()
            if seconds is not None:
                self._measure_load(seconds)
            self._now = self._as_of_now()
        self._last = told = self._told(samples)
        return told

    def rest(self) -> SampleBlock | None:
        """What is still to be told when the stream ends, as a block without samples; None where there was no block."""
        if self._last is None:
            return None
        self._survey()
        self._measure_load(self._minutes.seconds)
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
        self._ranges = Ranges(plan.expected, self._out_of_range_signals)

    def _told(self, samples: SampleBlock) -> SampleBlock:
        counts = samples.counts
        if any(self._missed) or any(self._ranges.outside):
            counts = tuple(
                replace(one, missed=missed, out_of_range=outside)
                for one, missed, outside in zip(counts, self._missed, self._ranges.outside, strict=True)
            )
            self._missed, self._ranges.outside = [0] * len(counts), [0] * len(counts)
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

    def _survey_is_due(self, now_ns: int) -> bool:
        if self._surveyed_ns is None:
            self._surveyed_ns = now_ns
        waited_ns = now_ns - self._surveyed_ns
        if 0 <= waited_ns < SURVEY_NS and self._frames_waiting < SURVEY_FRAMES:
            return False
        self._surveyed_ns = now_ns
        return True

    def _measure_load(self, seconds: float) -> None:
        percent = self._load.percent(seconds)
        if seconds >= SHORTEST_S:
            self._load_percent = percent

    def _survey(self) -> None:
        """Look at all that waits."""
        self._ranges.survey()
        waiting, self._waiting = self._waiting, []
        unknown, self._unknown_waiting = self._unknown_waiting, 0
        frames, self._frames_waiting = self._frames_waiting, 0
        if not frames:
            return
        blocks = [block for block, _ in waiting]
        bus = np.concatenate([block.bus for block in blocks])
        can_id = np.concatenate([block.can_id for block in blocks])
        if self._load.watches:
            flags, length = ([getattr(block, name) for block in blocks] for name in ("flags", "length"))
            self._load.add(bus, can_id, np.concatenate(flags), np.concatenate(length))
        if unknown and not all(ids.full for ids in self._unknown_ids):
            self._meet_unknown(waiting, bus, can_id)
        if self._plan.expected.any_cycle:
            self._meet_missed(waiting, bus, can_id)

    def _meet_unknown(self, waiting: Sequence[tuple[FrameBlock, Found]], bus: U8, can_id: U32) -> None:
        flags = np.concatenate([block.flags for block, _ in waiting])
        strange = ~np.concatenate([found.known for _, found in waiting])
        strange &= flags & _NO_DATA == 0
        bus, can_id = bus[strange], can_id[strange]
        for number, ids in enumerate(self._unknown_ids):
            if not ids.full:
                ids.add(can_id[bus == number].tolist())

    def _meet_missed(self, waiting: Sequence[tuple[FrameBlock, Found]], bus: U8, can_id: U32) -> None:
        # Monotonic time, where it is known: a wall clock that is set makes nobody late.
        t_ns = np.concatenate([block.t_ns - block.epoch_ns for block, _ in waiting])
        message = np.concatenate([found.message for _, found in waiting])
        counts = np.concatenate([found.known for _, found in waiting])
        if len(self._plan.groups) > 1:
            # What was found as a J1939 group comes from several sources, each with a cycle of its own.
            counts &= self._by_its_own_id(message, bus, can_id)
        for number, cycles in enumerate(self._cycles):
            if len(self._cycles) == 1:
                missed = cycles.feed(t_ns, message, counts)
            else:
                mine = np.flatnonzero(bus == number)
                missed = cycles.feed(t_ns.take(mine), message.take(mine), counts.take(mine))
            self._missed[number] += missed.count
            names = self._plan.expected.messages
            self._missed_messages[number].add(names[message] for message in missed.messages)

    def _by_its_own_id(self, message: I64, bus: U8, can_id: U32) -> Bool:
        key = can_id.astype(np.uint64)
        if self._plan.buses > 1:
            key |= bus.astype(np.uint64) << _BUS_SHIFT
        own: Bool = self._plan.keys.take(message) == key
        return own

    def _as_of_now(self) -> tuple[BusHealth, ...]:
        return tuple(
            BusHealth(state, load_percent, unknown_ids.met, missed.met, out_of_range.met)
            for state, load_percent, unknown_ids, missed, out_of_range in zip(
                self._states.now,
                self._load_percent,
                self._unknown_ids,
                self._missed_messages,
                self._out_of_range_signals,
                strict=True,
            )
        )


def _cycles(line: BusLine, plan: DecodePlan) -> Cycles:
    return Cycles(plan.expected, _wanted(plan) if line.only_wanted else None)


def _wanted(plan: DecodePlan) -> Bool:
    """[k + 1] of which messages a signal is decoded."""
    messages = len(plan.keys)
    wanted: Bool = plan.count[:messages] > 0
    return wanted if plan.branches is None else wanted | plan.branches.splits[:messages]
