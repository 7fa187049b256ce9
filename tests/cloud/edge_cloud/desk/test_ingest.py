import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from edge_cloud.desk.ingest import Ingest, Taken
from edge_cloud.fleet.generator import Generated, Plan, generate
from edge_cloud.lake import Lake
from edge_cloud.records import Message
from tests.cloud.edge_cloud import golden
from tests.cloud.edge_cloud.rows import assert_same_rows


@pytest.fixture(scope="module")
def fleet() -> Generated:
    return generate(Plan(vehicles=7, seconds=20, seed=4, lost=0.05, doubled=0.2, batch_s=4))


def ingested(folder: Path, messages: list[Message]) -> Taken:
    with Lake.writing(folder) as lake:
        ingest = Ingest(lake)
        for _ in ingest.take(messages):
            pass
    return ingest.taken


def test_what_came_twice_late_and_in_disorder_is_there_once(tmp_path: Path, fleet: Generated) -> None:
    taken = ingested(tmp_path, fleet.messages)
    again = ingested(tmp_path, random.Random(1).sample(fleet.messages, len(fleet.messages)))  # noqa: S311  an order

    lake = Lake.reading(tmp_path)
    assert_same_rows(lake.read("samples"), fleet.truth.samples)
    assert taken.batches == fleet.truth.batches == lake.read("batches").num_rows
    assert taken.repeated == len(fleet.messages) - taken.batches > 0
    assert (again.batches, again.samples, again.repeated) == (0, 0, len(fleet.messages))


def test_a_batch_that_is_there_is_not_written_again_beside_new_ones(tmp_path: Path, fleet: Generated) -> None:
    half = len(fleet.messages) // 2
    ingested(tmp_path, fleet.messages[:half])
    ingested(tmp_path, fleet.messages)
    assert_same_rows(Lake.reading(tmp_path).read("samples"), fleet.truth.samples)


def test_of_two_batches_with_one_name_the_first_stays_and_the_other_is_told(tmp_path: Path) -> None:
    body = golden.body("numbers")
    other = json.dumps(json.loads(body) | {"uptime_ms": 1}).encode()
    messages = [Message(body, source="one"), Message(other, source="two"), replace(golden.message("hot"))]
    taken = ingested(tmp_path, messages)
    again = ingested(tmp_path, messages[1:])
    assert (taken.batches, taken.repeated, taken.refused) == (2, 0, 1)
    assert (again.batches, again.repeated, again.refused) == (0, 1, 1)
    assert taken.reasons == again.reasons == {"another batch of the same device, boot and seq came before it": 1}
    [refused] = Lake.reading(tmp_path).read("refused").to_pylist()
    assert (refused["body"], refused["source"], refused["device"]) == (other, "two", golden.DEVICE)
    assert {*Lake.reading(tmp_path).read("batches")["source"].to_pylist()} == {"one", "hot"}


def test_a_copy_of_the_first_behind_another_batch_of_its_name_does_not_give_the_name_away(tmp_path: Path) -> None:
    first, other = (Message(golden.body("numbers"), source=source) for source in ("first", "other"))
    other = replace(other, body=json.dumps(json.loads(other.body) | {"uptime_ms": 1}).encode())
    taken = ingested(tmp_path, [first, other, replace(first, source="again")])
    assert (taken.batches, taken.repeated, taken.refused) == (1, 1, 1)
    assert Lake.reading(tmp_path).read("batches")["source"].to_pylist() == ["first"]
    assert Lake.reading(tmp_path).read("refused")["source"].to_pylist() == ["other"]


def test_payloads_in_one_body_are_taken_once_each(tmp_path: Path) -> None:
    numbers, hot = golden.body("numbers"), golden.body("hot")
    several = gzip.compress(numbers + hot + numbers)
    taken = ingested(tmp_path, [Message(several, source="several"), Message(numbers, source="alone")])
    assert (taken.batches, taken.refused) == (2, 0)
    expected = golden.samples("numbers").num_rows + golden.samples("hot").num_rows
    assert Lake.reading(tmp_path).read("samples").num_rows == taken.samples == expected


def test_what_is_no_payload_is_kept_once_with_its_reason(tmp_path: Path) -> None:
    messages = [Message(b"{}", source="a"), Message(b"nonsense", source="b"), golden.message("numbers")]
    for _ in range(2):
        taken = ingested(tmp_path, messages)
        assert (taken.refused, sum(taken.reasons.values())) == (2, 2)
    refused = Lake.reading(tmp_path).read("refused")
    assert sorted(zip(refused["source"].to_pylist(), refused["body"].to_pylist(), strict=True)) == [
        ("a", b"{}"),
        ("b", b"nonsense"),
    ]


def test_frames_with_equal_bodies_are_two_by_their_numbers(tmp_path: Path) -> None:
    frames = golden.message("frames")
    other = replace(frames, properties={**frames.properties, "seq": "9"})
    assert ingested(tmp_path, [frames, other, frames]).batches == 2
