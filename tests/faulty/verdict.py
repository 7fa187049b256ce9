"""What must hold of a disk after a crash, whatever the crash left of it."""

from edge_agent.records import BootInfo, LostRange
from tests.faulty.journey import Promises, opened
from tests.faulty.simulated_disk import SimulatedDisk
from tests.spool.parts import Ear, named


def assert_kept(disk: SimulatedDisk, promises: Promises, *, after: Ear | None = None) -> None:
    """Open the store, lease all it has, and hold it against what was promised. The disk is used up.

    `after` is what was heard while the disk failed; None where nothing but the power or the process went, which is no
    damage and must not be called so.
    """
    log = Ear()
    store = opened(disk, log)
    _assert_boot(store.boot, promises)
    envelopes = store.lease(10**6)
    owed = store.append([]).owed
    found = {envelope.key for envelope in envelopes}
    assert len(found) == len(envelopes), "one is offered twice"
    for envelope in envelopes:
        given = promises.given[envelope.key]
        assert (envelope.payload, envelope.priority, envelope.upload) == (given.payload, given.priority, given.upload)
    missing = sorted(promises.answered - promises.accounted(found, owed))
    # A segment that could not be read at a start is set aside as it is, and told; nobody can name what is in it.
    assert not missing or (after and "spool.segment_set_aside" in after.alarms()), f"neither there nor told: {missing}"
    assert not promises.noted & found, f"offered again after they were noted: {sorted(promises.noted & found)}"
    assert not found.intersection(named(owed)), f"called lost and there: {owed}"
    if after is None:
        _assert_undamaged(owed, promises, log)
    store.close()


def _assert_boot(boot: BootInfo, promises: Promises) -> None:
    """Its number is new; where the one before it is known to have used the store, its last sequence is known too."""
    assert boot.boot > max(promises.boots, default=0), "a boot's number came back"
    if promises.boots and boot.previous_boot == promises.boots[-1]:
        kept, given = (
            max((key.seq for key in keys if key.boot == boot.previous_boot), default=-1)
            for keys in (promises.kept, promises.given)
        )
        last_seq = -1 if boot.previous_last_seq is None else boot.previous_last_seq
        assert kept <= last_seq <= given, f"the last sequence is {last_seq}, not {kept} to {given}"


def _assert_undamaged(owed: tuple[LostRange, ...], promises: Promises, log: Ear) -> None:
    """Of an append over two segments that had not returned the later one alone may survive: the rest is told."""
    damaged = set(named(tuple(one for one in owed if one.why == "damaged")))
    assert not damaged & promises.answered, f"called damaged: {owed}"
    expected = {"spool.batches_lost"} if promises.boots else {"spool.state_lost"}
    if promises.answered < promises.given.keys():
        expected |= {"spool.segment_damaged", "spool.segments_missing"}
    assert set(log.alarms()) <= expected, f"{log.alarms()}"
