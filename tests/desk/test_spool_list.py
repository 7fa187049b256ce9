import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.desk.spool_entries import Entry, Selection, Standing
from edge_agent.desk.spool_folder import SpoolFolder
from edge_agent.desk.spool_list import as_row, duration_text, entries, lines, table_row
from edge_agent.records import Acked
from edge_agent.spool.framing import Lifetime
from edge_agent.spool.naming import SegmentName, StreamName
from tests.desk.spools import BATCHES, filled, left
from tests.spool.parts import sealed

EVERYTHING = Selection()
ENTRY = Entry(
    sealed(2, 5, size=30),
    Lifetime(1000, 4600, 1_700_000_000, 1),
    encrypted=True,
    standing=Standing.WAITING,
    record_bytes=120,
    segment=SegmentName(StreamName(3), 1),
)


def rows(folder: Path, selection: Selection = EVERYTHING, *, settled: bool = False) -> list[int]:
    found = entries(SpoolFolder(folder), selection, settled=settled)
    return [entry.envelope.key.seq for entry in found]


def test_the_batches_that_wait_are_listed_as_selected(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)

    assert rows(tmp_path) == [0, 1, 2, 3, 4]
    assert rows(tmp_path, Selection(rules=frozenset({"trip", "garage"}))) == [3, 4]
    assert rows(tmp_path, Selection(boots=frozenset({2}))) == []


def test_those_that_are_settled_and_still_on_disk_are_listed_when_asked_for(tmp_path: Path) -> None:
    store = filled(tmp_path, *BATCHES)
    store.settle(store.lease(1)[0].key, Acked())
    store.close()

    assert rows(tmp_path) == [1, 2, 3, 4]
    assert rows(tmp_path, settled=True) == [0, 1, 2, 3, 4]


def test_a_table_has_a_head_and_no_more_rows_than_asked_for(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)

    table = lines(SpoolFolder(tmp_path), EVERYTHING, settled=False, limit=2, as_json=False)

    assert [line.split()[0] for line in table] == ["batch", "1/0", "1/1"]


def test_as_json_each_line_is_an_object(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)

    *_, last = lines(SpoolFolder(tmp_path), EVERYTHING, settled=False, limit=None, as_json=True)

    row = json.loads(last)
    assert (row["rule"], row["upload"], row["segment"]) == ("garage", "unmetered", "7u-0000000000.seg")
    assert row["expires_at"] is not None


def test_a_row_of_json_says_everything() -> None:
    assert as_row(ENTRY) == {
        "boot": 2,
        "seq": 5,
        "priority": 3,
        "upload": "any",
        "lane": "warm",
        "rule": "idle",
        "schema": "columns/1",
        "bytes": 30,
        "kept_powered_s": 1000,
        "expires_powered_s": 4600,
        "expires_at": "2023-11-14T22:13:20Z",
        "encrypted": True,
        "standing": "waiting",
        "segment": "3-0000000001.seg",
    }


def test_what_was_never_noted_is_null() -> None:
    row = as_row(replace(ENTRY, lifetime=Lifetime()))

    assert (row["kept_powered_s"], row["expires_powered_s"], row["expires_at"]) == (0, None, None)


def test_a_row_for_a_person_counts_powered_on_time_from_the_last_note() -> None:
    row = table_row(ENTRY, powered_s=1090)

    assert row.split() == [
        *("2/5", "3", "any", "warm", "idle", "columns/1", "30", "1min", "30s", "58min", "30s"),
        *("encrypted,", "until", "2023-11-14T22:13:20Z"),
    ]
    assert table_row(replace(ENTRY, standing=Standing.SETTLED), 1090).endswith(
        "settled, encrypted, until 2023-11-14T22:13:20Z"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "now"),
        (0, "now"),
        (59, "59s"),
        (60, "1min"),
        (3599, "59min 59s"),
        (3600, "1h"),
        (86_399, "23h 59min"),
        (90_000, "1d 1h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text
