"""What the databases lead to expect of messages and samples, as tables for a whole block. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_agent.decode.bounds import absent_from, value_bounds
from edge_agent.decode.catalog import Entry, Message
from edge_agent.records import F64, I64


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Of a plan's k messages, and of the s numbers that signals have in a decoded block."""

    cycle_ns: I64
    """[k + 1] time from one frame to the next; 0 where none is said"""
    any_cycle: bool
    messages: tuple[str, ...]
    """[k] names"""
    low: F64
    high: F64
    """[s] values below or above are out of range; infinite where the database sets no bound"""
    absent_from: F64
    """[s] values from here on say that there is none; not a number where none says so"""
    any_low: bool
    any_high: bool
    """whether there is a bound at all"""
    bus: I64
    """[s] where a signal is from"""
    signals: tuple[str, ...]
    """[s] names, of computed paths' sources too"""


def compile_expected(messages: Sequence[tuple[int, Message]], decoded: Sequence[tuple[int, Entry]]) -> Expected:
    """Tables for a plan's messages, as (bus, message), and what it decodes, as (number, entry).

    Of two signals with one number the wider bounds hold; a number without a signal has none.
    """
    numbers = np.array([number for number, _ in decoded], np.int64)
    cycle_ns = np.array([*(message.cycle_ns for _, message in messages), 0], np.int64)
    bounds = [value_bounds(entry.signal) for _, entry in decoded]
    absences = [absent_from(entry.message, entry.signal) for _, entry in decoded]
    count = int(numbers.max(initial=-1)) + 1
    low, high, bus = np.full(count, np.inf), np.full(count, -np.inf), np.zeros(count, np.int64)
    absent = np.full(count, np.nan)
    np.fmin.at(low, numbers, [least for least, _ in bounds])
    np.fmax.at(high, numbers, [most for _, most in bounds])
    np.fmin.at(absent, numbers, absences)
    low[low == np.inf], high[high == -np.inf] = -np.inf, np.inf
    bus[numbers] = [entry.bus for _, entry in decoded]
    names = {number: entry.info.name for number, entry in decoded}
    return Expected(
        cycle_ns=cycle_ns,
        any_cycle=bool(cycle_ns.any()),
        messages=tuple(message.name for _, message in messages),
        low=low,
        high=high,
        absent_from=absent,
        any_low=bool(np.isfinite(low).any()),
        any_high=bool(np.isfinite(high).any()),
        bus=bus,
        signals=tuple(names.get(number, "") for number in range(count)),
    )
