"""The count as the table of docs/reliability.md. Pure."""

from collections.abc import Sequence
from statistics import median

from tests.powercut.count import Count

_HEAD = (
    "| cuts | batches committed | delivered | delivered twice | torn appends cut off | lost | repeated | corrupt "
    "| other | spool recovered, p50 / max | whole start, there | whole start, outside |"
)


def table(result: Count, starts_outside_s: Sequence[float]) -> str:
    """Markdown, one row."""
    cells = (
        result.cuts,
        result.committed,
        result.delivered,
        result.twice,
        result.torn,
        len(result.lost),
        len(result.repeated),
        len(result.corrupt),
        len(result.other),
        _times(result.opening_s),
        _times(result.restart_s),
        _times(starts_outside_s),
    )
    return f"{_HEAD}\n|{'---|' * len(cells)}\n| {' | '.join(map(str, cells))} |"


def _times(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.2f} s / {max(seconds):.2f} s" if seconds else "never"
