"""The quarantine against an oracle that remembers every death: who waits how long, and who is given up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import ANYTHING, Envelope, EnvelopeKey, Refused, Terms, Upload
from edge_agent.uplink.quarantine import PATIENCE, Patience, Quarantine
from tests.uplink.fakes import envelope

SECOND_NS = 1_000_000_000
MINUTE_NS, HOUR_NS = 60 * SECOND_NS, 3600 * SECOND_NS


def put(quarantine: Quarantine, seq: int, now_ns: int, deaths: int = 3) -> tuple[tuple[Envelope, Refused], ...]:
    return quarantine.put(envelope(seq), deaths=deaths, cause="reset", now_ns=now_ns)


def trial(quarantine: Quarantine, now_ns: int, terms: Terms = ANYTHING, connected_ns: int = 0) -> int | None:
    found = quarantine.due(now_ns, terms, connected_ns)
    return None if found is None else found.key.seq


def test_one_is_due_a_minute_after_it_came_and_not_before() -> None:
    quarantine = Quarantine()
    assert put(quarantine, 7, now_ns=0) == ()

    assert quarantine.keys == {EnvelopeKey(1, 7)}
    assert quarantine.due_ns(ANYTHING, 0) == MINUTE_NS
    assert trial(quarantine, MINUTE_NS - 1) is None
    assert trial(quarantine, MINUTE_NS) == 7


def test_each_trial_that_a_connection_dies_of_doubles_the_wait_up_to_an_hour() -> None:
    quarantine, now_ns, waits = Quarantine(), 0, []
    put(quarantine, 7, now_ns)
    for _ in range(8):
        due_ns = quarantine.due_ns(ANYTHING, 0) or 0
        waits.append((due_ns - now_ns) // MINUTE_NS)
        now_ns = due_ns
        put(quarantine, 7, now_ns, deaths=1)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_trial_that_came_to_no_end_is_held_against_nobody() -> None:
    quarantine = Quarantine()
    put(quarantine, 7, now_ns=0)
    for turn in range(1, 20):
        quarantine.unanswered(EnvelopeKey(1, 7), turn * HOUR_NS)
        assert quarantine.due_ns(ANYTHING, 0) == turn * HOUR_NS + MINUTE_NS


def test_no_young_connection_is_risked() -> None:
    quarantine = Quarantine()
    put(quarantine, 7, now_ns=0)
    assert trial(quarantine, HOUR_NS, connected_ns=HOUR_NS - 10 * SECOND_NS + 1) is None
    assert trial(quarantine, HOUR_NS, connected_ns=HOUR_NS - 10 * SECOND_NS) == 7
    assert quarantine.due_ns(ANYTHING, connected_ns=HOUR_NS) == HOUR_NS + 10 * SECOND_NS


@pytest.mark.parametrize(
    ("terms", "goes"), [(ANYTHING, True), (Terms(last_priority=4), False), (Terms(unmetered=False), False)]
)
def test_what_may_not_go_on_these_terms_is_not_tried(terms: Terms, goes: bool) -> None:
    quarantine = Quarantine()
    quarantine.put(replace(envelope(7), upload=Upload.UNMETERED), deaths=3, cause="reset", now_ns=0)
    assert trial(quarantine, HOUR_NS, terms) == (7 if goes else None)
    assert (quarantine.due_ns(terms, 0) is not None) is goes


def test_what_is_settled_is_forgotten() -> None:
    quarantine = Quarantine()
    put(quarantine, 7, now_ns=0)
    quarantine.forget(EnvelopeKey(1, 7))
    assert (len(quarantine), trial(quarantine, HOUR_NS), quarantine.due_ns(ANYTHING, 0)) == (0, None, None)


def test_many_deaths_in_a_short_time_convict_nobody_for_good() -> None:
    quarantine = Quarantine()
    for minute in range(100):
        assert put(quarantine, 7, now_ns=minute * MINUTE_NS, deaths=1) == ()


def test_it_is_given_up_after_eight_deaths_over_four_hours() -> None:
    quarantine = Quarantine()
    put(quarantine, 7, now_ns=0)
    assert put(quarantine, 7, now_ns=4 * HOUR_NS, deaths=4) == ()
    [(gone, verdict)] = put(quarantine, 7, now_ns=5 * HOUR_NS, deaths=1)
    assert gone.key == EnvelopeKey(1, 7)
    assert verdict == Refused("8 sessions ended while it was sent, the last with: reset")
    assert len(quarantine) == 0


def test_beyond_its_bound_the_one_that_most_connections_died_of_goes() -> None:
    quarantine = Quarantine()
    for seq in (1, 2, 3, 4):
        put(quarantine, seq, now_ns=seq)
    put(quarantine, 3, now_ns=5, deaths=1)
    [(gone, _)] = put(quarantine, 5, now_ns=6)
    assert gone.key.seq == 3
    [(gone, _)] = put(quarantine, 6, now_ns=7)
    assert gone.key.seq == 1, "of equal ones the one that waits longest"


STEPS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2 * HOUR_NS)), max_size=60)
PATIENCES = st.builds(
    Patience,
    first_s=st.sampled_from([0.1, 1.0, 60.0]),
    cap_s=st.sampled_from([60.0, 3600.0]),
    deaths=st.integers(3, 10),
    lasts_s=st.sampled_from([0.0, 60.0, 4 * 3600.0]),
    most=st.integers(1, 5),
)


@given(steps=STEPS, patience=PATIENCES)
def test_whatever_dies_when_what_is_kept_is_bounded_and_what_is_given_up_had_its_chances(
    steps: list[tuple[int, int]], patience: Patience
) -> None:
    quarantine = Quarantine(patience)
    deaths: dict[int, list[int]] = {}  # of each one that should be there, the times
    now_ns = 0
    for seq, passed_ns in steps:
        now_ns += passed_ns
        fresh = seq not in deaths
        given_up = {gone.key.seq for gone, _ in put(quarantine, seq, now_ns, deaths=3 if fresh else 1)}
        deaths.setdefault(seq, []).extend([now_ns] * (3 if fresh else 1))
        poison = len(deaths[seq]) >= patience.deaths and now_ns - deaths[seq][0] >= patience.lasts_s * SECOND_NS
        if poison:
            assert given_up == {seq}
        elif len(deaths) > patience.most:
            [gone] = given_up
            assert len(deaths[gone]) == max(map(len, deaths.values()))
        else:
            assert not given_up
        for gone in given_up:
            del deaths[gone]
        assert {key.seq for key in quarantine.keys} == deaths.keys()
        found = trial(quarantine, now_ns)
        assert found is None or (found in deaths and deaths[found][-1] < now_ns)
        assert trial(quarantine, now_ns + int(PATIENCE.cap_s * SECOND_NS)) is not None or not deaths
