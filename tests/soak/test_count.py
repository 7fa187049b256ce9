"""The count finds what it is there to find: everything that must not come of a fault, made up here."""

from collections import Counter
from dataclasses import replace

import pytest

from edge_agent.records import EnvelopeKey
from tests.soak.count import Arrived, Count, Course, Tried, count
from tests.soak.vitals import Vitals

VITALS = Vitals(threads=17, descriptors=30, resident_mb=70.0)
TRIED = tuple(
    Tried(name, begun_ms, 5.0, recovery_s=1.0, heard_s=1.5, sessions=1, vitals=VITALS)
    for name, begun_ms in (("mute", 1000), ("deaf", 2000), ("blind", 3000), ("lame", 4000))
)
WELL = Course(
    TRIED, start=VITALS, end=VITALS, drained=True, alarms=Counter({"uplink.link_down": 4}), sessions=5, uncertain=40
)
KEYS = [EnvelopeKey(1, seq) for seq in range(5000)]
KEPT = [(key, f"digest {key.seq}") for key in KEYS]
ARRIVED = [Arrived(key.seq, "car", key, f"digest {key.seq}") for key in KEYS]


def counted(course: Course = WELL, *, acked: list[EnvelopeKey] = KEYS, arrived: list[Arrived] = ARRIVED) -> Count:
    return count(course, KEPT, acked, arrived)


def test_nothing_is_found_where_all_came_and_all_recovered() -> None:
    result = counted()

    assert result.violations == ()
    assert (result.produced, result.distinct, result.lost, result.acked_missing, result.duplicates) == (
        5000,
        5000,
        0,
        0,
        0,
    )


def test_a_batch_that_never_came_is_lost_and_missing_where_it_was_taken_for_delivered() -> None:
    assert counted(arrived=ARRIVED[1:], acked=KEYS[1:]).violations == (
        "1 batches are lost, EnvelopeKey(boot=1, seq=0) the first",
    )
    both = counted(arrived=ARRIVED[1:])
    assert (both.lost, both.acked_missing) == (1, 1)
    assert len(both.violations) == 2


def test_a_duplicate_is_laid_to_the_fault_in_whose_time_it_came() -> None:
    again = [replace(ARRIVED[0], at_ms=at_ms) for at_ms in (500, 2500, 2999, 9000)]

    result = counted(arrived=[*ARRIVED, *again])

    assert result.duplicates_of == {"before the first": 1, "deaf": 2, "lame": 1}
    assert result.violations == ()


def test_duplicates_beyond_one_in_a_thousand_are_too_many_unless_faults_are_hurried() -> None:
    arrived = [*ARRIVED, *ARRIVED[:6]]

    assert counted(arrived=arrived).violations == ("6 duplicates of 5000 produced are 0.120%",)
    assert counted(replace(WELL, hurried=True), arrived=arrived).violations == ()


def test_a_duplicate_without_a_send_that_had_no_answer_has_no_excuse() -> None:
    [sentence] = counted(replace(WELL, uncertain=1), arrived=[*ARRIVED, *ARRIVED[:2]]).violations

    assert sentence == "2 duplicates, but only 1 sends ended without an answer"


def test_another_payload_and_another_device_are_seen() -> None:
    other = [replace(ARRIVED[0], digest="other")], [replace(ARRIVED[0], device="another car")]

    assert "a payload that was never kept" in counted(arrived=[*ARRIVED, *other[0]]).violations[0]
    assert "in the name of two devices" in counted(arrived=[*ARRIVED, *other[1]]).violations[0]


@pytest.mark.parametrize(
    ("course", "sentence"),
    [
        (replace(WELL, drained=False), "not everything was delivered at the end"),
        (replace(WELL, alarms=Counter({"uplink.batch_refused": 2})), "the agent told uplink.batch_refused, 2 times"),
        (
            replace(WELL, tried=(*TRIED[1:], replace(TRIED[0], recovery_s=10.0))),
            "mute: the next batch was acknowledged 10.0 s after its end",
        ),
        (
            replace(WELL, tried=(*TRIED[1:], replace(TRIED[0], heard_s=float("inf")))),
            "mute: a change of the twin was heard inf s after its end",
        ),
        (
            replace(WELL, end=replace(VITALS, threads=21)),
            "threads: 17 at the start, 21 at the end",
        ),
        (
            replace(WELL, end=replace(VITALS, descriptors=37)),
            "descriptors: 30 at the start, 37 at the end",
        ),
        (
            replace(WELL, end=replace(VITALS, resident_mb=95.0)),
            "resident_mb: 70 at the start, 95 at the end",
        ),
    ],
)
def test_what_did_not_go_well_is_a_sentence(course: Course, sentence: str) -> None:
    assert counted(course).violations == (sentence,)
