"""One pass over a block: no loop over arbitration ids or signals, whatever is on the bus. Pure."""

from typing import NamedTuple

import numpy as np

from edge_agent.decode.j1939 import PRIORITY, groups_of
from edge_agent.decode.plan import Branches, Condition, DecodePlan, Fields
from edge_agent.decode.relabel import apply_relabels
from edge_agent.records import F64, I64, U8, U64, Bool, BusCounts, FrameBlock, FrameFlag, SampleBlock

_NO_DATA = np.uint8(FrameFlag.REMOTE | FrameFlag.ERROR)
_ERROR = np.uint8(FrameFlag.ERROR)
_NOTHING_SPECIAL = np.empty(0, np.uint8)
_BUS_SHIFT = np.uint64(32)
_NO_PRIORITY = ~np.uint64(PRIORITY)
_FLOATS = {16: (np.uint16, np.float16), 32: (np.uint32, np.float32), 64: (np.uint64, np.float64)}


class Found(NamedTuple):
    """Which message each of a block's n frames is."""

    message: I64
    """[n] index into the plan's messages; means nothing where `known` is False"""
    known: Bool
    """[n] whether it is one at all; a remote or an error frame is none"""
    usable: Bool
    """[n] whether it is long enough to be decoded"""


def decode(plan: DecodePlan, block: FrameBlock) -> SampleBlock:
    """The wanted signals of a block, in time order; raw values exact to 64 bits.

    A frame shorter than its message gives no sample and counts as `wrong_length`; a longer one is decoded.
    Of a multiplexed message the signals that are present are decoded, whatever the multiplexer says. A message in
    several packets is none here: `decoding.py` remembers them from block to block.
    """
    return samples_of(plan, block, look_up(plan, block))


def samples_of(plan: DecodePlan, block: FrameBlock, found: Found) -> SampleBlock:
    """The same, where `look_up` has answered already."""
    message, known, usable = found
    frames = np.flatnonzero(usable)
    words = _words(block)
    frame, row = _expand(plan, frames, _descend(plan.branches, words, frames, message.take(frames)))
    for condition in plan.conditions:
        frame, row = _present(condition, words, frame, row)
    raw, value_f = _numbers(plan, _gather(plan.fields, words, frame, row), row)
    if plan.relabels:
        stays = apply_relabels(plan.relabels, row, raw, value_f)
        if stays is not None:
            frame, row, raw, value_f = frame[stays], row[stays], raw[stays], value_f[stays]
    return SampleBlock(
        t_ns=block.t_ns.take(frame),
        signal=plan.signal.take(row),
        raw=raw,
        value=value_f,
        counts=_counts(block, known, usable),
        until_ns=block.until_ns,
        uptime_ns=block.uptime_ns,
        clock=block.clock,
        epoch_ns=block.epoch_ns,
    )


def look_up(plan: DecodePlan, block: FrameBlock) -> Found:
    """Which of the plan's messages each frame is."""
    key = block.can_id.astype(np.uint64)
    if plan.buses > 1:
        key |= block.bus.astype(np.uint64) << _BUS_SHIFT
    at = plan.keys.searchsorted(key)
    known = plan.keys.take(at) == key
    if len(plan.groups) > 1:
        _look_up_groups(plan, key, at, known)
    if block.flags.any():
        known &= block.flags & _NO_DATA == 0
    return Found(at, known, known & (block.length >= plan.lengths.take(at)))


def _look_up_groups(plan: DecodePlan, key: U64, at: I64, known: Bool) -> None:
    """What no message names by its whole id may be a J1939 group; fills `at` and `known`.

    Of several messages of one group that of the frame's addresses is meant, at whatever priority, else the first.
    """
    missed = np.flatnonzero(~known)
    key = key.take(missed)
    group = groups_of(key)
    found = plan.groups.searchsorted(group)
    message = plan.group_message.take(found)
    if len(plan.senders) > 1:
        key &= _NO_PRIORITY
        sender = plan.senders.searchsorted(key)
        message = np.where(plan.senders.take(sender) == key, plan.sender_message.take(sender), message)
    at[missed] = message
    known[missed] = plan.groups.take(found) == group


def _descend(branches: Branches | None, words: U64, frames: I64, node: I64) -> I64:
    """From each frame's message down its multiplexers' values to the node that holds its rows."""
    if branches is None:
        return node
    at = np.flatnonzero(branches.splits.take(node))
    while len(at):
        above = node.take(at)
        value = _gather(branches.fields, words, frames.take(at), above).view(np.int64)
        below = branches.children.take(branches.first_child.take(above) + value)
        node[at] = below
        at = at[branches.splits.take(below)]
    return node


def _expand(plan: DecodePlan, frames: I64, node: I64) -> tuple[I64, I64]:
    """One item a (frame, row) pair, in frame order."""
    count = plan.count.take(node)
    frame = frames.repeat(count)
    row = np.arange(len(frame))
    row += (plan.start.take(node) + count - count.cumsum()).repeat(count)
    return frame, row


def _words(block: FrameBlock) -> U64:
    """[n, 2 * width / 8] the payload's aligned 64-bit words, each little-endian, then big-endian."""
    little: U64 = block.data.view(np.dtype("<u8"))
    both = np.empty((len(block), block.data.shape[1] // 4), np.uint64)
    both[:, 0::2] = little
    both[:, 1::2] = little.byteswap()
    return both


def _present(condition: Condition, words: U64, frame: I64, row: I64) -> tuple[I64, I64]:
    """What this level of multiplexing leaves."""
    at = np.flatnonzero(condition.applies.take(row))
    if not len(at):
        return frame, row
    multiplexed = row.take(at)
    value = _gather(condition.fields, words, frame.take(at), multiplexed)
    present = np.ones(len(row), np.bool_)
    present[at] = (value >= condition.low.take(multiplexed)) & (value <= condition.high.take(multiplexed))
    stays = np.flatnonzero(present)
    return frame.take(stays), row.take(stays)


def _gather(fields: Fields, words: U64, frame: I64, row: I64) -> U64:
    """The raw bits of each (frame, row), right-aligned."""
    flat = words.reshape(-1)
    at = frame * words.shape[1]
    at += fields.word.take(row)
    bits: U64 = flat.take(at)
    bits >>= fields.shift.take(row)
    if fields.any_crosses:
        crosses = np.flatnonzero(fields.crosses.take(row))
        bits[crosses] = _crossing(fields, flat, at[crosses], row[crosses])
    bits &= fields.mask.take(row)
    return bits


def _crossing(fields: Fields, flat: U64, at: I64, row: I64) -> U64:
    """Fields over two words: Intel puts the next word's low bits on top, Motorola its high bits below."""
    first, rest = flat[at], flat[at + 2]
    shift, carry = fields.shift[row], fields.carry[row]
    intel = first >> shift | rest << carry
    motorola = first << carry | rest >> (np.uint64(64) - carry)
    return np.where(fields.word[row] % 2 == 0, intel, motorola)


def _numbers(plan: DecodePlan, bits: U64, row: I64) -> tuple[I64, F64]:
    """Raw integers with their sign, and scaled values."""
    if not plan.extreme:
        return _scaled(plan, bits, row)
    # A damaged frame can hold any float: numpy need not warn of an infinity times 0, or of a NaN that signals.
    with np.errstate(invalid="ignore", over="ignore"):
        return _scaled(plan, bits, row)


def _scaled(plan: DecodePlan, bits: U64, row: I64) -> tuple[I64, F64]:
    sign = plan.sign.take(row)
    raw = ((bits ^ sign) - sign).view(np.int64)
    value = raw.astype(np.float64)
    if plan.has_unsigned_64:
        wide = plan.unsigned_64[row]
        value[wide] = bits[wide].astype(np.float64)
    for size in plan.float_sizes:
        floats = np.flatnonzero(plan.float_bits.take(row) == size)
        unsigned, floating = _FLOATS[size]
        value[floats] = bits.take(floats).astype(unsigned).view(floating)
        raw[floats] = value.take(floats).view(np.int64)
    value *= plan.factor.take(row)
    value += plan.offset.take(row)
    return raw, value


def _counts(block: FrameBlock, known: Bool, usable: Bool) -> tuple[BusCounts, ...]:
    special = block.flags & _NO_DATA if block.flags.any() else _NOTHING_SPECIAL
    if len(block.dropped) == 1:  # the usual case: 2.9 us a block instead of 4.7
        return (_bus_counts(len(block), known, usable, special, block.dropped[0]),)
    of_buses = [block.bus == bus for bus in range(len(block.dropped))]
    return tuple(
        _bus_counts(
            int(np.count_nonzero(mine)),
            known & mine,
            usable & mine,
            special[mine] if len(special) else special,
            dropped,
        )
        for mine, dropped in zip(of_buses, block.dropped, strict=True)
    )


def _bus_counts(seen: int, known: Bool, usable: Bool, special: U8, dropped: int) -> BusCounts:
    of_known, decoded = int(np.count_nonzero(known)), int(np.count_nonzero(usable))
    error = remote = 0
    if len(special):
        # An error frame is one whatever else is set: its other bits say what went wrong.
        error = int(np.count_nonzero(special & _ERROR))
        remote = int(np.count_nonzero(special)) - error
    unknown = seen - of_known - remote - error
    return BusCounts(seen, decoded, unknown, of_known - decoded, dropped, remote, error)
