"""One pass over a block: no loop over arbitration ids or signals, whatever is on the bus. Pure."""

import numpy as np

from edge_agent.decode.plan import Condition, DecodePlan, Fields
from edge_agent.records import F64, I64, U8, U64, Bool, BusCounts, FrameBlock, FrameFlag, SampleBlock

_NO_DATA = int(FrameFlag.REMOTE | FrameFlag.ERROR)
_BUS_SHIFT = np.uint64(32)
_UNKNOWN, _WRONG_LENGTH, _DECODED = range(3)
_STATUSES = np.int64(3)
_SHORT_FLOATS = {16: (np.uint16, np.float16), 32: (np.uint32, np.float32)}


def decode(plan: DecodePlan, block: FrameBlock) -> SampleBlock:
    """The wanted signals of a block, in time order; raw values exact to 64 bits.

    A frame shorter than its message gives no sample and counts as `wrong_length`; a longer one is decoded.
    Of a multiplexed message the signals that are present are decoded, whatever the multiplexer says.
    """
    message, status = _look_up(plan, block)
    frame, row = _expand(plan, np.flatnonzero(status == _DECODED), message)
    words = _words(block)
    for condition in plan.conditions:
        present = _present(condition, words, frame, row)
        frame, row = frame[present], row[present]
    raw, value_f = _numbers(plan, _gather(plan.fields, words, frame, row), row)
    return SampleBlock(
        t_ns=block.t_ns.take(frame),
        signal=plan.signal.take(row),
        raw=raw,
        value=value_f,
        counts=_counts(plan.buses, block, status),
        until_ns=block.until_ns,
        uptime_ns=block.uptime_ns,
        clock=block.clock,
    )


def _look_up(plan: DecodePlan, block: FrameBlock) -> tuple[I64, I64]:
    """Per frame: which message it is, and what becomes of it (`_UNKNOWN`, `_WRONG_LENGTH`, `_DECODED`)."""
    key = block.bus.astype(np.uint64)
    key <<= _BUS_SHIFT
    key |= block.can_id
    at = plan.keys.searchsorted(key)
    known = plan.keys.take(at) == key
    if block.flags.any():
        known &= block.flags & _NO_DATA == 0
    long_enough = block.length >= plan.lengths.take(at)
    status = known.astype(np.int64)
    status += known & long_enough
    return at, status


def _expand(plan: DecodePlan, frames: I64, message: I64) -> tuple[I64, I64]:
    """One item a (frame, row) pair, in frame order."""
    message = message.take(frames)
    count = plan.count.take(message)
    frame = frames.repeat(count)
    row = np.arange(len(frame))
    row += (plan.start.take(message) + count - count.cumsum()).repeat(count)
    return frame, row


def _words(block: FrameBlock) -> U64:
    """[n, 2 * width / 8] the payload's aligned 64-bit words, each little-endian, then big-endian."""
    little: U64 = block.data.view(np.dtype("<u8"))
    both = np.empty((len(block), block.data.shape[1] // 4), np.uint64)
    both[:, 0::2] = little
    both[:, 1::2] = little.byteswap()
    return both


def _present(condition: Condition, words: U64, frame: I64, row: I64) -> Bool:
    """Which rows this level of multiplexing leaves."""
    present = ~condition.applies.take(row)
    at = np.flatnonzero(~present)
    value = _gather(condition.fields, words, frame[at], row[at])
    present[at] = (value >= condition.low[row[at]]) & (value <= condition.high[row[at]])
    return present


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


# A damaged frame can hold any float: numpy need not warn of an infinity times 0, or of a NaN that signals.
@np.errstate(invalid="ignore", over="ignore")
def _numbers(plan: DecodePlan, bits: U64, row: I64) -> tuple[I64, F64]:
    """Raw integers with their sign, and scaled values."""
    sign = plan.sign.take(row)
    raw = ((bits ^ sign) - sign).view(np.int64)
    value = raw.astype(np.float64)
    if plan.has_unsigned_64:
        wide = plan.unsigned_64[row]
        value[wide] = bits[wide].astype(np.float64)
    if plan.has_floats:
        floats = np.flatnonzero(plan.float_bits.take(row))
        value[floats] = _floats(bits[floats], plan.float_bits.take(row[floats]))
        raw[floats] = value[floats].view(np.int64)
    value *= plan.factor.take(row)
    value += plan.offset.take(row)
    return raw, value


def _floats(bits: U64, sizes: U8) -> F64:
    """IEEE 754 numbers of 16, 32 or 64 bits as float64."""
    numbers = bits.view(np.float64)
    for size, (unsigned, floating) in _SHORT_FLOATS.items():
        if (sizes == size).any():
            numbers = np.where(sizes == size, bits.astype(unsigned).view(floating), numbers)
    return numbers


def _counts(buses: int, block: FrameBlock, status: I64) -> tuple[BusCounts, ...]:
    """One count over (bus, status) pairs: half the calls of a count each."""
    pairs = np.bincount(block.bus * _STATUSES + status, minlength=buses * _STATUSES).reshape(buses, _STATUSES)
    return tuple(
        BusCounts(unknown + wrong_length + decoded, decoded, unknown, wrong_length, dropped)
        for (unknown, wrong_length, decoded), dropped in zip(pairs.tolist(), block.dropped, strict=True)
    )
