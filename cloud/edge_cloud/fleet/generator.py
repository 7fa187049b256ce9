"""A made fleet whose truth is known to the last sample: what is lost, doubled, late, in disorder is decided here. Pure.

Held apart from the decoder and the queries that are judged by it: it knows the vehicles, they know the messages.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
import pyarrow as pa

from edge_cloud import tables
from edge_cloud.columns import days
from edge_cloud.fleet.drives import Series, drive
from edge_cloud.fleet.writing import HOT, WARM, Lost, Sealed, body
from edge_cloud.records import Message

START_US: Final = 1_788_264_000_000_000
"""2026-09-01 12:00 UTC"""
WEEK_US: Final = 7 * 86_400_000_000
_PAUSE_S: Final = 900
"""between two boots: a new trip"""
_HOT: Final = "Motion.VehicleSpeed"
_LATE: Final = 7
_TAIL: Final = 5
_WHOLE: Final = 11
"""every seventh vehicle's messages come late, every fifth lacks the end of its first boot, every eleventh its second"""
_LOST_TAIL: Final = 3
"""batches"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet shall be. `lost` and `doubled` are shares of all batches."""

    vehicles: int = 60
    seconds: int = 600
    """of a boot"""
    boots: int = 3
    seed: int = 1
    lost: float = 0.01
    doubled: float = 0.01
    batch_s: int = 10


@dataclass(frozen=True, slots=True)
class Truth:
    """What a cloud must know once all messages are there, in no order: samples, and gaps as `tables.GAPS` has them."""

    samples: pa.Table
    gaps: pa.Table
    batches: int
    """that arrived, each once"""


@dataclass(frozen=True, slots=True)
class Generated:
    """A fleet's messages, as a cloud gets them, and their truth."""

    messages: list[Message]
    truth: Truth


def generate(plan: Plan) -> Generated:
    """The whole fleet: its messages shuffled, every seventh vehicle's a week late, and the truth."""
    parts = [vehicle(plan, n) for n in range(plan.vehicles)]
    messages = [message for part in parts for message in part.messages]
    order = np.random.default_rng(plan.seed).permutation(len(messages))
    truth = Truth(
        pa.concat_tables([tables.SAMPLES.empty_table(), *(part.truth.samples for part in parts)]),
        pa.concat_tables([tables.GAPS.empty_table(), *(part.truth.gaps for part in parts)]),
        sum(part.truth.batches for part in parts),
    )
    return Generated([messages[n] for n in order], truth)


def vehicle(plan: Plan, n: int) -> Generated:
    """Vehicle `n` alone, in the order of its batches: the same whatever the number of vehicles."""
    rng = np.random.default_rng([plan.seed, n])
    sealed = _with_evictions(list(_sealed(plan, n, rng)), lost := _lost(plan, n, rng))
    arrived = [batch for batch in sealed if (batch.boot, batch.seq) not in lost]
    late_us = WEEK_US if n % _LATE == _LATE - 1 else 0
    messages = []
    for batch in arrived:
        copies = 2 if rng.random() < plan.doubled else 1
        tells = {"schema": HOT if batch.lane == "hot" else WARM, "lane": batch.lane, "rule": batch.rule}
        tells |= {"boot": str(batch.boot), "seq": str(batch.seq)}
        came_us = batch.closed_us + 1_000_000 + late_us
        messages += [Message(body(batch), batch.device, tells, came_us, f"vehicle {n}")] * copies
    return Generated(messages, Truth(_samples(arrived), _gaps(arrived, lost), len(arrived)))


def _sealed(plan: Plan, n: int, rng: np.random.Generator) -> Iterator[Sealed]:
    """Every batch that the vehicle sealed, without what it tells of losses."""
    device, last = f"car-{n:06d}", None
    for boot in range(1, plan.boots + 1):
        start_us = START_US + (boot - 1) * (plan.seconds + _PAUSE_S) * 1_000_000
        series = drive(rng, start_us, plan.seconds)
        prev = (boot - 1, last) if boot > 1 else (None, None)
        seq = 0
        for at in range(0, plan.seconds, plan.batch_s):
            cut = [_between(one, start_us + at * 1_000_000, plan.batch_s) for one in series]
            for rule, lane, parts in _rules([part for part in cut if len(part.t_us)], seq):
                opened = min(int(part.t_us[0]) for part in parts)
                closed = max(int(part.t_us[-1]) for part in parts)
                yield Sealed(device, boot, seq, prev, rule, lane, tuple(parts), opened, closed)
                seq += 1
        last = seq - 1


def _rules(parts: list[Series], seq: int) -> Iterator[tuple[str, str, list[Series]]]:
    """The batches of one stretch of time: the bulk, and now and then some of it in the hot lane."""
    yield "steady", "warm", parts
    if seq % 7 == 0:
        yield "speed_now", "hot", [part for part in parts if part.name == _HOT]


def _between(one: Series, start_us: int, seconds: int) -> Series:
    first, last = np.searchsorted(one.t_us, [start_us, start_us + seconds * 1_000_000])
    return Series(one.name, one.unit, one.factor, one.offset, one.kind, one.t_us[first:last], one.numbers[first:last])


def _lost(plan: Plan, n: int, rng: np.random.Generator) -> dict[tuple[int, int], str]:
    """Numbers that never arrive, and the reason that is told of them; an empty one where none is.

    Any batch by chance, the end of a boot, a whole one. Where nobody can know of a loss there is none: the end of the
    last boot stays, and of one before a boot that is lost.
    """
    counts = _counts(plan)
    lost: dict[tuple[int, int], str] = {}
    for boot in range(1, plan.boots + 1):
        for seq in np.flatnonzero(rng.random(counts) < plan.lost):
            lost[boot, int(seq)] = ("cap", "expired", "")[int(seq) % 3]
    last = {plan.boots}
    if plan.lost and n % _WHOLE == _WHOLE - 1 and plan.boots > 2:  # noqa: PLR2004  one in the middle, told by the next
        lost |= {(2, seq): "" for seq in range(counts)}
        last.add(1)
    elif plan.lost and n % _TAIL == _TAIL - 1 and plan.boots > 1:
        lost |= {(1, seq): "" for seq in range(max(0, counts - _LOST_TAIL), counts)}
    for boot in last:
        lost.pop((boot, counts - 1), None)
    return lost


def _counts(plan: Plan) -> int:
    """Batches of a boot."""
    seq = 0
    for _ in range(0, plan.seconds, plan.batch_s):
        seq += 2 if seq % 7 == 0 else 1
    return seq


def _with_evictions(sealed: list[Sealed], lost: dict[tuple[int, int], str]) -> list[Sealed]:
    """Each range that has a reason is told by the next batch of its vehicle that arrives."""
    found, waiting = [], []
    for batch in sealed:
        why = lost.get((batch.boot, batch.seq))
        if why is not None:
            if why:
                waiting.append(Lost(batch.boot, batch.seq, batch.seq, why))
            found.append(batch)
            continue
        fields = {name: getattr(batch, name) for name in Sealed.__slots__}
        found.append(Sealed(**{**fields, "evicted": tuple(waiting)}))
        waiting = []
    return found


def _samples(arrived: Sequence[Sealed]) -> pa.Table:
    return pa.concat_tables([tables.SAMPLES.empty_table(), *(_rows(b, part) for b in arrived for part in b.parts)])


def _rows(batch: Sealed, part: Series) -> pa.Table:
    count = len(part.t_us)
    hot = batch.lane == "hot"
    numbers = np.array([float(number) for number in part.numbers]) if part.kind == "str" else np.asarray(part.numbers)
    each = {"device": batch.device, "boot": batch.boot, "seq": batch.seq, "rule": batch.rule, "signal": part.name}
    each |= {"unit": "" if hot else part.unit, "agg": "last", "max_error": None}
    found = {name: pa.array([value] * count, tables.SAMPLES.field(name).type) for name, value in each.items()}
    found["t"] = pa.array(part.t_us // 1000 * 1000).cast(tables.TIME)
    found["value"] = pa.array(numbers * part.factor + part.offset)
    found["text"] = pa.array(part.numbers if part.kind == "str" else [None] * count, pa.string())
    found["day"] = days(part.t_us)
    return pa.table(found, schema=tables.SAMPLES)


def _gaps(arrived: Sequence[Sealed], lost: dict[tuple[int, int], str]) -> pa.Table:
    """One number after the other, slow and plain; neighbours of one reason and place become a range."""
    by_boot = {boot: {b.seq: b for b in found} for boot, found in groupby(arrived, key=lambda batch: batch.boot)}
    rows: list[dict[str, object]] = []
    for (boot, seq), why in sorted(lost.items()):
        there = by_boot.get(boot, {})
        below, above = [n for n in there if n < seq], [n for n in there if n > seq]
        place = "boot" if not there else "tail" if not above else "middle"
        row: dict[str, object] = {
            "device": arrived[0].device,
            "boot": boot,
            "from_seq": seq,
            "to_seq": seq,
            "batches": 1,
        }
        row |= {"place": place, "why": why or "unknown"}
        row |= {"after": _ms(there[max(below)].closed_us) if below else None}
        row |= {"before": _ms(there[min(above)].opened_us) if above else None}
        before = rows[-1] if rows else {}
        if (before.get("boot"), before.get("to_seq")) == (boot, seq - 1) and before["why"] == row["why"]:
            before["to_seq"], before["batches"] = seq, int(str(before["batches"])) + 1
        else:
            rows.append(row)
    return pa.Table.from_pylist(rows, schema=tables.GAPS)


def _ms(micros: int) -> int:
    """A batch's header tells milliseconds."""
    return micros // 1000 * 1000
