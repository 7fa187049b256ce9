"""The power goes at any moment of a withdrawal: the next start does it again, and all else is there or told."""

from dataclasses import replace

import pytest

from edge_agent.disk import Disk
from edge_agent.durable import read_back, write_durably
from edge_agent.head_unit.consent import Consent
from edge_agent.head_unit.consent_file import ConsentFile
from edge_agent.records import Acked, Envelope, EnvelopeKey, Purpose, Refused
from edge_agent.spool.store import Store
from tests.faulty.journey import FOLDER, HOME, HandClock, opened
from tests.faulty.moments import CHANGES, FULL
from tests.faulty.simulated_disk import FATES, LOST, Fate, SimulatedDisk, mixed
from tests.spool.parts import Ear, named, sealed

pytestmark = pytest.mark.timeout(0 if FULL else 60)

NEEDS = (Purpose.LOCATION, Purpose(0), Purpose.TRIPS | Purpose.LOCATION, Purpose.TRIPS)
DECISION = FOLDER.parent / "wipe"
MARKER = b"where she lives"


def batch(boot: int, seq: int) -> Envelope:
    purposes = NEEDS[seq % 4]
    plain = sealed(boot, seq, (3, 9)[seq % 3 == 0], 300)
    payload = MARKER + plain.payload if Purpose.LOCATION in purposes else plain.payload
    return replace(plain, payload=payload, purposes=purposes)


def others(boot: int, first: int, end: int) -> set[EnvelopeKey]:
    return {EnvelopeKey(boot, seq) for seq in range(first, end) if Purpose.LOCATION not in NEEDS[seq % 4]}


def withdraw(store: Store, disk: Disk) -> None:
    """As `Consenting` does it."""
    write_durably(DECISION, b"location", disk)
    store.withdraw(Purpose.LOCATION)
    store.wipe(Purpose.LOCATION)
    write_durably(DECISION, b"", disk)


def marked(disk: SimulatedDisk) -> list[str]:
    folders = (FOLDER, FOLDER / "refused", FOLDER / "damaged")
    paths = [folder / name for folder in folders for name in disk.names(folder)]
    return [path.name for path in paths if path.name not in {"refused", "damaged"} and MARKER in disk.read(path)]


def moments() -> list[tuple[SimulatedDisk, bool]]:
    """Every disk of a life with a withdrawal in it, from before its first act, and whether it had ended by then."""
    disk, found, ended = SimulatedDisk(HOME), list[tuple[SimulatedDisk, bool]](), False
    earlier = opened(disk, Ear(), HandClock())
    for seq in range(0, 8, 2):
        earlier.append([batch(1, seq), batch(1, seq + 1)])
    earlier.close()
    store = opened(disk, Ear(), HandClock())
    for seq in range(0, 8, 2):
        store.append([batch(2, seq), batch(2, seq + 1)])
    leased = [one.key for one in store.lease(3)]
    store.settle(leased[0], Refused("too big"))
    store.settle(leased[1], Acked())
    store.commit()

    def remember(act: str) -> None:
        if act in CHANGES:
            found.append((disk.copy(), ended))

    disk.before = remember
    withdraw(store, disk)
    ended = True
    found.append((disk.copy(), ended))
    store.append([batch(2, 9)])
    store.close()
    return found


def judge(disk: SimulatedDisk, *, ended: bool) -> None:
    """A start as `Consenting.begin` makes it."""
    pending = read_back(DECISION, disk)
    store = opened(disk, log := Ear(), HandClock())
    if pending:
        withdraw(store, disk)
    found = store.lease(100)
    owed = named(store.append([]).owed)
    if ended:
        assert pending == b""
    if pending is not None:
        assert marked(disk) == []
        assert not [one for one in found if MARKER in one.payload]
    else:  # the decision was not on disk yet: all is as it was
        assert marked(disk)
    everything = {EnvelopeKey(boot, seq) for boot in (1, 2) for seq in range(8)}
    there = {one.key for one in found}
    assert len(everything - there - set(owed)) <= 1, "one was acknowledged, all others are there or told"
    assert len(there & (others(1, 0, 8) | others(2, 0, 8))) >= 6
    assert set(log.alarms()) <= {"spool.batches_lost"}
    store.close()


@pytest.mark.parametrize("fate", [*FATES, *map(mixed, range(20 if FULL else 3))], ids=str)
def test_a_withdrawal_that_the_power_cut_short_is_done_again_and_takes_nothing_else(fate: Fate) -> None:
    every = moments()

    for disk, ended in every:
        judge(disk.crash(fate), ended=ended)
    assert len(every) > 15


def test_the_process_dies_at_any_moment_and_then_the_power_goes() -> None:
    for disk, ended in moments():
        disk.kill()
        judge(disk.crash(LOST), ended=ended)


def test_what_is_kept_of_the_decision_names_what_is_to_be_wiped(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = ConsentFile(tmp_path_factory.mktemp("consent") / "consent.json", Ear())
    file.write(Consent(2, no=Purpose.LOCATION), Purpose.LOCATION)

    assert file.read()[1] == Purpose.LOCATION
