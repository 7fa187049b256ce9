from datetime import date

from edge_cloud.contradictions import REASON, contradictions
from edge_cloud.decode import decode
from edge_cloud.records import Message
from edge_cloud.tables import REFUSED
from tests.cloud.edge_cloud.golden import DEVICE, body, message


def test_a_contradiction_is_kept_whole_with_who_sent_it_and_on_the_day_it_came() -> None:
    told, untold = message("numbers"), Message(body("hot"), source="a file")
    found = contradictions(decode([told, untold]).batches)
    assert found.schema == REFUSED
    assert [(row["source"], row["device"], row["reason"], row["body"], row["day"]) for row in found.to_pylist()] == [
        ("numbers", DEVICE, REASON, told.body, date(2026, 9, 1)),
        ("a file", DEVICE, REASON, untold.body, date(1970, 1, 1)),
    ]


def test_of_no_batches_there_are_none() -> None:
    assert contradictions(decode([]).batches).num_rows == 0
