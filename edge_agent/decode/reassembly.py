"""Messages in several packets, put together from block to block and decoded like any frame. Pure.

What a frame of such a message counts as: `decoded` where the databases of its bus have the message, although nothing
of it may be wanted, and although the message may turn out incomplete, which `incomplete` counts beside; `unknown`
where they have not, or where nothing announced the message; the last frame of a message that is whole but shorter
than its database says as `wrong_length`. A frame that a database has in its own right, TP.DT for one, stays what it is.
"""

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import replace
from itertools import starmap
from typing import NamedTuple

import numpy as np

from edge_agent.decode.decoder import Found, look_up, samples_of
from edge_agent.decode.fast_packet import SINGLE_FRAME_BYTES, FastPackets
from edge_agent.decode.packets import Transfers, Whole
from edge_agent.decode.plan import DecodePlan
from edge_agent.decode.transport import CONTROL_FORMAT, DATA_FORMAT, Transport
from edge_agent.records import EXTENDED_ID, I64, BusCounts, FrameBlock, FrameFlag, SampleBlock

_NO_DATA = np.uint8(FrameFlag.REMOTE | FrameFlag.ERROR)
_FORMAT = EXTENDED_ID | 0x03FF_0000
_CONTROL = EXTENDED_ID | CONTROL_FORMAT << 16
_DATA = EXTENDED_ID | DATA_FORMAT << 16
_BUS_SHIFT = 32
_WORD_BYTES = 8


class _Completed(NamedTuple):
    t_ns: int
    bus: int
    message: Whole


class _Bus:
    """What is under way on one bus."""

    def __init__(self, groups: Container[int]) -> None:
        self.transfers = Transfers()
        self._transport = Transport(self.transfers, groups)
        self._fast_packets = FastPackets(self.transfers)

    def hear(self, can_id: int, data: bytes, now_ns: int) -> tuple[bool, Whole | None]:
        """Whether a frame is one of a known message's, and the message if it was the last."""
        form = can_id & _FORMAT
        if form == _CONTROL:
            return self._transport.control(can_id, data, now_ns), None
        if form == _DATA:
            return self._transport.packet(can_id, data, now_ns)
        return True, self._fast_packets.packet(can_id, data, now_ns)


class Reassembled(NamedTuple):
    """What a block is, once its messages in several packets are known."""

    samples: SampleBlock
    found: Found
    """frames of known messages are known, as no message of their own"""


class _Changes:
    """What the counters of a block say otherwise once its multi-packet messages are known, by bus."""

    def __init__(self, buses: int) -> None:
        self.was_unknown = [0] * buses
        self.was_too_short = [0] * buses
        self.short_messages = [0] * buses
        self.incomplete = [0] * buses
        self.now_known: list[int] = []
        """frames"""

    def add(self, frame: int, bus: int, *, was_known: bool) -> None:
        """A frame of a known message that `look_up` took for nothing, or for too short."""
        if was_known:
            self.was_too_short[bus] += 1
        else:
            self.was_unknown[bus] += 1
            self.now_known.append(frame)

    def on(self, samples: SampleBlock) -> SampleBlock:
        changed = (self.was_unknown, self.was_too_short, self.short_messages, self.incomplete)
        if not any(map(any, changed)):
            return samples
        counts = tuple(starmap(_changed, zip(samples.counts, *changed, strict=True)))
        return replace(samples, counts=counts)


def _changed(counts: BusCounts, unknown: int, too_short: int, short_messages: int, incomplete: int) -> BusCounts:
    return replace(
        counts,
        decoded=counts.decoded + unknown + too_short - short_messages,
        unknown=counts.unknown - unknown,
        wrong_length=counts.wrong_length - too_short + short_messages,
        incomplete=counts.incomplete + incomplete,
    )


class Reassembly:
    """One stream of blocks. Where no bus has a J1939 group it costs nothing, else 10 us a block.

    Besides about 4 us a frame that is part of a longer message (x86, blocks of 100; any other frame is 0.4 to 0.7 us).
    What is under way when the stream ends is not incomplete: nobody knows.
    """

    def __init__(self, plan: DecodePlan) -> None:
        groups: defaultdict[int, set[int]] = defaultdict(set)
        for key in plan.groups[:-1].tolist():
            groups[key >> _BUS_SHIFT].add(key & (1 << _BUS_SHIFT) - 1)
        self._buses = {bus: _Bus(of_bus) for bus, of_bus in groups.items()}

    def feed(self, plan: DecodePlan, block: FrameBlock, found: Found, samples: SampleBlock) -> Reassembled:
        """The samples of a block, with those of the messages whose last packet is in it, in time order.

        `plan` is of the databases this was made for; `found` and `samples` are what `decoder.py` says of the block.
        """
        if not self._buses:
            return Reassembled(samples, found)
        changes = _Changes(len(samples.counts))
        completed = self._hear(block, found, _candidates(plan, block, found), changes)
        for number, bus in self._buses.items():
            bus.transfers.expire(block.until_ns - block.epoch_ns)
            changes.incomplete[number] = bus.transfers.incomplete()
        if completed:
            long_block = _block_of(completed, block)
            long_samples = samples_of(plan, long_block, look_up(plan, long_block))
            changes.short_messages = [counts.wrong_length for counts in long_samples.counts]
            samples = _merged(samples, long_samples)
        return Reassembled(changes.on(samples), _known(plan, found, changes.now_known))

    def _hear(self, block: FrameBlock, found: Found, at: I64, changes: _Changes) -> list[_Completed]:
        completed: list[_Completed] = []
        if not len(at):
            return completed
        data = block.data[at, :_WORD_BYTES].tobytes()
        frames = zip(
            at.tolist(),
            block.t_ns[at].tolist(),
            block.bus[at].tolist(),
            block.can_id[at].tolist(),
            block.length[at].tolist(),
            found.known[at].tolist(),
            found.usable[at].tolist(),
            strict=True,
        )
        for i, (frame, t_ns, number, can_id, length, known, usable) in enumerate(frames):
            bus = self._buses.get(number)
            if bus is None:
                continue
            packet = data[_WORD_BYTES * i : _WORD_BYTES * i + length]
            carries, message = bus.hear(can_id, packet, t_ns - block.epoch_ns)
            if carries and not usable:
                changes.add(frame, number, was_known=known)
            if message:
                completed.append(_Completed(t_ns, number, message))
        return completed


def _candidates(plan: DecodePlan, block: FrameBlock, found: Found) -> I64:
    """Frames that may be part of a longer message."""
    # One comparison for both formats: they follow each other, and below the first the difference wraps around.
    may_be = (block.can_id & np.uint32(_FORMAT)) - np.uint32(_DATA) <= np.uint32(_CONTROL - _DATA)
    if plan.fast_packet is not None:
        may_be |= found.known & plan.fast_packet.take(found.message)
    at: I64 = np.flatnonzero(may_be)
    if len(at):
        at = at[(block.length[at] <= SINGLE_FRAME_BYTES) & (block.flags[at] & _NO_DATA == 0)]
    return at


def _known(plan: DecodePlan, found: Found, frames: Sequence[int]) -> Found:
    if not frames:
        return found
    message, known = found.message.copy(), found.known.copy()
    message[frames] = len(plan.keys) - 1
    known[frames] = True
    return Found(message, known, found.usable)


def _block_of(completed: Sequence[_Completed], block: FrameBlock) -> FrameBlock:
    """The messages as frames, at the time of their last packets."""
    lengths = [len(one.message.payload) for one in completed]
    width = max(-(-max(lengths) // _WORD_BYTES), 1) * _WORD_BYTES
    data = b"".join(one.message.payload.ljust(width, b"\0") for one in completed)
    return replace(
        block,
        t_ns=np.array([one.t_ns for one in completed], np.int64),
        bus=np.array([one.bus for one in completed], np.uint8),
        can_id=np.array([one.message.can_id for one in completed], np.uint32),
        flags=np.zeros(len(completed), np.uint8),
        length=np.array(lengths, np.uint16),
        data=np.frombuffer(data, np.uint8).reshape(len(completed), width),
        dropped=(0,) * len(block.dropped),
    )


def _merged(samples: SampleBlock, more: SampleBlock) -> SampleBlock:
    """Both by time; of two at one time the first block's first."""
    order = np.concatenate((samples.t_ns, more.t_ns)).argsort(kind="stable")
    return replace(
        samples,
        t_ns=np.concatenate((samples.t_ns, more.t_ns))[order],
        signal=np.concatenate((samples.signal, more.signal))[order],
        raw=np.concatenate((samples.raw, more.raw))[order],
        value=np.concatenate((samples.value, more.value))[order],
    )
