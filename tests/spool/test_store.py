"""Random actions on real files, with the power cut between any two, and at every single step on the disk."""

import errno
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from edge_agent.disk import Disk
from edge_agent.errors import DiskBusy, SpoolUnusable
from edge_agent.records import Acked, BootInfo, Deferred, Envelope, EnvelopeKey, LostRange, Refused, Retention
from edge_agent.spool.opening import open_store
from edge_agent.spool.store import Store
from tests.spool.driven_clock import DrivenClock
from tests.spool.parts import Ear, named, sealed

CAP_BYTES = 16_000
DISK_STEPS = [(os, "pwrite"), (os, "fdatasync"), (os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "rename")]


def store_in(folder: Path, log: Ear | None = None, cap_bytes: int = CAP_BYTES) -> Store:
    return open_store(folder, cap_bytes=cap_bytes, segment_bytes=1_000, log=log or Ear())


def everything_in(store: Store) -> list[Envelope]:
    return list(store.lease(10**6))


class PowerCut(BaseException):
    """The process is gone; nothing after this line runs."""


@contextmanager
def failing_step(at: int, error: BaseException) -> Iterator[Callable[[], bool]]:
    """Let the disk's step number `at`, and all after it, fail; yields whether that number was reached."""
    steps = 0

    def failing(real: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **kwargs: object) -> object:
            nonlocal steps
            steps += 1
            if steps > at:
                raise error
            return real(*args, **kwargs)

        return step

    patches = [patch.object(owner, name, failing(getattr(owner, name))) for owner, name in DISK_STEPS]
    for one in patches:
        one.start()
    try:
        yield lambda: steps > at
    finally:
        for one in patches:
            one.stop()


class StoreActions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="spool-"))
        self.starts = 0
        self.seq = 0
        self.last_seq: int | None = None
        self.priority: dict[EnvelopeKey, int] = {}
        self.committed: set[EnvelopeKey] = set()
        self.live: set[EnvelopeKey] = set()
        self.in_flight: set[EnvelopeKey] = set()
        self.acked: set[EnvelopeKey] = set()
        self.gone: set[EnvelopeKey] = set()
        self.named: dict[EnvelopeKey, set[EnvelopeKey]] = defaultdict(set)
        """what each batch tells"""
        self.returned: tuple[LostRange, ...] = ()
        self.log = Ear()
        self.store = store_in(self.home / "0", self.log)
        self.stores = [self.store]

    @property
    def folder(self) -> Path:
        return self.home / str(self.starts)

    @rule(
        group=st.lists(st.tuples(st.integers(0, 9), st.sampled_from([1, 300, 2_000])), min_size=1, max_size=4),
        told_at_once=st.integers(0, 2),
    )
    def append(self, group: list[tuple[int, int]], told_at_once: int) -> None:
        boot = self.store.boot.boot
        envelopes = []
        for place, item in enumerate(group):
            tells, self.returned = self.returned[:told_at_once], self.returned[told_at_once:]
            envelopes.append(sealed(boot, self.seq + place, *item, tells=tells))
            self.named[EnvelopeKey(boot, self.seq + place)].update(named(tells))
        self.seq += len(group)
        self.priority |= {envelope.key: envelope.priority for envelope in envelopes}

        self.returned = self.store.append(envelopes).owed

        self.committed |= {envelope.key for envelope in envelopes}
        lost = set(named(self.returned))
        assert not lost & self.in_flight
        assert not lost & set().union(*(self.named[key] for key in self.acked))
        self.gone |= lost
        kept = [envelope.key.seq for envelope in envelopes if envelope.key not in lost]
        self.last_seq = max(kept, default=self.last_seq)
        self.live = (self.live | {envelope.key for envelope in envelopes}) - lost
        assert sum(path.stat().st_size for path in self.folder.rglob("*.seg")) <= CAP_BYTES

    @rule(limit=st.integers(1, 5))
    def lease(self, limit: int) -> None:
        boot = self.store.boot.boot
        ready = sorted(self.live - self.in_flight, key=lambda key: (key.boot != boot, self.priority[key], key))
        leased = self.store.lease(limit)
        assert [envelope.key for envelope in leased] == ready[:limit]
        self.in_flight |= {envelope.key for envelope in leased}

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), receipt=st.sampled_from([Acked(), Acked(), Acked(), Deferred("later"), Refused("too big")]))
    def settle(self, data: st.DataObject, receipt: Acked | Deferred | Refused) -> None:
        key = data.draw(st.sampled_from(sorted(self.in_flight)))
        self.store.settle(key, receipt)
        self.in_flight.remove(key)
        if isinstance(receipt, Acked):
            self.acked.add(key)
            self.live.remove(key)
        elif isinstance(receipt, Refused):
            self.gone.add(key)
            self.live.remove(key)

    @rule()
    def note(self) -> None:
        self.store.commit()

    @rule(cleanly=st.booleans())
    def start_again(self, cleanly: bool) -> None:
        """Reopen the folder after a close, or a copy of it as a power cut would leave it."""
        before = self.store.boot
        source = self.folder
        if cleanly:
            self.store.close()
            self.stores.remove(self.store)
        self.starts += 1
        shutil.copytree(source, self.folder)
        self.log = Ear()
        self.store = store_in(self.folder, self.log)
        self.stores.append(self.store)
        self.returned, self.in_flight, self.seq = (), set(), 0
        assert self.store.boot == BootInfo(before.boot + 1, before.boot, self.last_seq)
        self.last_seq = None
        assert self.log.alarms() == []
        self.recover_contents(cleanly=cleanly)

    def recover_contents(self, *, cleanly: bool) -> None:
        found = everything_in(self.store)
        keys = [envelope.key for envelope in found]
        assert keys == sorted(keys, key=lambda key: (self.priority[key], key))
        assert self.live <= set(keys)
        assert set(keys) <= (self.live if cleanly else self.live | self.acked | self.gone)
        for envelope in found:
            assert envelope == sealed(envelope.key.boot, envelope.key.seq, envelope.priority, len(envelope.payload))
        self.store.give_back(keys)
        self.live = set(keys)

    def drain(self) -> None:
        for key in [*self.in_flight, *(envelope.key for envelope in everything_in(self.store))]:
            self.store.settle(key, Acked())
            self.acked.add(key)
        self.in_flight.clear()
        self.store.commit()

    def teardown(self) -> None:
        self.drain()
        while tells := self.store.append([]).owed:
            key = EnvelopeKey(self.store.boot.boot, self.seq)
            self.seq += 1
            self.store.append([sealed(key.boot, key.seq, tells=tells)])
            self.named[key].update(named(tells))
            self.drain()
        assert self.committed <= self.acked | set().union(*(self.named[key] for key in self.acked))
        assert self.store.depth == (0, 0)
        for store in self.stores:
            store.close()
        shutil.rmtree(self.home)


TestStoreActions = StoreActions.TestCase
TestStoreActions.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


class Journey:
    """A fixed run over everything the store does; remembers what it was promised, up to where it was cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = Ear()
        self.promised: list[EnvelopeKey] = []
        self.settled: set[EnvelopeKey] = set()
        self.told: set[EnvelopeKey] = set()
        self.boots: list[int] = []

    def run(self) -> None:
        for _ in range(2):
            store = store_in(self.folder, self.log, cap_bytes=5_000)
            self.boots.append(store.boot.boot)
            returned: tuple[LostRange, ...] = ()
            for seq in range(4):
                one, two = sealed(store.boot.boot, 2 * seq, seq % 3, 400), sealed(store.boot.boot, 2 * seq + 1, 9, 300)
                returned = store.append([replace(one, tells=returned), two]).owed
                self.promised += [one.key, two.key]
                self.told |= set(named(returned))
                if seq % 2:
                    for envelope in store.lease(1):
                        self.settled.add(envelope.key)
                        store.settle(envelope.key, Acked())
                    store.commit()
            store.close()


def test_the_power_may_go_before_any_step_on_the_disk_and_nothing_promised_is_lost(tmp_path: Path) -> None:
    at, reached = 0, True
    while reached:
        journey = Journey(tmp_path / str(at))
        with failing_step(at, PowerCut()) as was_reached:
            with suppress(PowerCut):
                journey.run()
            reached = was_reached()
        (after := tmp_path / f"{at}-after").mkdir()
        shutil.copytree(journey.folder, after, dirs_exist_ok=True)
        log = Ear()
        store = store_in(after, log, cap_bytes=5_000)
        found = {envelope.key for envelope in everything_in(store)}
        told = journey.told | set(named(store.append([]).owed))
        assert set(journey.promised) <= found | journey.settled | told, f"cut before step {at}"
        assert store.boot.boot > max(journey.boots, default=0)
        assert [event for event in log.alarms() if event != "spool.state_lost"] == []
        store.close()
        at += 1
    assert journey.told  # the run is long enough to evict
    assert at > 80


def test_the_power_may_go_at_any_step_of_a_start_that_finds_damage_and_it_is_still_owed(tmp_path: Path) -> None:
    seed = store_in(tmp_path / "seed")
    seed.append([sealed(1, seq) for seq in range(3)])
    seed.close()
    (path,) = (tmp_path / "seed").glob("*.seg")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    at, reached = 0, True
    while reached:
        folder = shutil.copytree(tmp_path / "seed", tmp_path / str(at))
        with failing_step(at, PowerCut()) as was_reached:
            with suppress(PowerCut):
                store_in(folder).close()
            reached = was_reached()
        store = store_in(folder)
        assert named(store.append([]).owed) == [EnvelopeKey(1, 1)], f"cut before step {at}"
        assert [envelope.key.seq for envelope in everything_in(store)] == [0, 2]
        store.close()
        at += 1
    assert at > 8


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_disk_that_fails_at_any_step_of_an_append_keeps_nothing_of_it_and_the_next_one_works(
    tmp_path: Path, number: int
) -> None:
    at, reached = 0, True
    while reached:
        store = store_in(folder := tmp_path / str(at))
        store.append([sealed(1, 0, 3), sealed(1, 1, 4)])
        group = [sealed(1, 2, 3), sealed(1, 3, 4), sealed(1, 4, 5)]
        with failing_step(at, OSError(number, os.strerror(number))) as was_reached:
            try:
                store.append(group)
            except DiskBusy as busy:
                assert os.strerror(number) in str(busy)  # noqa: PT017  it may also have worked
                kept = 2
            else:
                kept = 5
            reached = was_reached()
        assert store.depth[0] == kept
        copy = shutil.copytree(folder, tmp_path / f"{at}-copy")
        crashed = store_in(copy)
        if kept == 2:
            store.append(group)
        assert [envelope.key.seq for envelope in everything_in(store)] == [0, 2, 1, 3, 4]
        assert len(everything_in(crashed)) == kept
        for one in (store, crashed):
            one.close()
        at += 1
    assert at > 4


def test_an_eviction_that_the_disk_refused_to_note_is_made_up_for_by_the_next_append(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append([sealed(1, seq, 9, 600) for seq in range(18)])

    with failing_step(0, OSError(errno.EIO, "Input/output error")), pytest.raises(DiskBusy):
        store.append([sealed(1, 18, 0, 3_000)])
    lost = named(store.append([sealed(1, 18, 0, 3_000)]).owed)

    assert lost == [EnvelopeKey(1, seq) for seq in range(len(lost))]
    assert sum(path.stat().st_size for path in tmp_path.glob("*.seg")) <= CAP_BYTES
    store.close()


def test_a_full_disk_gives_up_its_reserve_so_that_delivered_batches_can_go(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append([sealed(1, seq, 3, 600) for seq in range(4)])
    for envelope in everything_in(store):
        store.settle(envelope.key, Acked())
    real = os.fsync

    def full_while_reserved(descriptor: int) -> None:
        if (tmp_path / "reserve").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with patch.object(os, "fsync", full_while_reserved):
        store.commit()

    assert len(list(tmp_path.glob("*.seg"))) == 1
    store.close()


def test_a_refused_batch_lies_in_the_refused_folder_and_is_owed_once(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append([sealed(1, 0), sealed(1, 1)])
    (first,) = store.lease(1)
    store.settle(first.key, Refused("too big"))

    owed = store.append([]).owed

    assert owed == (LostRange(1, 0, 0, "refused"),)
    assert store.append([sealed(1, 2, tells=owed)]).owed == ()
    (kept,) = (tmp_path / "refused").iterdir()
    assert first.payload in kept.read_bytes()
    store.close()


def test_the_refused_folder_is_bounded_and_its_oldest_goes_first(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for seq in range(6):
        store.append([sealed(1, seq, size=100)])
        (envelope,) = store.lease(1)
        store.settle(envelope.key, Refused("too big"))

    kept = sorted((tmp_path / "refused").iterdir())

    assert sum(path.stat().st_size for path in kept) <= CAP_BYTES // 32
    assert kept[-1].name == "0000000001-00000000000000000005.seg"
    assert len(kept) == 2
    store.close()


def test_a_refused_batch_that_cannot_be_set_aside_is_told(tmp_path: Path) -> None:
    log = Ear()
    store = store_in(tmp_path, log)
    store.append([sealed(1, 0)])
    (envelope,) = store.lease(1)

    with failing_step(0, OSError(errno.ENOSPC, "No space left on device")):
        store.settle(envelope.key, Refused("too big"))

    assert log.alarms() == ["spool.refused_not_kept"]
    store.close()


def test_a_record_that_rots_while_we_run_is_owed_and_the_rest_is_sent(tmp_path: Path) -> None:
    log = Ear()
    store = store_in(tmp_path, log)
    store.append([sealed(1, seq) for seq in range(3)])
    (path,) = tmp_path.glob("*.seg")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert [envelope.key.seq for envelope in store.lease(3)] == [0, 2]
    assert store.append([]).owed == (LostRange(1, 1, 1, "damaged"),)
    assert log.alarms() == ["spool.batches_lost"]
    store.close()


def test_a_segment_that_vanishes_while_we_run_is_owed_like_a_damaged_one(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append([sealed(1, 0)])
    next(tmp_path.glob("*.seg")).unlink()

    assert store.lease(1) == ()
    assert store.append([]).owed == (LostRange(1, 0, 0, "damaged"),)
    store.close()


def test_a_process_without_descriptors_leaves_instead_of_calling_its_batches_damaged(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append([sealed(1, 0)])

    def too_many(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with patch.object(os, "open", too_many), pytest.raises(SpoolUnusable, match="Too many open files"):
        store.lease(1)

    store.close()
    store = store_in(tmp_path)
    assert store.depth[0] == 1
    store.close()


def test_a_note_that_cannot_be_written_is_told_and_made_up_for_later(tmp_path: Path) -> None:
    log = Ear()
    store = store_in(tmp_path, log)
    store.append([sealed(1, 0)])
    store.settle(store.lease(1)[0].key, Acked())

    with failing_step(0, OSError(errno.EROFS, "Read-only file system")):
        store.try_commit()
    store.close()

    assert log.alarms() == ["spool.state_write_failed"]
    store = store_in(tmp_path)
    assert store.depth == (0, 0)
    store.close()


def test_a_batch_of_another_boot_is_a_mistake_of_ours(tmp_path: Path) -> None:
    store = store_in(tmp_path)

    with pytest.raises(AssertionError, match="7/0 is not of boot 1"):
        store.append([sealed(7, 0)])
    store.close()


class WatchfulDisk(Disk):
    """Remembers the most that segments, whole or half written, took together."""

    def __init__(self) -> None:
        self.most_bytes = 0

    def rename(self, path: Path, target: Path) -> None:
        taken = sum(one.stat().st_size for one in path.parent.iterdir() if ".seg" in one.name)
        self.most_bytes = max(self.most_bytes, taken)
        super().rename(path, target)


def test_the_cap_holds_while_a_thinned_segment_is_rewritten_beside_itself(tmp_path: Path) -> None:
    disk = WatchfulDisk()
    store = open_store(tmp_path, cap_bytes=CAP_BYTES, segment_bytes=1_000, log=Ear(), disk=disk)
    owed: list[LostRange] = []
    for seq in range(80):
        thinnable = replace(sealed(1, seq, 5, 200), retention=Retention(thin=3))
        owed = list(store.append([thinnable]).owed)

    assert "thinned" in {one.why for one in owed}
    assert CAP_BYTES - CAP_BYTES // 8 < disk.most_bytes <= CAP_BYTES
    store.close()
    store = store_in(tmp_path, log := Ear())
    kept = everything_in(store)
    assert sorted([*(envelope.key for envelope in kept), *named(tuple(owed))]) == [
        EnvelopeKey(1, seq) for seq in range(80)
    ]
    assert all(envelope.payload == sealed(1, envelope.key.seq, 5, 200).payload for envelope in kept)
    assert log.alarms() == []
    store.close()


def test_the_state_stays_small_though_every_second_batch_of_thousands_expires(tmp_path: Path) -> None:
    clock = DrivenClock()
    store = open_store(tmp_path, cap_bytes=10_000_000, segment_bytes=100_000, log=Ear(), clock=clock)
    for at in range(0, 8_000, 500):
        rules = (replace(sealed(1, seq), retention=Retention(powered_s=60 * (seq % 2))) for seq in range(at, at + 500))
        store.append(list(rules))

    clock.elapsed_s = 61
    store.note_expired()

    assert (store.depth[0], store.lost) == (4_000, {"expired": 4_000})
    assert (tmp_path / "state.json").stat().st_size < 40_000
    store.close()
