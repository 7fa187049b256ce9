"""What the twin says of what waits on disk or in memory, and of what was lost."""

import json
from collections.abc import Mapping
from typing import Any

from edge_agent.spool.overflow import Standing
from edge_agent.spool.spool_reports import SECTION, SpoolReports
from edge_agent.twin.fitting import ROOMS
from edge_agent.twin.reported import SOON_NS, Reported
from edge_agent.uplink.quarantine import PATIENCE

ON_DISK = Standing()


def said(
    *depths: tuple[int, int, int],
    standing: Standing = ON_DISK,
    lost: Mapping[str, int] | None = None,
    quarantined: int = 0,
) -> Any:
    reported = Reported()
    reports = SpoolReports(reported)
    for batches, held_bytes, now_ms in depths:
        reports.feed((batches, held_bytes), standing, lost or {}, now_ms * 1_000_000, quarantined)
    return json.loads(reported.due(0) or "{}")[SECTION]


def test_an_empty_spool_has_no_age() -> None:
    assert said((0, 0, 5)) == {"batches": 0, "bytes": 0, "on_disk": True}


def test_it_is_told_since_when_something_waits() -> None:
    expected = {"batches": 4, "bytes": 700, "since_ms": 10, "on_disk": True}
    assert said((0, 0, 5), (2, 300, 10), (4, 700, 15)) == expected


def test_once_empty_it_begins_anew() -> None:
    expected = {"batches": 1, "bytes": 100, "since_ms": 20, "on_disk": True}
    assert said((2, 300, 10), (0, 0, 15), (1, 100, 20)) == expected


def test_what_memory_alone_holds_and_what_was_lost_are_told_where_there_is_any() -> None:
    told = said((9, 900, 5), standing=Standing(on_disk=False, memory_batches=3, memory_bytes=300), lost={"memory": 7})

    expected = {"on_disk": False, "memory_batches": 3, "memory_bytes": 300, "lost": {"memory": 7}}
    assert told == {"batches": 9, "bytes": 900, "since_ms": 5, **expected}


def test_of_what_waits_it_is_told_how_much_is_in_quarantine_where_there_is_any() -> None:
    assert said((9, 900, 5), quarantined=2)["quarantined_batches"] == 2


def test_a_disk_that_left_is_told_soon() -> None:
    reported = Reported()
    reports = SpoolReports(reported)
    reports.feed((0, 0), ON_DISK, {}, 0)
    assert reported.due(0)
    reported.answered(taken=True)

    reports.feed((0, 0), Standing(on_disk=False), {}, 0)

    assert json.loads(reported.due(SOON_NS) or "{}") == {SECTION: {"on_disk": False}}


def test_all_there_is_to_say_has_room() -> None:
    many = 10**12
    whys = ("cap", "thinned", "expired", "damaged", "memory", "refused", "no_key", "dropped", "consent")
    standing = Standing(on_disk=False, memory_batches=10**6, memory_bytes=10**9)
    told = said((10**6, many, many), standing=standing, lost=dict.fromkeys(whys, 10**7), quarantined=PATIENCE.most)

    assert set(told["lost"]) == set(whys)
    assert len(json.dumps({SECTION: told})) <= ROOMS[SECTION]
