import gzip

import pytest

from edge_cloud.decode import decode
from edge_cloud.fleet.generator import Plan, vehicle
from edge_cloud.fleet.recorded import NoDrive, patterns
from edge_cloud.readers.contents import messages_in
from edge_cloud.records import Message
from tests.cloud.edge_cloud.rows import assert_same_rows

DRIVE = vehicle(Plan(vehicles=1, seconds=60, boots=2, lost=0.0, doubled=0.0), 0).messages


def test_another_vehicles_drive_is_the_same_drive_under_its_name() -> None:
    newest = [message for message in DRIVE if message.properties["boot"] == "2"]
    driven = [Message(one.body("car-7", 9, seq), "car-7") for seq, one in enumerate(patterns(DRIVE))]
    found, expected = decode(driven), decode(newest)

    assert found.refused.num_rows == 0
    assert set(found.batches["device"].to_pylist()) == {"car-7"}
    assert found.batches["seq"].to_pylist() == list(range(len(newest)))
    assert set(found.batches["boot"].to_pylist()) == {9}
    same = ["rule", "signal", "unit", "agg", "t", "value", "text"]
    assert_same_rows(found.samples.select(same), expected.samples.select(same))


def test_messages_put_one_after_the_other_in_a_file_come_apart_again() -> None:
    bodies = [one.body("car-7", 9, seq) for seq, one in enumerate(patterns(DRIVE)) if one.lane == "warm"]

    assert [message.body for message in messages_in("a file", b"".join(bodies))] == bodies
    assert all(gzip.decompress(body).endswith(b"]}\n") for body in bodies)


def test_its_messages_are_as_large_as_the_real_ones() -> None:
    for message, one in zip(DRIVE[len(DRIVE) // 2 :], patterns(DRIVE), strict=True):
        assert len(one.body("car-000007", 2, 7)) == pytest.approx(len(message.body), rel=0.15)


@pytest.mark.parametrize("messages", [[], [Message(gzip.compress(b"{"), properties={"schema": "columns/1"})]])
def test_where_nothing_can_be_driven_again_it_is_said(messages: list[Message]) -> None:
    with pytest.raises(NoDrive):
        patterns(messages)
