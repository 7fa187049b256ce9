"""The soak as the tables of docs/reliability.md. Pure."""

from collections.abc import Sequence

from tests.soak.battery import FAULTS
from tests.soak.count import QUARANTINED, Count, Course, Tried
from tests.soak.vitals import Vitals


def tables(course: Course, result: Count) -> str:
    """Markdown: a row a fault, then the whole, then what the process held."""
    faults = "| fault | times | seconds of it | longest recovery | until the twin is heard | connections | duplicates |"
    rows = [_row(fault.name, course.tried, result) for fault in FAULTS]
    whole = "| produced | delivered, distinct | lost | acked but missing | duplicates | connections | quarantined |"
    share = result.duplicates / max(1, result.produced)
    totals = (
        result.produced,
        result.distinct,
        result.lost,
        result.acked_missing,
        f"{result.duplicates} ({share:.3%})",
        course.sessions,
        course.alarms[QUARANTINED],
    )
    held = "| in a healthy moment | threads | file descriptors | resident memory |"
    middle = course.tried[len(course.tried) // 2].vitals
    moments = {"start": course.start, "middle": middle, "end": course.end}
    return "\n\n".join(
        (
            _table(faults, rows),
            _table(whole, [totals]),
            _table(held, [_held(name, one) for name, one in moments.items()]),
        )
    )


def _row(name: str, tried: Sequence[Tried], result: Count) -> tuple[object, ...]:
    of_it = [one for one in tried if one.name == name]
    if not of_it:
        return (name, 0, *["-"] * 5)
    return (
        name,
        len(of_it),
        f"{sum(one.lasted_s for one in of_it):.0f}",
        f"{max(one.recovery_s for one in of_it):.1f} s",
        f"{max(one.heard_s for one in of_it):.1f} s",
        sum(one.sessions for one in of_it),
        result.duplicates_of[name],
    )


def _held(name: str, one: Vitals) -> tuple[object, ...]:
    return name, one.threads, one.descriptors, f"{one.resident_mb:.0f} MB"


def _table(head: str, rows: Sequence[Sequence[object]]) -> str:
    columns = head.count("|") - 1
    return "\n".join((head, f"|{'---|' * columns}", *(f"| {' | '.join(map(str, row))} |" for row in rows)))
