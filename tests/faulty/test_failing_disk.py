"""One act on the disk fails, or all that change it from one on: nothing promised is lost, nothing false is told."""

import errno
import os

import pytest

from tests.faulty.journey import Journey
from tests.faulty.moments import CHANGES, FULL, Moment, whole_journey
from tests.faulty.simulated_disk import LOST, NAMES, mixed
from tests.faulty.verdict import assert_kept

pytestmark = pytest.mark.timeout(0 if FULL else 60)  # 2 s of a core each, also on a machine that has other work

EVERY = 1 if FULL else 7
OPENING = 12
"""The first acts on an empty disk: each of them is tried"""


class Fault:
    """Fails act number `at`, and where it `stays` every change of the disk after it."""

    def __init__(self, number: int, at: int, *, stays: bool) -> None:
        self._error, self._at, self._stays = number, at, stays
        self.acts = 0
        self.act = ""

    def __call__(self, act: str) -> None:
        here, later = self.acts == self._at, self._stays and self.acts > self._at and act in CHANGES
        self.acts += 1
        if here:
            self.act = act
        if here or later:
            raise OSError(self._error, os.strerror(self._error))


def assert_a_life_survives(start: Moment, fault: Fault) -> None:
    """Then the disk works again, after the process was killed or the power went."""
    disk = start.disk.copy()
    journey = Journey(disk, start.promises.snapshot())
    disk.before = fault
    journey.go_on()
    for left in (disk.copy(), *(disk.crash(fate) for fate in (LOST, NAMES, mixed(fault.acts)))):
        try:
            assert_kept(left, journey.promises, after=journey.log)
        except AssertionError as verdict:
            raise AssertionError(f"{start}, {fault.act} failed: {verdict}") from verdict


@pytest.mark.parametrize("hundredth", range(0, 100, 7) if FULL else (0, 99))
@pytest.mark.parametrize(
    ("number", "stays"),
    [(errno.EIO, False), (errno.ENOSPC, False), (errno.ENOSPC, True), (errno.EROFS, True)],
    ids=["EIO", "ENOSPC", "ENOSPC that stays", "EROFS that stays"],
)
def test_an_act_fails_and_what_was_promised_is_there_or_told(number: int, stays: bool, hundredth: int) -> None:
    start = whole_journey()[len(whole_journey()) * hundredth // 100]
    at, reached = 0, True

    while reached:
        fault = Fault(number, at, stays=stays)
        assert_a_life_survives(start, fault)
        at, reached = at + (EVERY if at > OPENING else 1), fault.acts > at

    assert at > 80


class FirstRead(Fault):
    """Fails the first reading of a whole file: at a start that of state.json."""

    def __init__(self) -> None:
        super().__init__(errno.EIO, -1, stays=False)

    def __call__(self, act: str) -> None:
        if act == "read" and not self.act:
            self.act = act
            raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("hundredth", [30, 60, 98])
def test_what_was_lost_and_not_told_outlives_a_state_that_cannot_be_read_at_once(hundredth: int) -> None:
    fault = FirstRead()

    assert_a_life_survives(whole_journey()[len(whole_journey()) * hundredth // 100], fault)

    assert fault.act == "read"
