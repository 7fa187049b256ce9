"""What cantools says of many payloads of one message, as columns by signal."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from cantools.database.can import Message, Signal
from numpy.typing import NDArray

from edge_agent.decode.plan import DecodePlan
from edge_agent.records import F64, I64, RawKind, SampleBlock

EXACT = 1 << 53

Number = int | float
Numbers = dict[str, Number]


class Said(NamedTuple):
    """The samples of one signal: the payloads it is present in, and its numbers there."""

    at: I64
    raw: NDArray[np.int64 | np.uint64 | np.float64]
    value: F64


class Oracle:
    """One message. Where cantools gives up on a payload, each signal in a message of its own is asked.

    It gives up on overlapping or misfitting signals (always) and on a multiplexer value that nothing names; and it
    never shows the signals of a multiplexer it does not take for one.
    """

    def __init__(self, message: Message, length: int) -> None:
        self._message = message
        self._signals = {signal.name: signal for signal in reversed(message.signals)}
        self._alone = {name: _alone(message, signal, length) for name, signal in self._signals.items()}
        twice = {name for name, count in Counter(signal.name for signal in message.signals).items() if count > 1}
        marked = {signal.name for signal in message.signals if signal.is_multiplexer}
        multiplexed = [name for name, signal in self._signals.items() if signal.multiplexer_ids]
        self.beyond = twice | {name for name in multiplexed if self._signals[name].multiplexer_signal not in marked}
        """signals that cantools never shows, or shows another of under their name"""
        self.gave_up = 0
        """payloads"""

    def says(self, payloads: Sequence[bytes]) -> dict[str, Said]:
        """By signal, in the order of the payloads; signals that are never present are left out."""
        found: dict[str, tuple[list[int], list[Number], list[Number]]] = {}
        for at, payload in enumerate(payloads):
            raw, value = self._answer(payload)
            for name, number in raw.items():
                column = found.setdefault(name, ([], [], []))
                column[0].append(at)
                column[1].append(number)
                column[2].append(value[name])
        return {
            name: Said(np.array(at, np.int64), _column(self._signals[name], raw), np.array([float(v) for v in value]))
            for name, (at, raw, value) in found.items()
        }

    def _answer(self, payload: bytes) -> tuple[Numbers, Numbers]:
        try:
            raw = cast("Numbers", self._message.decode(payload, decode_choices=False, scaling=False))
            value = cast("Numbers", self._message.decode(payload, decode_choices=False, scaling=True))
        except Exception:  # noqa: BLE001  it raises what it likes
            self.gave_up += 1
            raw, value = {}, {}
            asked = set(self._alone)
        else:
            asked = self.beyond
        for name in asked:
            if self._alone[name] is not None and self._is_present(name, payload):
                raw[name] = self._number(name, payload, scaling=False)
                value[name] = self._number(name, payload, scaling=True)
            else:
                raw.pop(name, None)
        return raw, value

    def _is_present(self, name: str, payload: bytes) -> bool:
        signal = self._signals[name]
        if not signal.multiplexer_ids:
            return True
        above = self._multiplexer(signal)
        if self._alone[above] is None or not self._is_present(above, payload):
            return False
        return self._number(above, payload, scaling=False) in signal.multiplexer_ids

    def _multiplexer(self, signal: Signal) -> str:
        if signal.multiplexer_signal in self._signals:
            return signal.multiplexer_signal
        (only,) = (name for name, one in self._signals.items() if one.is_multiplexer)  # a long name, Model3CAN.dbc
        return only

    def _number(self, name: str, payload: bytes, *, scaling: bool) -> Number:
        alone = cast("Message", self._alone[name])
        return cast("Numbers", alone.decode(payload, decode_choices=False, scaling=scaling))[name]


def _alone(message: Message, signal: Signal, length: int) -> Message | None:
    """A message of this signal only, or None where it does not fit."""
    one = Signal(
        signal.name, signal.start, signal.length, signal.byte_order, signal.is_signed, conversion=signal.conversion
    )
    try:
        return Message(1, message.name, length, [one])
    except Exception:  # noqa: BLE001  it does not fit, or has no length
        return None


def _column(signal: Signal, raw: Sequence[Number]) -> NDArray[np.int64 | np.uint64 | np.float64]:
    if signal.is_float:
        return np.array(raw, np.float64)
    return np.array(raw, np.int64 if signal.is_signed else np.uint64)


def by_signal(plan: DecodePlan, samples: SampleBlock) -> dict[str, Said]:
    """Our samples as the same columns, by public name; the times stand for the payloads."""
    found = {}
    for signal in np.unique(samples.signal):
        mine = samples.signal == signal
        found[plan.signals[signal].name] = Said(samples.t_ns[mine], samples.raw[mine], samples.value[mine])
    return found


def same_raw(ours: Said, theirs: Said, kind: RawKind) -> bool:
    if kind is RawKind.FLOAT:
        return np.array_equal(ours.raw.view(np.float64), theirs.raw, equal_nan=True)
    return np.array_equal(ours.raw if kind is RawKind.SIGNED else ours.raw.view(np.uint64), theirs.raw)


def same_value(ours: Said, theirs: Said) -> bool:
    """Equal to the last bit; beyond 2^53 nearly, where cantools calculates in integers of any length.

    With whole factors it does so, and we in float64 as every reader does.
    """
    equal = (ours.value == theirs.value) | (np.isnan(ours.value) & np.isnan(theirs.value))
    beyond_exact = np.maximum(abs(theirs.raw.astype(np.float64)), abs(theirs.value)) > EXACT
    near = np.isclose(ours.value[~equal], theirs.value[~equal], rtol=1e-15, atol=0)
    return bool((near & beyond_exact[~equal]).all())
