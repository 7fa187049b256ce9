import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.observe.health import CONNECTING_S, STANDSTILL_S, UNANSWERED_S, Progress, Watch

SECOND = 1_000_000_000
IDLE = Progress(
    blocks=0,
    expects_blocks=True,
    sifted=0,
    unsifted=0,
    sealed=0,
    committed=0,
    answered=0,
    attempts=0,
    link_up=True,
    connecting=False,
    sendable=False,
)


def after(progress: Progress, seconds: int) -> Progress:
    """An agent at work, so many seconds later."""
    return replace(
        progress,
        blocks=progress.blocks + 10 * seconds,
        sifted=progress.sifted + 10 * seconds,
        sealed=progress.sealed + seconds,
        committed=progress.committed + seconds,
        answered=progress.answered + seconds,
    )


def unhealthy_s(begin: Progress, stalled: frozenset[str], within_s: int = 200, commit_s: float = 1.0) -> int | None:
    """When an agent of which these counters stand is first called unhealthy."""
    watch = Watch(commit_s)
    for second in range(within_s):
        now = after(begin, second)
        watch.look(replace(now, **{name: getattr(begin, name) for name in stalled}), second * SECOND)
        if not watch.verdict.healthy:
            return second
    return None


@pytest.mark.parametrize(
    ("stalled", "begin", "stage", "limit_s"),
    [
        ({"blocks", "sifted", "sealed", "committed", "answered"}, IDLE, "acquire", STANDSTILL_S),
        ({"sifted", "sealed", "committed", "answered"}, replace(IDLE, unsifted=3), "sift", STANDSTILL_S),
        ({"committed", "answered"}, IDLE, "spool", STANDSTILL_S + 1),
        ({"answered"}, replace(IDLE, sendable=True), "uplink", UNANSWERED_S),
        ({"answered"}, replace(IDLE, link_up=False, connecting=True), "uplink.connect", CONNECTING_S),
    ],
)
def test_a_stage_that_stands_still_at_its_work_is_named_with_how_long(
    stalled: set[str], begin: Progress, stage: str, limit_s: float
) -> None:
    when_s = unhealthy_s(begin, frozenset(stalled))

    assert when_s is not None
    assert limit_s <= when_s <= limit_s + 2
    watch = Watch(1.0)
    for second in range(when_s + 1):
        now = after(begin, second)
        watch.look(replace(now, **{name: getattr(begin, name) for name in stalled}), second * SECOND)
    assert watch.verdict.sentence.startswith(f"{stage} stands still for {math.ceil(limit_s)} s: ")


def test_a_stage_that_waits_for_the_one_behind_it_is_not_the_one_that_is_named() -> None:
    begin = replace(IDLE, unsifted=64, sealed=40, committed=3)
    watch = Watch(1.0)
    for second in range(60):
        watch.look(replace(begin, blocks=second), second * SECOND)

    assert watch.verdict.sentence.split()[0] == "spool"


@pytest.mark.parametrize(
    "idle",
    [
        replace(IDLE, link_up=False, sendable=True),
        replace(IDLE, sendable=False),
        replace(IDLE, link_up=False, sendable=True, on_disk=False),
    ],
    ids=["offline", "nothing may be sent", "offline from memory"],
)
def test_no_acknowledgement_is_missed_where_none_can_come(idle: Progress) -> None:
    assert unhealthy_s(idle, frozenset({"answered", "attempts"}), within_s=3600) is None


def test_a_hub_that_answers_nothing_but_lets_itself_be_connected_to_is_not_our_fault() -> None:
    watch = Watch(1.0)
    for second in range(3600):
        begin = after(replace(IDLE, sendable=True), second)
        watch.look(replace(begin, answered=0, attempts=second // 10), second * SECOND)
        assert watch.verdict.healthy


def test_a_silent_bus_gives_no_batch_and_a_recording_no_block_and_both_are_well() -> None:
    silent = frozenset({"sealed", "committed", "answered"})
    assert unhealthy_s(IDLE, silent, within_s=3600) is None
    ended = frozenset({"blocks", "sifted", *silent})
    assert unhealthy_s(replace(IDLE, expects_blocks=False), ended, within_s=3600) is None


def test_a_long_group_commit_has_its_time() -> None:
    assert unhealthy_s(IDLE, frozenset({"committed", "answered"}), commit_s=60.0) == pytest.approx(91, abs=2)


def test_what_is_degraded_is_healthy_and_says_so() -> None:
    watch = Watch(1.0)
    watch.look(replace(IDLE, link_up=False, on_disk=False), 0)

    assert watch.verdict.healthy
    assert "offline" in watch.verdict.sentence
    assert "runs from memory" in watch.verdict.sentence


def test_before_the_first_look_it_starts() -> None:
    assert Watch(1.0).verdict.healthy


def test_a_system_that_was_suspended_for_a_night_wakes_up_healthy() -> None:
    watch = Watch(1.0)
    for second in range(20):
        watch.look(IDLE, second * SECOND)
    watch.look(IDLE, 8 * 3600 * SECOND)

    assert watch.verdict.healthy


def test_a_stage_that_goes_on_again_is_well_at_once() -> None:
    watch = Watch(1.0)
    for second in range(40):
        watch.look(IDLE, second * SECOND)
    assert not watch.verdict.healthy
    watch.look(replace(IDLE, blocks=1), 40 * SECOND)

    assert watch.verdict.healthy


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 3), st.booleans()), max_size=60))
def test_whoever_makes_progress_between_any_two_looks_is_never_called_wedged(
    steps: list[tuple[int, int, bool]],
) -> None:
    watch, now, uptime_ns = Watch(1.0), replace(IDLE, sendable=True), 0
    for wait_ms, seconds, up in steps:
        now = replace(after(now, 1 + seconds), link_up=up)
        uptime_ns += wait_ms * 1_000_000
        watch.look(now, uptime_ns)
        assert watch.verdict.healthy
