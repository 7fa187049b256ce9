"""What must be true over all power cuts, from what the driver told. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

MOST_LOST_S = 10
WORTH_KEEPING_S = 120 + MOST_LOST_S
"""a trip shorter than that may be too short at its last tick"""

Told = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """Of a campaign."""

    cuts: int
    cut_trips: int
    lost_s: Sequence[int]
    """of each trip that a cut closed: from its last second to the cut"""
    violations: Sequence[str]


def counted(lives: Sequence[Told]) -> Result:
    """Each life is what its driver told, in order; the last one only opens."""
    lost: list[int] = []
    violations: list[str] = []
    for number, (told, after) in enumerate(pairwise(lives), 1):
        if not told or not after or "opened" not in after[0]:
            violations.append(f"life {number} or the one after it told nothing")
            continue
        violations += [f"after cut {number}: {what}" for what in _violated(told, after[0], lost)]
    return Result(len(lives) - 1, len(lost), lost, violations)


def _violated(told: Told, opened: Mapping[str, Any], lost: list[int]) -> Iterator[str]:
    if opened["open_left"]:
        yield "a trip is still open"
    if not opened["plots"]:
        yield "a plot is gone"
    trips = {trip[0]: trip for trip in opened["opened"]}
    if gone := [trip for trip in told[0]["opened"] if trips.get(trip[0]) != trip]:
        yield f"{len(gone)} trips of earlier lives are gone or changed"
    yield from _of_decisions(told, opened["decided"])
    seconds = [line for line in told if "now_s" in line]
    if not seconds:
        return
    last = seconds[-1]
    if len(trips) < last["kept"]:
        yield f"{last['kept']} trips were kept, {len(trips)} are there"
    drive = _drive_at_the_end(seconds)
    if drive < WORTH_KEEPING_S:
        return
    cut = [trip for trip in trips.values() if trip[1] == "cut" and trip[3] > last["now_s"] - drive]
    if len(cut) != 1:
        yield f"{len(cut)} trips were closed by the cut, after {drive} s of a drive"
        return
    lost.append(last["now_s"] - cut[0][3])
    if lost[-1] > MOST_LOST_S:
        yield f"{lost[-1]} s of a trip are lost"


def _drive_at_the_end(seconds: Told) -> int:
    """How long it had been driving when the power went; 0 where it stood."""
    still = [number for number, line in enumerate(seconds) if not line["moves"]]
    return len(seconds) - 1 - still[-1] if still else len(seconds)


def _of_decisions(told: Told, found: int) -> Iterator[str]:
    decided = [line["decided"] for line in told if line.get("decided")]
    deciding = [line["deciding"] for line in told if "deciding" in line]
    if decided and found not in {decided[-1], *deciding[-1:]}:
        yield f"the decision of {decided[-1]} does not count, that of {found} does"
