"""Every moment of a run at which the power may go."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from tests.faulty.journey import HOME, Journey, Promises
from tests.faulty.simulated_disk import Fate, SimulatedDisk

CHANGES = {"mkdir", "lock", "create", "pwrite", "ftruncate", "fdatasync", "rename", "unlink", "sync_folder"}
"""Acts on a disk that a power cut can come before or after; what only reads leaves it as it was."""

FULL = bool(os.environ.get("FAULTS_FULL"))
"""Whether to try, by hand, what would take the suite too long."""


@dataclass(frozen=True)
class Moment:
    """Between two changes of the disk."""

    number: int
    before: str
    """the change that comes next"""
    disk: SimulatedDisk
    promises: Promises

    def __str__(self) -> str:
        return f"moment {self.number}, before {self.before}"


def moments_of(disk: SimulatedDisk, promises: Promises, run: Callable[[Journey], None]) -> list[Moment]:
    """Of a run on this disk, which is used up; the last one is its end."""
    moments: list[Moment] = []
    journey = Journey(disk, promises.snapshot())

    def remember(act: str) -> None:
        if act in CHANGES:
            moments.append(Moment(len(moments), act, disk.copy(), journey.promises.snapshot()))

    disk.before = remember
    run(journey)
    moments.append(Moment(len(moments), "the end", disk.copy(), journey.promises.snapshot()))
    return moments


@cache
def whole_journey() -> list[Moment]:
    """Of the journey on a disk that was empty; copy the disks before they are used."""
    return moments_of(SimulatedDisk(HOME), Promises(), Journey.run)


def cuts(moments: Iterable[Moment], fates: Callable[[int], Iterable[Fate]]) -> Iterator[tuple[str, Moment]]:
    """What power cuts may leave at these moments, each once."""
    seen = set()
    for moment in moments:
        for fate in fates(moment.number):
            disk = moment.disk.crash(fate)
            state = (disk.fingerprint(), moment.promises.extent())
            if state not in seen:
                seen.add(state)
                yield f"{moment}: {fate}", Moment(moment.number, moment.before, disk, moment.promises)
