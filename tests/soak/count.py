"""What must be true of a soak, counted from what was kept, what was acknowledged and what the hub took. Pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.records import EnvelopeKey
from tests.soak.vitals import Vitals

RECOVERY_S: Final = 10.0
DUPLICATES: Final = 0.001
"""of what was produced"""
GROWTH: Final = Vitals(threads=3, descriptors=6, resident_mb=24.0)
"""What there may be more at the end than at the start."""
QUARANTINED: Final = "uplink.batch_quarantined"
EXPECTED_ALARMS: Final = frozenset({"uplink.link_down", "uplink.session_undisposed", QUARANTINED})
"""of an agent whose hub fails; every other warning or error is a fault of its own"""


@dataclass(frozen=True, slots=True)
class Tried:
    """One fault, as it went."""

    name: str
    begun_ms: int
    """since the Unix epoch"""
    lasted_s: float
    recovery_s: float
    """from the fault's end to the next acknowledged batch"""
    heard_s: float
    """from the fault's end to a change of the twin that was made then"""
    sessions: int
    """connections made, from the fault's begin to its recovery"""
    vitals: Vitals
    """after the healthy time behind it"""


@dataclass(frozen=True, slots=True)
class Course:
    """What the agent did and said."""

    tried: Sequence[Tried]
    start: Vitals
    """before the first fault"""
    end: Vitals
    """when all was delivered, and clients that a mute hub held had the time of a keep-alive to end"""
    drained: bool
    alarms: Counter[str]
    sessions: int
    uncertain: int
    """sends that ended without an answer"""
    hurried: bool = False
    """faults follow each other so fast that duplicates are no small share: then only their reason is asked for"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message at the hub."""

    at_ms: int
    device: str
    key: EnvelopeKey
    digest: str


@dataclass(frozen=True, slots=True)
class Count:
    """The outcome; `violations` are sentences, none where all is well."""

    produced: int
    distinct: int
    lost: int
    acked_missing: int
    duplicates: int
    duplicates_of: Counter[str]
    """by the fault in whose time the message came again; none is before the first"""
    violations: tuple[str, ...]


def count(
    course: Course, kept: Iterable[tuple[EnvelopeKey, str]], acked: Iterable[EnvelopeKey], arrived: Iterable[Arrived]
) -> Count:
    """Compare the three; `kept` has each payload's digest."""
    digests = dict(kept)
    seen: set[tuple[str, EnvelopeKey]] = set()
    duplicates_of: Counter[str] = Counter()
    wrong: list[str] = []
    begins = [one.begun_ms for one in course.tried]
    for one in arrived:
        if digests.get(one.key) != one.digest:
            wrong.append(f"{one.key} arrived with a payload that was never kept")
        if (name := (one.device, one.key)) in seen:
            at = bisect_right(begins, one.at_ms) - 1
            duplicates_of[course.tried[at].name if at >= 0 else "before the first"] += 1
        seen.add(name)
    keys = {key for _, key in seen}
    if len(keys) < len(seen):
        wrong.append("a batch arrived in the name of two devices")
    lost, missing = digests.keys() - keys, set(acked) - keys
    duplicates = duplicates_of.total()
    wrong += [f"{len(lost)} batches are lost, {min(lost)} the first"] if lost else []
    wrong += [f"{len(missing)} batches were taken for delivered and are missing"] if missing else []
    wrong += [*_of_duplicates(course, duplicates, len(digests)), *_of_course(course)]
    return Count(len(digests), len(keys), len(lost), len(missing), duplicates, duplicates_of, tuple(wrong))


def _of_duplicates(course: Course, duplicates: int, produced: int) -> Iterable[str]:
    if duplicates > course.uncertain:
        yield f"{duplicates} duplicates, but only {course.uncertain} sends ended without an answer"
    if not course.hurried and duplicates >= DUPLICATES * produced:
        yield f"{duplicates} duplicates of {produced} produced are {duplicates / produced:.3%}"


def _of_course(course: Course) -> Iterable[str]:
    if not course.drained:
        yield "not everything was delivered at the end"
    for name, times in sorted(course.alarms.items()):
        if name not in EXPECTED_ALARMS:
            yield f"the agent told {name}, {times} times"
    for one in course.tried:
        if not one.recovery_s < RECOVERY_S:
            yield f"{one.name}: the next batch was acknowledged {one.recovery_s:.1f} s after its end"
        if not one.heard_s < RECOVERY_S:
            yield f"{one.name}: a change of the twin was heard {one.heard_s:.1f} s after its end"
    for what in grown(course.start, course.end):
        yield f"{what}: {getattr(course.start, what):.0f} at the start, {getattr(course.end, what):.0f} at the end"


def grown(start: Vitals, end: Vitals) -> list[str]:
    """What is more than it may be."""
    names = ("threads", "descriptors", "resident_mb")
    return [name for name in names if getattr(end, name) > getattr(start, name) + getattr(GROWTH, name)]
