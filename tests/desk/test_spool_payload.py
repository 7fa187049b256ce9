from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.desk.spool_entries import Entry, Selection
from edge_agent.desk.spool_folder import SpoolFolder
from edge_agent.desk.spool_list import entries
from edge_agent.desk.spool_payload import first_ns, place_of
from tests.desk.spools import BATCHES, left
from tests.spool.batches import NOON_NS


@pytest.fixture
def found(tmp_path: Path) -> list[Entry]:
    left(tmp_path, *BATCHES)
    return list(entries(SpoolFolder(tmp_path), Selection()))


def test_the_first_sample_or_frame_has_a_time(found: list[Entry]) -> None:
    assert [first_ns(entry) for entry in found] == [NOON_NS, NOON_NS, NOON_NS, NOON_NS + 2_000_000, NOON_NS]


def test_what_cannot_be_read_has_none(found: list[Entry]) -> None:
    for entry in found:
        assert first_ns(replace(entry, encrypted=True)) is None
        assert first_ns(replace(entry, envelope=replace(entry.envelope, payload=b"\x1f\x8b"))) is None


def test_a_batch_is_named_as_a_sentence_names_it(found: list[Entry]) -> None:
    assert place_of(found[0]) == "batch 1/0"
