"""What the twin says of what waits on disk."""

import json
from typing import Any

from edge_agent.reported import Reported
from edge_agent.spool_reports import SECTION, SpoolReports


def said(*depths: tuple[int, int, int]) -> Any:
    reported = Reported()
    reports = SpoolReports(reported)
    for batches, held_bytes, now_ms in depths:
        reports.feed(batches, held_bytes, now_ms * 1_000_000)
    return json.loads(reported.due(0) or "{}")[SECTION]


def test_an_empty_spool_has_no_age() -> None:
    assert said((0, 0, 5)) == {"batches": 0, "bytes": 0}


def test_it_is_told_since_when_something_waits() -> None:
    assert said((0, 0, 5), (2, 300, 10), (4, 700, 15)) == {"batches": 4, "bytes": 700, "since_ms": 10}


def test_once_empty_it_begins_anew() -> None:
    assert said((2, 300, 10), (0, 0, 15), (1, 100, 20)) == {"batches": 1, "bytes": 100, "since_ms": 20}
