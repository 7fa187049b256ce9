"""Disks that fail as disks do, at every step, under a store that goes on in memory."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.disk import Disk
from edge_agent.errors import SpoolUnusable
from edge_agent.records import (
    ANYTHING,
    Acked,
    Deferred,
    EnvelopeKey,
    LostRange,
    Part,
    Purpose,
    Refused,
    Retention,
    Terms,
)
from edge_agent.spool.fallback import MEMORY_LOOK_S, PORTION_BYTES, FallbackStore
from edge_agent.spool.opening import open_store
from edge_agent.spool.overflow import Standing
from tests.acquire.told import Told
from tests.spool.driven_clock import DrivenClock
from tests.spool.parts import named, sealed

CAP_BYTES = 160_000
FREE_BYTES = 10**9


class Sick(Disk):
    """The system's own disk, until it is told to fail."""

    def __init__(self) -> None:
        self.error: int | None = None
        self.after = 0
        """calls that still succeed"""
        self.free = FREE_BYTES
        self.unreadable = ""
        """no file whose name holds this can be read; all can where it is empty"""

    def _fail(self) -> None:
        if self.error is None:
            return
        if self.after:
            self.after -= 1
            return
        raise OSError(self.error, os.strerror(self.error))

    def open(self, path: Path, *, writable: bool = False) -> int:
        if self.unreadable and self.unreadable in path.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().open(path, writable=writable)

    def create(self, path: Path) -> int:
        self._fail()
        return super().create(path)

    def pwrite(self, descriptor: int, data: bytes | memoryview, at: int) -> int:
        self._fail()
        return super().pwrite(descriptor, data, at)

    def ftruncate(self, descriptor: int, size: int) -> None:
        self._fail()
        super().ftruncate(descriptor, size)

    def fdatasync(self, descriptor: int) -> None:
        self._fail()
        super().fdatasync(descriptor)

    def rename(self, path: Path, target: Path) -> None:
        self._fail()
        super().rename(path, target)

    def unlink(self, path: Path) -> None:
        self._fail()
        super().unlink(path)

    def sync_folder(self, folder: Path) -> None:
        self._fail()
        super().sync_folder(folder)

    def free_bytes(self, folder: Path) -> int:
        assert folder
        return self.free

    @contextmanager
    def failing(self, error: int, after: int = 0) -> Iterator[None]:
        self.error, self.after = error, after
        try:
            yield
        finally:
            self.error = None


class Bench:
    """A store on a sick disk."""

    def __init__(self, folder: Path, *, memory_bytes: int = 100_000, min_free_bytes: int = 0) -> None:
        self.folder, self.disk, self.log, self.clock = folder, Sick(), Told(), DrivenClock()
        self._bounds = (memory_bytes, min_free_bytes)
        self.store = self.opened()

    def opened(self) -> FallbackStore:
        memory_bytes, min_free_bytes = self._bounds
        store = open_store(
            self.folder, cap_bytes=CAP_BYTES, segment_bytes=10_000, log=self.log, disk=self.disk, clock=self.clock
        )
        return FallbackStore(store, memory_bytes=memory_bytes, min_free_bytes=min_free_bytes, log=self.log)

    def again(self) -> FallbackStore:
        """Closed, and opened by the next start."""
        self.store.close()
        self.store = self.opened()
        return self.store

    def append(self, *seqs: int, priority: int = 3, size: int = 1_000, tells: tuple[LostRange, ...] = ()) -> list[int]:
        """Sequences that are on disk for good."""
        group = [sealed(self.store.boot.boot, seq, priority, size) for seq in seqs]
        appended = self.store.append([replace(one, tells=tells) for one in group])
        return [key.seq for key in appended.kept]

    def owed(self) -> list[LostRange]:
        return list(self.store.append([]).owed)

    def leased(self, limit: int = 999) -> list[int]:
        return [envelope.key.seq for envelope in self.store.lease(limit)]

    def settle_all(self) -> list[int]:
        found = self.store.lease(999)
        for envelope in found:
            assert envelope == sealed(*key_of(envelope.key), envelope.priority, len(envelope.payload))
            self.store.settle(envelope.key, Acked())
        return [envelope.key.seq for envelope in found]


def key_of(key: EnvelopeKey) -> tuple[int, int]:
    return key.boot, key.seq


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def test_with_a_disk_in_order_all_is_kept_and_memory_holds_nothing(bench: Bench) -> None:
    assert bench.append(0, 1) == [0, 1]
    assert bench.store.standing == Standing(on_disk=True)
    assert [one for one in bench.log.lines if one[0] == "warning"] == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_what_the_disk_does_not_take_is_not_kept_but_can_be_leased_and_settled(bench: Bench, error: int) -> None:
    bench.append(0)
    with bench.disk.failing(error):
        assert bench.append(1, 2) == []
        assert bench.append(3, priority=0) == []

        assert bench.store.depth[0] == 4
        assert bench.store.standing.memory_batches == 3
        assert bench.settle_all() == [3, 0, 1, 2]
        assert bench.store.depth == (0, 0)

    assert bench.append(4) == [4]
    assert [fields["reason"] for fields in bench.log.fields("spool.disk_left")] == [os.strerror(error)]
    assert bench.owed() == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_wherever_the_disk_fails_all_is_there_once_it_works_again_in_order_and_after_a_restart(
    tmp_path: Path, error: int
) -> None:
    for after in range(25):
        bench = Bench(tmp_path / str(after))
        bench.append(0, 1)
        with bench.disk.failing(error, after):
            kept = bench.append(2, 3)
            kept += bench.append(4, priority=4)
            kept += bench.append(5, 6)
        assert bench.append(7) == [7]
        assert bench.store.standing == Standing(on_disk=True)

        assert bench.leased() == [0, 1, 2, 3, 5, 6, 7, 4], f"failed after step {after}"
        assert bench.again().depth[0] == 8
        assert bench.settle_all() == [0, 1, 2, 3, 5, 6, 7, 4], f"failed after step {after}"
        assert [one for one in bench.owed() if one.boot == 1] == []
        bench.store.close()


def test_the_disk_left_and_returned_are_told_once_each_with_numbers(bench: Bench) -> None:
    with bench.disk.failing(errno.EROFS):
        for seq in range(5):
            bench.append(seq)
    bench.append(5)
    bench.append(6)

    (left,) = bench.log.fields("spool.disk_left")
    assert (left["batches"], left["reason"]) == (1, "Read-only file system")
    assert bench.log.fields("spool.disk_returned") == [{"written": 6, "lost": 0}]


def test_a_try_without_anything_new_puts_on_disk_what_waits(bench: Bench) -> None:
    with bench.disk.failing(errno.EIO):
        bench.append(0)
        bench.store.append([])
        assert not bench.store.standing.on_disk

    bench.store.append([])

    assert bench.store.standing == Standing(on_disk=True)
    assert bench.again().depth[0] == 1


def test_what_memory_has_no_room_for_goes_least_important_first_oldest_first_and_is_told_exactly(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, memory_bytes=6_000)
    with bench.disk.failing(errno.ENOSPC):
        for seq in range(8):
            bench.append(seq, priority=9 if seq % 2 else 2)
        assert named(tuple(bench.owed())) == [EnvelopeKey(1, seq) for seq in (1, 3, 5)]
        assert {one.why for one in bench.owed()} == {"memory"}
        assert bench.store.lost == {"memory": 3}

    assert bench.append(8) == [8]
    assert bench.leased() == [0, 2, 4, 6, 8, 7]
    assert bench.log.fields("spool.disk_returned") == [{"written": 6, "lost": 3}]
    bench.store.close()


def test_a_loss_that_a_batch_in_memory_was_to_tell_is_owed_again_with_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, memory_bytes=1_500)
    bench.append(0)
    (first,) = bench.store.lease(1)
    bench.store.settle(first.key, Refused("too big"))
    with bench.disk.failing(errno.ENOSPC):
        bench.append(1, tells=(LostRange(1, 0, 0, "refused"),))
        assert bench.owed() == []

        bench.append(2)

        assert bench.owed() == [LostRange(1, 0, 0, "refused"), LostRange(1, 1, 1, "memory")]
    bench.store.close()


def test_a_loss_told_by_a_batch_that_arrived_from_memory_is_forgotten(bench: Bench) -> None:
    bench.append(0)
    (first,) = bench.store.lease(1)
    bench.store.settle(first.key, Refused("too big"))
    with bench.disk.failing(errno.ENOSPC):
        bench.append(1, tells=(LostRange(1, 0, 0, "refused"),))
        assert bench.settle_all() == [1]

    assert bench.owed() == []
    bench.again()
    assert bench.owed() == []


def test_what_was_in_flight_from_memory_when_the_disk_returned_stays_until_it_is_settled(bench: Bench) -> None:
    with bench.disk.failing(errno.EIO):
        bench.append(0, 1, 2)
        assert bench.leased(1) == [0]
    assert bench.append(3) == [3]
    assert bench.store.standing == Standing(
        on_disk=True, memory_batches=1, memory_bytes=bench.store.standing.memory_bytes
    )

    bench.store.settle(EnvelopeKey(1, 0), Deferred("no network"))

    assert bench.append(4) == [4]
    assert bench.leased() == [0, 1, 2, 3, 4]
    bench.store.settle(EnvelopeKey(1, 0), Acked())
    assert bench.store.standing == Standing(on_disk=True)


def test_what_is_leased_from_both_places_is_in_one_order_and_what_is_too_many_goes_back(bench: Bench) -> None:
    bench.append(0, 1)
    bench.append(2, priority=9)
    with bench.disk.failing(errno.EROFS):
        bench.append(3)
        bench.append(4, priority=0)

        assert [bench.leased(2) for _ in range(4)] == [[4, 0], [1, 3], [2], []]
        bench.store.give_back([EnvelopeKey(1, 1), EnvelopeKey(1, 4)])
        assert bench.leased() == [4, 1]


def test_the_backlog_of_memory_is_looked_at_now_and_then_for_who_waits_for_it(bench: Bench) -> None:
    backlog = Terms(parts=frozenset({Part.BACKLOG}))
    with bench.disk.failing(errno.EROFS):
        bench.append(0)
        assert bench.store.lease(1, backlog) == ()
        assert bench.store.lease_due_s(backlog) == 1.0


def test_one_that_is_refused_from_memory_is_owed_and_set_aside_where_the_disk_takes_it(bench: Bench) -> None:
    with bench.disk.failing(errno.EROFS):
        bench.append(0, 1)
        for envelope in bench.store.lease(1):
            bench.store.settle(envelope.key, Refused("too big"))
    for envelope in bench.store.lease(1):
        bench.store.settle(envelope.key, Refused("too big"))

    assert bench.owed() == [LostRange(1, 0, 1, "refused")]
    assert [path.name[-5:] for path in (bench.folder / "refused").iterdir()] == ["1.seg"]
    assert bench.log.levels("spool.refused_not_kept") == ["warning"]


def test_a_disk_that_takes_nothing_loses_nothing_that_is_on_it_for_room_it_cannot_make(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.append(*range(100), priority=9)
    with bench.disk.failing(errno.EROFS):
        for seq in range(100, 180):
            bench.append(seq, priority=0)
        lost_on_disk = [one for one in bench.owed() if one.why == "cap"]
        # One group is judged before the disk has said no; what comes then waits for its word.
        assert sum(one.last_seq - one.first_seq + 1 for one in lost_on_disk) <= 10
    bench.store.close()


def test_more_than_one_portion_goes_back_to_disk_and_a_failure_between_costs_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, memory_bytes=10**6)
    with bench.disk.failing(errno.EIO):
        bench.append(*range(3), size=40_000)
    with bench.disk.failing(errno.EIO, after=12):
        bench.append(3, size=1_000)
    bench.append(4, size=1_000)

    assert PORTION_BYTES > 3 * 40_000
    assert bench.leased() == [0, 1, 2, 3, 4]
    assert bench.store.standing == Standing(on_disk=True)
    bench.store.close()


def test_an_orderly_stop_owes_what_only_memory_holds(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.append(0)
    with bench.disk.failing(errno.EIO):
        bench.append(1, 2)
        assert bench.leased(2) == [0, 1]
        bench.disk.after = 10**6  # the disk comes back too late for an append, in time for the stop
        bench.store.settle(EnvelopeKey(1, 0), Acked())
    bench.again()

    assert bench.owed() == [LostRange(1, 1, 1, "memory")]
    assert bench.settle_all() == [2]
    bench.store.close()


def test_a_disk_that_is_read_only_at_the_start_is_no_spool(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.close()

    with bench.disk.failing(errno.EROFS), pytest.raises(SpoolUnusable, match="Read-only file system"):
        bench.opened()


def test_at_the_floor_of_free_space_what_is_less_important_on_disk_makes_room(tmp_path: Path) -> None:
    bench = Bench(tmp_path, min_free_bytes=50_000)
    bench.append(*range(30), priority=9)
    bench.disk.free = 50_000

    assert bench.append(30, priority=0) == [30]

    (lost,) = bench.owed()
    assert (lost.first_seq, lost.why) == (0, "cap")
    assert bench.store.standing.on_disk
    assert bench.log.fields("spool.free_space_low") == [{"free_bytes": 50_000, "min_free_bytes": 50_000}]
    bench.store.close()


def test_at_the_floor_what_finds_nothing_less_important_waits_in_memory_until_there_is_space(tmp_path: Path) -> None:
    bench = Bench(tmp_path, min_free_bytes=50_000)
    bench.append(0, priority=0)
    bench.disk.free = 40_000

    assert bench.append(1, 2, priority=5) == []
    assert bench.append(3, priority=5) == []
    assert bench.store.standing.memory_batches == 3
    bench.disk.free = FREE_BYTES
    assert bench.append(4, priority=5) == [4]

    assert bench.leased() == [0, 1, 2, 3, 4]
    assert bench.owed() == []
    events = [name for _, name, _ in bench.log.lines]
    assert events.count("spool.free_space_low") == events.count("spool.free_space_back") == 1
    assert [fields["reason"] for fields in bench.log.fields("spool.disk_left")] == ["free space is at its floor"]
    bench.store.close()


def test_free_space_that_goes_up_and_down_about_the_floor_is_told_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, min_free_bytes=50_000)
    for seq, free in enumerate([50_000, 60_000, 50_000, 99_000, 50_000, 100_000]):
        bench.disk.free = free
        bench.append(seq)

    events = [name for _, name, _ in bench.log.lines]
    assert events.count("spool.free_space_low") == events.count("spool.free_space_back") == 1
    bench.store.close()


def test_nothing_newer_of_a_stream_goes_to_disk_before_what_waits_for_space(tmp_path: Path) -> None:
    bench = Bench(tmp_path, min_free_bytes=50_000)
    bench.disk.free = 52_000
    large, small = sealed(1, 0, 3, 5_000), sealed(1, 1, 3, 100)

    assert bench.store.append([large, small]).kept == ()
    bench.disk.free = FREE_BYTES
    bench.store.append([])

    assert bench.store.standing == Standing(on_disk=True)
    assert bench.leased() == [0, 1]
    bench.store.close()


def test_a_start_with_less_free_space_than_the_floor_runs_and_tells(tmp_path: Path) -> None:
    bench = Bench(tmp_path, min_free_bytes=2 * FREE_BYTES)

    assert bench.log.fields("spool.free_space_low") == [{"free_bytes": FREE_BYTES, "min_free_bytes": 2 * FREE_BYTES}]
    assert bench.append(0) == []
    assert bench.settle_all() == [0]
    bench.store.close()


def test_deliveries_from_a_disk_that_takes_nothing_are_noted_once_it_does(bench: Bench) -> None:
    bench.append(0, 1)
    with bench.disk.failing(errno.EROFS):
        bench.append(2)
        assert bench.settle_all() == [0, 1, 2]
        bench.store.try_commit()
        bench.store.try_commit()
        assert bench.log.fields("spool.state_write_failed") == []
        assert len(list(bench.folder.glob("*.seg"))) == 1

    bench.store.append([])

    assert b'"settled":[1,1]' in (bench.folder / "state.json").read_bytes()
    assert bench.again().depth == (0, 0)


def test_a_disk_that_is_gone_for_a_while_takes_nothing_with_it(bench: Bench) -> None:
    bench.append(*range(30))
    bench.disk.unreadable = ".seg"
    with bench.disk.failing(errno.EIO):
        assert bench.leased(4) == []
        assert bench.leased(4) == []
        assert bench.store.lease_due_s(ANYTHING) == MEMORY_LOOK_S
    bench.disk.unreadable = ""

    assert bench.leased() == list(range(30))
    assert bench.owed() == []
    assert bench.store.lost == {}


def test_what_is_withdrawn_while_the_disk_does_not_give_it_is_awaited_of_nobody(bench: Bench) -> None:
    bench.append(*range(30))
    bench.disk.unreadable = ".seg"
    with bench.disk.failing(errno.EIO):
        assert bench.leased(4) == []
    bench.disk.unreadable = ""

    boot = bench.store.boot.boot
    bench.store.withdraw(Purpose.LOCATION, EnvelopeKey(boot, 30))

    assert [seq for seq in range(30) if bench.store.is_withdrawn(EnvelopeKey(boot, seq))] == []
    assert bench.leased() == []


def test_a_record_that_a_disk_in_order_does_not_give_is_damaged(bench: Bench) -> None:
    bench.append(*range(30))
    bench.disk.unreadable = "3-0000000001"

    rest = bench.leased()

    lost = [key.seq for key in named(tuple(bench.owed()))]
    assert lost
    assert sorted([*rest, *lost]) == list(range(30))


def test_what_a_read_only_disk_does_not_give_holds_nothing_else_up(bench: Bench) -> None:
    bench.append(*range(30))
    bench.disk.unreadable = "3-0000000000"
    with bench.disk.failing(errno.EROFS):
        rest = [seq for _ in range(10) for seq in bench.leased(4)]
    bench.disk.unreadable = ""
    bench.append(30)

    assert rest
    assert sorted([*rest, *bench.leased()]) == list(range(31))
    assert bench.store.lost == {}


def test_what_memory_holds_expires_like_what_is_on_disk_and_is_told(bench: Bench) -> None:
    lasting = replace(sealed(1, 0), retention=Retention(powered_s=100))
    with bench.disk.failing(errno.EIO):
        bench.store.append([lasting, sealed(1, 1)])
        due_s = bench.store.expiry_due_s
        bench.clock.elapsed_s = 102
        bench.store.expire()

        assert due_s is not None
        assert bench.leased() == [1]
        assert bench.store.expiry_due_s is None

    assert bench.owed() == [LostRange(1, 0, 0, "expired")]
    assert bench.store.lost == {"expired": 1}
