"""The count finds what it is there to find: everything that a power cut must not do, made up here."""

import json
from collections.abc import Iterable, Sequence

import pytest

from edge_agent.localhub.arrivals import Arrival
from tests.powercut.count import Count, Event, Life, count

OPENED, APPENDED = "spool.opened", "spool.batches_appended"


def event(name: str, second: float = 0.0, level: str = "debug", **fields: object) -> Event:
    return {"event": name, "level": level, "timestamp": f"2026-01-02T03:04:{second:09.6f}Z", **fields}


def life(number: int, boot: int, appends: Iterable[tuple[int, int]], *more: Event) -> Life:
    """A boot that reported appends of (count, last_seq), a tenth of a second after its database was loaded."""
    opened = (event("decode.database_loaded", 5.0), event(OPENED, 5.1, boot=boot))
    told = (event(APPENDED, 6.0, count=batches, last_seq=last_seq) for batches, last_seq in appends)
    return Life(number, (*opened, *told, *more), started_s=1_767_323_041.0)


def arrival(boot: int, seq: int, *, says: tuple[int, int] | None = None, **fields: object) -> Arrival:
    """A batch with no samples, whose payload may say another key than its properties."""
    body = {
        "schema": "columns/1",
        "device": "car",
        "rule": "all",
        "kept": 0,
        "columns": [],
        "evicted": [],
        "boot": boot,
        "seq": seq,
        "prev": {"boot": None, "last_seq": None},
        **fields,
    }
    properties = dict(zip(("boot", "seq"), map(str, says or (boot, seq)), strict=True))
    return Arrival(boot * 100 + seq, 0, "car", "telematics", "telemetry", properties, json.dumps(body).encode())


PREVIOUS = {"boot": 1, "last_seq": 2}
LIVES = (life(1, 1, [(2, 1), (1, 2)]), life(2, 2, [(2, 1)]))
ARRIVALS = (*(arrival(1, seq) for seq in range(3)), *(arrival(2, seq, prev=PREVIOUS) for seq in range(2)))


def counted(lives: Sequence[Life] = LIVES, arrivals: Iterable[Arrival] = ARRIVALS) -> Count:
    return count(lives, arrivals)


def test_nothing_is_found_where_all_that_was_committed_has_come() -> None:
    result = counted()

    assert result.violations == ()
    assert (result.cuts, result.committed, result.delivered, result.twice) == (1, 5, 5, 0)


def test_a_batch_that_came_without_having_been_reported_is_no_loss() -> None:
    result = counted(arrivals=(*ARRIVALS, arrival(2, 2, prev=PREVIOUS)))

    assert (result.violations, result.committed, result.delivered) == ((), 5, 6)


@pytest.mark.parametrize("missing", range(len(ARRIVALS)))
def test_a_committed_batch_that_never_came_is_lost(missing: int) -> None:
    boot, seq = ARRIVALS[missing].properties["boot"], ARRIVALS[missing].properties["seq"]

    result = counted(arrivals=ARRIVALS[:missing] + ARRIVALS[missing + 1 :])

    assert result.lost == (f"batch {boot}/{seq} was committed and never came: nobody told",)


def test_a_batch_told_as_damaged_is_lost_all_the_same() -> None:
    told = {"boot": 1, "from": 1, "to": 1, "why": "damaged"}
    result = counted(arrivals=(*ARRIVALS[:1], *ARRIVALS[2:], arrival(2, 2, prev=PREVIOUS, evicted=[told])))

    assert result.lost == ("batch 1/1 was committed and never came: damaged",)


def test_the_same_batch_twice_is_no_repeat() -> None:
    result = counted(arrivals=(*ARRIVALS, ARRIVALS[0]))

    assert (result.violations, result.twice, result.delivered) == ((), 1, 5)


def test_a_number_that_comes_with_two_contents_is_repeated() -> None:
    result = counted(arrivals=(*ARRIVALS, arrival(1, 0, rule="other")))

    assert result.repeated == ("message 100: 1/0 came before with other bytes",)


@pytest.mark.parametrize("boot", [0, 1])
def test_a_boot_that_does_not_grow_is_repeated(boot: int) -> None:
    result = counted(lives=(LIVES[0], life(2, boot, [])), arrivals=ARRIVALS)

    assert result.repeated == (f"life 2: boot {boot} after boot 1",)


def test_a_number_that_a_boot_gives_twice_is_repeated() -> None:
    sealed = (event("policy.batch_sealed", seq=seq) for seq in (0, 1, 1))

    assert counted(lives=(life(1, 1, [(3, 2)], *sealed), LIVES[1])).repeated == ("life 1: 2 batches are number 1",)


@pytest.mark.parametrize(
    "broken",
    [
        arrival(2, 2, says=(2, 3), prev=PREVIOUS),
        arrival(2, 2, kept=1, prev=PREVIOUS),
        Arrival(1, 0, "car", "telematics", None, {"boot": "2", "seq": "2"}, b"\x1f\x8b torn"),
        Arrival(1, 0, "car", "telematics", None, {"boot": "2", "seq": "2"}, b""),
        Arrival(1, 0, "car", "telematics", None, {}, ARRIVALS[0].body),
    ],
    ids=["another key", "samples missing", "torn", "empty", "no key"],
)
def test_a_payload_that_is_not_what_it_says_is_corrupt(broken: Arrival) -> None:
    assert len(counted(arrivals=(*ARRIVALS, broken)).corrupt) == 1


@pytest.mark.parametrize("name", ["spool.segment_damaged", "spool.batches_lost", "app.stage_failed"])
def test_an_error_of_the_agent_is_corruption(name: str) -> None:
    assert len(counted(lives=(LIVES[0], life(2, 2, [(2, 1)], event(name, level="error")))).corrupt) == 1


def test_a_state_that_was_lost_is_corruption_though_it_costs_no_batch() -> None:
    lost = event("spool.state_lost", level="warning")

    assert len(counted(lives=(LIVES[0], life(2, 2, [(2, 1)], lost))).corrupt) == 1


def test_frames_that_a_slow_machine_drops_are_none() -> None:
    dropped = event("acquire.frames_dropped", level="error")

    assert counted(lives=(life(1, 1, [(3, 2)], dropped), LIVES[1])).violations == ()


def test_an_append_that_was_torn_is_counted_and_no_violation() -> None:
    result = counted(lives=(LIVES[0], life(2, 2, [(2, 1)], event("spool.tail_cut", level="info"))))

    assert (result.torn, result.violations) == (1, ())


def test_a_batch_that_knows_less_of_the_boot_before_than_was_committed_is_wrong() -> None:
    short = arrival(2, 0, prev={"boot": 1, "last_seq": 1})

    assert counted(arrivals=(*ARRIVALS[:3], short, ARRIVALS[4])).other == (
        "batch 2/0 says 1/1 came last, but 1/2 was committed",
    )


def test_a_boot_that_nobody_saw_opening_may_stand_between() -> None:
    """The power went after its state was written and before its line was."""
    between = Life(2)
    lives = (LIVES[0], between, life(3, 3, [(1, 0)]))
    result = counted(lives, (*ARRIVALS[:3], arrival(3, 0, prev={"boot": 2, "last_seq": None})))

    assert result.violations == ()


def test_a_report_that_does_not_count_what_it_names_is_wrong() -> None:
    result = counted(lives=(life(1, 1, [(2, 1), (2, 2)]), LIVES[1]))

    assert result.other == ("life 1: 2 batches appended from 2 to 2",)


def test_a_restart_is_timed_with_and_without_its_imports() -> None:
    result = counted()

    assert result.opening_s == pytest.approx((0.1, 0.1))
    assert result.restart_s == pytest.approx((4.1, 4.1))


def test_an_opening_beyond_two_seconds_is_too_late() -> None:
    opened = (event("decode.database_loaded", 5.0), event(OPENED, 7.5, boot=2))
    late = Life(2, (*opened, event(APPENDED, 8.0, count=2, last_seq=1)))

    assert counted(lives=(LIVES[0], late)).other == ("an opening took 2.50 s",)


def test_an_agent_that_ended_by_itself_is_told() -> None:
    ended = Life(2, LIVES[1].events, ended="1: error: the spool cannot be used")

    assert counted(lives=(LIVES[0], ended)).other == ("life 2: 1: error: the spool cannot be used",)
