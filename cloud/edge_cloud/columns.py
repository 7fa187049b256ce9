"""The columns of many batches as one table of samples: one cumulative sum over all of them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from edge_cloud.errors import NotABody
from edge_cloud.tables import SAMPLES

Json: TypeAlias = dict[str, object]
Integers: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

DAY_US: Final = 86_400_000_000
_LAST_US: Final = (1 << 63) // 1000
"""Later times fit no reader: 2262, where nanoseconds end in 64 bits."""
_PER_US: Final = {"ms": (1000, 1), "us": (1, 1), "ns": (1, 1000)}
"""(times, divided by) for microseconds"""


@dataclass(slots=True)
class Columns:
    """Columns that wait to become samples: as a payload has them, in lists that are as long as the table will be."""

    heads: list[tuple[str, str, float, float, str, float | None]] = field(default_factory=list)
    """name, unit, factor, offset, agg, max_error"""
    batch: list[int] = field(default_factory=list)
    """of each column, the row of its batch"""
    times: list[tuple[int, int, int]] = field(default_factory=list)
    """of each column: t0, and what makes microseconds of its unit"""
    lengths: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    """raw, val or str"""
    dt: list[int] = field(default_factory=list)
    raw: list[int] = field(default_factory=list)
    val: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def add(self, row: int, column: Json) -> None:
        """Take one column of the batch at `row`.

        Raises NotABody: it lacks a field, has none or several of `raw`, `val` and `str`, or they differ in length.
        """
        try:
            name, dt, t0 = column["name"], column["dt"], column["t0"]
            times, divided = _PER_US[column["tu"]]  # type: ignore[index]  # an unhashable one raises as an unknown does
            head = name, column["unit"], column["factor"], column["offset"], column["agg"], column["max_error"]
            filled = [(kind, column[kind]) for kind in ("raw", "val", "str") if column[kind]]
        except (KeyError, TypeError) as error:
            raise NotABody(f"a column has no usable {error}") from None
        kind, numbers = filled[0] if len(filled) == 1 else ("", None)
        if not isinstance(dt, list) or not isinstance(numbers, list):
            raise NotABody(f"column {name} has not one of raw, val and str")
        if len(dt) != len(numbers):
            raise NotABody(f"column {name} has {len(dt)} times and {len(numbers)} numbers")
        if not (isinstance(t0, int) and 0 <= t0 * times // divided < _LAST_US):
            raise NotABody(f"column {name} begins at no time: {t0}")
        self.heads.append(head)  # type: ignore[arg-type]  # their types are judged when the table is made
        self.batch.append(row)
        self.times.append((t0, times, divided))
        self.lengths.append(len(dt))
        self.kinds.append(kind)
        self.dt += dt
        self._of(kind).extend(numbers)

    def _of(self, kind: str) -> list[int] | list[float] | list[str]:
        return self.raw if kind == "raw" else self.val if kind == "val" else self.texts

    def table(self, keys: Sequence[tuple[str, int, int, str]]) -> pa.Table:
        """All samples; `keys` are device, boot, seq and rule of each row of batches.

        Raises NotABody: a number that is none, or of a kind that its column does not have.
        """
        if not self.heads:
            return SAMPLES.empty_table()
        lengths = np.array(self.lengths, np.int64)
        starts = np.cumsum(lengths) - lengths
        try:
            numbers, micros = self._numbers(lengths), self._micros(lengths, starts)
            return self._table([keys[row] for row in self.batch], lengths, micros, numbers)
        except (TypeError, ValueError, OverflowError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise NotABody(f"a column has a number that is none: {error}") from None

    def _micros(self, lengths: Integers, starts: Integers) -> Integers:
        steps = _whole(self.dt)
        if (steps < 0).any():
            raise NotABody("a column's times go back")
        t0, times, divided = (np.repeat(np.array(part, np.int64), lengths) for part in zip(*self.times, strict=True))
        at = t0 + _running(steps, lengths, starts)
        if (at < 0).any() or (at >= _LAST_US // times * divided).any():
            raise NotABody("a column's times end beyond the year 2262")
        micros: Integers = at * times // divided
        return micros

    def _numbers(self, lengths: Integers) -> tuple[Floats, pa.Array]:
        kinds = np.array(self.kinds)
        of = np.repeat(kinds, lengths)
        numbers = np.empty(len(of))
        if self.raw:
            raw_lengths = lengths[kinds == "raw"]
            numbers[of == "raw"] = _running(_whole(self.raw), raw_lengths, np.cumsum(raw_lengths) - raw_lengths)
        if self.val:
            numbers[of == "val"] = _reals(self.val)
        if self.texts:
            numbers[of == "str"] = [float(text) for text in self.texts]
        factor, offset = (np.repeat(_reals([head[i] for head in self.heads]), lengths) for i in (2, 3))
        with np.errstate(over="ignore", invalid="ignore"):
            value = numbers * factor + offset
        return value, _where(of == "str", self.texts)

    def _table(
        self,
        keys: Sequence[tuple[str, int, int, str]],
        lengths: Integers,
        micros: Integers,
        numbers: tuple[Floats, pa.Array],
    ) -> pa.Table:
        value, text = numbers
        rows = pa.array(np.repeat(np.arange(len(lengths)), lengths))
        device, boot, seq, rule = zip(*keys, strict=True)
        name, unit, _, _, agg, max_error = zip(*self.heads, strict=True)
        each = {"device": device, "boot": boot, "seq": seq, "rule": rule}
        each |= {"signal": name, "unit": unit, "agg": agg, "max_error": max_error}
        found = {key: pa.array(values, SAMPLES.field(key).type).take(rows) for key, values in each.items()}
        found["t"] = pa.array(micros).cast(SAMPLES.field("t").type)
        found["value"] = pa.array(value, mask=~np.isfinite(value))
        found["text"] = text
        found["day"] = days(micros)
        return pa.table(found, schema=SAMPLES)


def _whole(numbers: list[int]) -> Integers:
    """As 64-bit integers; what is a float or too large is refused, never cut."""
    found = np.array(numbers)
    if found.dtype != np.int64:
        raise ValueError("not an integer of 64 bits")
    return found


def _reals(numbers: Sequence[object]) -> Floats:
    found = np.array(numbers)
    if found.dtype.kind not in "if":
        raise ValueError("not a number")
    return found.astype(np.float64)


def _running(steps: Integers, lengths: Integers, starts: Integers) -> Integers:
    """The cumulative sum of each column by itself. One over all may leave 64 bits; what is taken off brings it back."""
    total = np.cumsum(steps)
    running: Integers = total - np.repeat(total[starts] - steps[starts], lengths)
    return running


def _where(mask: npt.NDArray[np.bool_], texts: list[str]) -> pa.Array:
    if not texts:
        return pa.nulls(len(mask), pa.string())
    return pa.array(texts, pa.string()).take(pa.array(np.cumsum(mask) - 1, mask=~mask))


def days(micros: Integers) -> pa.Array:
    """UTC days, as date32, of times in us since the Unix epoch."""
    return pa.array((micros // DAY_US).astype(np.int32)).cast(pa.date32())
