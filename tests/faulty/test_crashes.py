"""The power goes, or the process dies, between any two acts on the disk: what was promised holds.

Every moment of a journey, and every moment of the life after some of these; with `FAULTS_FULL=1` after a third of them,
and with far more of what may be left.
"""

from collections.abc import Callable, Iterable

import pytest

from tests.faulty.journey import Journey, Promises, opened
from tests.faulty.moments import FULL, Moment, cuts, moments_of, whole_journey
from tests.faulty.simulated_disk import FATES, LOST, NAMES, ZEROS, Fate, SimulatedDisk, mixed
from tests.faulty.verdict import assert_kept
from tests.spool.parts import Ear

pytestmark = pytest.mark.timeout(0 if FULL else 60)  # 4 s of a core each, also on a machine that has other work

STARTS = range(0, 100, 3) if FULL else range(5, 100, 15)
"""Where in the journey, in hundredths, a life begins that is cut again"""


def judge(moments: Iterable[Moment], fates: Callable[[int], Iterable[Fate]]) -> int:
    """Hold everything that power cuts may leave against the promises; returns how many disks that were."""
    count = 0
    for place, left in cuts(moments, fates):
        try:
            assert_kept(left.disk, left.promises)
        except AssertionError as fault:
            raise AssertionError(f"{place}: {fault}") from fault
        count += 1
    return count


def life_after(disk: SimulatedDisk, promises: Promises) -> list[Moment]:
    return moments_of(disk, promises, Journey.go_on)


def cuts_a_tail(moment: Moment) -> bool:
    """Whether a start finds the rest of an append that had not returned."""
    log = Ear()
    opened(moment.disk.copy(), log)
    return "spool.tail_cut" in [event for _level, event in log.heard]


def a_few(number: int) -> tuple[Fate, ...]:
    return (LOST, NAMES, *map(mixed, range(number, number + 3))) if FULL else (LOST, mixed(number))


def moment_at(hundredth: int) -> Moment:
    return whole_journey()[len(whole_journey()) * hundredth // 100]


def test_the_journey_does_everything_there_is() -> None:
    moments = whole_journey()
    promises = moments[-1].promises
    whys = {lost.why for envelope in promises.given.values() for lost in envelope.tells}

    assert {moment.before for moment in moments} >= {"create", "pwrite", "fdatasync", "rename", "unlink", "sync_folder"}
    assert whys == {"cap", "thinned", "expired", "refused"}
    assert len(promises.noted) > 30
    assert any(promises.given[key].tells for key in promises.noted)


@pytest.mark.parametrize("fate", FATES, ids=str)
def test_the_power_goes_at_any_moment_and_what_was_promised_is_there_or_told(fate: Fate) -> None:
    every = 1 if FULL or fate is LOST else 3

    assert judge(whole_journey()[FATES.index(fate) % every :: every], lambda _number: [fate]) > 50


@pytest.mark.parametrize("seed", range(40 if FULL else 1))
def test_the_power_goes_at_any_moment_and_leaves_what_the_dice_say(seed: int) -> None:
    assert judge(whole_journey(), lambda number: [mixed(number + 1000 * seed)]) > 300


@pytest.mark.parametrize("hundredth", STARTS)
def test_the_process_is_killed_and_the_power_goes_at_any_moment_of_the_life_after(hundredth: int) -> None:
    start = moment_at(hundredth)
    assert_kept(start.disk.copy(), start.promises)

    assert judge(life_after(start.disk.copy(), start.promises), a_few) > 30


@pytest.mark.parametrize("hundredth", STARTS)
def test_the_power_goes_and_goes_again_at_any_moment_of_the_life_after(hundredth: int) -> None:
    start = moment_at(hundredth)

    for _place, left in cuts([start], a_few):
        assert judge(life_after(left.disk, left.promises), a_few) > 30


def test_the_power_goes_again_after_a_torn_tail_was_cut_off() -> None:
    torn = [left for _place, left in cuts(whole_journey()[::9], lambda _number: [ZEROS]) if cuts_a_tail(left)]

    assert len(torn) > 3
    for left in torn if FULL else torn[:: len(torn) // 3]:
        assert judge(life_after(left.disk, left.promises), lambda _number: [LOST]) > 10
