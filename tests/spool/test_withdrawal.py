"""What becomes of batches whose purpose the driver withdraws: on disk, in memory, in flight, and on their way."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.disk import Disk
from edge_agent.errors import DiskBusy
from edge_agent.records import Acked, Deferred, Envelope, EnvelopeKey, LostRange, Purpose, Receipt, Refused, Upload
from edge_agent.spool.fallback import FallbackStore
from edge_agent.spool.naming import segment_named
from edge_agent.spool.opening import open_store
from edge_agent.spool.segments import SegmentSpool
from tests.spool.driven_clock import DrivenClock
from tests.spool.parts import Ear, sealed

MARKER = b"where she lives"
SAFETY = Purpose(0)
CAP_BYTES = 10_000_000


def about(purposes: Purpose | None, seq: int, *, boot: int = 1, priority: int = 3, size: int = 300) -> Envelope:
    """A batch that has the marker in it where it is of a purpose that the tests withdraw."""
    plain = sealed(boot, seq, priority, size)
    marked = purposes is None or bool(purposes & Purpose.LOCATION)
    return replace(plain, payload=MARKER + plain.payload if marked else plain.payload, purposes=purposes)


def mixed(first: int, count: int, **like: int) -> list[Envelope]:
    needs = (Purpose.LOCATION, SAFETY, Purpose.TRIPS, Purpose.LOCATION | Purpose.TRIPS)
    return [about(needs[seq % 4], seq, **like) for seq in range(first, first + count)]


def files_with_marker(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and MARKER in path.read_bytes()]


def keys(envelopes: Sequence[Envelope]) -> list[int]:
    return sorted(envelope.key.seq for envelope in envelopes)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SegmentSpool]:
    spool = await SegmentSpool.open(tmp_path, cap_bytes=CAP_BYTES, segment_bytes=2_000, log=Ear())
    yield spool
    await spool.close()


async def test_nothing_of_it_is_left_in_any_file_and_all_else_is_delivered(tmp_path: Path, spool: SegmentSpool) -> None:
    await spool.append(mixed(0, 40))
    assert files_with_marker(tmp_path)

    await spool.withdraw(Purpose.LOCATION, 40)

    assert files_with_marker(tmp_path) == []
    left = await spool.lease(100)
    assert keys(left) == [seq for seq in range(40) if seq % 4 in {1, 2}]
    assert {envelope.purposes for envelope in left} == {SAFETY, Purpose.TRIPS}
    owed = (await spool.append([])).owed
    assert {(one.why, seq) for one in owed for seq in range(one.first_seq, one.last_seq + 1)} == {
        ("consent", seq) for seq in range(40) if seq % 4 in {0, 3}
    }
    assert spool.lost == {"consent": 20}


@pytest.mark.parametrize(
    "receipt", [Acked(), Deferred("later"), Refused("too big")], ids=lambda one: type(one).__name__
)
async def test_what_is_in_flight_is_abandoned_whatever_comes_of_it(
    tmp_path: Path, spool: SegmentSpool, receipt: Receipt
) -> None:
    await spool.append([about(Purpose.LOCATION, 0), about(SAFETY, 1)])
    leased = await spool.lease(2)

    await spool.withdraw(Purpose.LOCATION, 2)

    assert [spool.is_withdrawn(one.key) for one in sorted(leased, key=lambda one: one.key)] == [True, False]
    await spool.settle(EnvelopeKey(1, 0), receipt)
    await spool.settle(EnvelopeKey(1, 1), Acked())
    assert (await spool.append([])).owed == (LostRange(1, 0, 0, "consent"),)
    assert not spool.is_withdrawn(EnvelopeKey(1, 0))
    assert spool.depth == (0, 0)
    assert files_with_marker(tmp_path) == []
    assert list((tmp_path / "refused").iterdir()) == []


async def test_what_was_in_flight_and_arrives_all_the_same_does_not_hide_what_still_waits(spool: SegmentSpool) -> None:
    await spool.append([about(Purpose.LOCATION, 0), about(SAFETY, 1)])
    await spool.lease(2)
    await spool.withdraw(Purpose.LOCATION, 2)

    await spool.settle(EnvelopeKey(1, 0), Acked())

    assert spool.depth[0] == 1
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await spool.emptied()
    await spool.settle(EnvelopeKey(1, 1), Acked())
    assert spool.depth[0] == 0


async def test_what_was_sealed_before_and_comes_later_is_not_kept_and_what_comes_after_a_new_yes_is(
    tmp_path: Path, spool: SegmentSpool
) -> None:
    await spool.withdraw(Purpose.LOCATION, 5)

    late = await spool.append([about(Purpose.LOCATION, 3), about(SAFETY, 4)])
    after = await spool.append([about(Purpose.LOCATION, 5)])

    assert late.kept == (EnvelopeKey(1, 4),)
    assert late.owed == (LostRange(1, 3, 3, "consent"),)
    assert after.kept == (EnvelopeKey(1, 5),)
    assert len(files_with_marker(tmp_path)) == 1


async def test_what_nobody_noted_the_purposes_of_goes_with_any_of_them(tmp_path: Path, spool: SegmentSpool) -> None:
    await spool.append([about(None, 0), about(None, 1, priority=7), about(SAFETY, 2), about(Purpose.TRIPS, 3)])

    await spool.withdraw(Purpose.CALENDAR, 4)

    assert files_with_marker(tmp_path) == []
    assert keys(await spool.lease(9)) == [2, 3]


async def test_copies_that_were_set_aside_go_too(tmp_path: Path, spool: SegmentSpool) -> None:
    await spool.append([about(Purpose.LOCATION, 0), about(SAFETY, 1)])
    for envelope in await spool.lease(2):
        await spool.settle(envelope.key, Refused("too big"))
    for name in ("3p4-0000000007.seg.v9", "3p6-0000000001.seg.unreadable", "damaged/0000000001-3p4-0000000002.seg"):
        (tmp_path / name).write_bytes(MARKER)
    for name in ("3p0-0000000007.seg.v9", "damaged/0000000001-3p2-0000000002.seg"):
        (tmp_path / name).write_bytes(b"others")
    (tmp_path / "refused" / "0000000001-00000000000000000099.seg").write_bytes(MARKER + b": nobody can read this")

    await spool.withdraw(Purpose.LOCATION, 2)

    assert files_with_marker(tmp_path) == []
    assert [path.name for path in (tmp_path / "refused").iterdir()] == ["0000000001-00000000000000000001.seg"]
    assert [path.name for path in (tmp_path / "damaged").iterdir()] == ["0000000001-3p2-0000000002.seg"]
    assert (tmp_path / "3p0-0000000007.seg.v9").exists()


async def test_withdrawing_again_finds_nothing_and_tells_nothing(spool: SegmentSpool) -> None:
    await spool.append([about(Purpose.LOCATION, 0)])
    await spool.withdraw(Purpose.LOCATION, 1)

    await spool.withdraw(Purpose.LOCATION, 1)

    assert spool.lost == {"consent": 1}


async def test_the_purposes_are_known_after_a_start_and_what_an_earlier_boot_kept_is_wiped(tmp_path: Path) -> None:
    before = await SegmentSpool.open(tmp_path, cap_bytes=CAP_BYTES, log=Ear())
    await before.append([*mixed(0, 8), replace(about(Purpose.LOCATION, 8), upload=Upload.UNMETERED)])
    await before.close()
    spool = await SegmentSpool.open(tmp_path, cap_bytes=CAP_BYTES, log=(log := Ear()))
    assert spool.depth[0] == 9

    await spool.withdraw(Purpose.LOCATION, 0)

    assert files_with_marker(tmp_path) == []
    assert {one.purposes for one in await spool.lease(9)} == {SAFETY, Purpose.TRIPS}
    assert log.alarms() == []
    await spool.close()


@pytest.mark.timed
async def test_sixty_megabytes_among_others_are_gone_in_far_less_than_five_seconds(tmp_path: Path) -> None:
    spool = await SegmentSpool.open(tmp_path, cap_bytes=1 << 30, log=Ear())
    for at in range(0, 60, 4):
        await spool.append(mixed(at, 4, size=1_000_000))

    began_s = time.monotonic()
    await spool.withdraw(Purpose.LOCATION | Purpose.TRIPS, 60)

    assert time.monotonic() - began_s < 2
    assert files_with_marker(tmp_path) == []
    assert spool.depth[0] == 15
    await spool.close()


class Balking(Disk):
    """The system's own disk, which refuses to write or to unlink where it is told to."""

    balks = False

    def create(self, path: Path) -> int:
        self._judge()
        return super().create(path)

    def pwrite(self, descriptor: int, data: bytes | memoryview, at: int) -> int:
        self._judge()
        return super().pwrite(descriptor, data, at)

    def unlink(self, path: Path) -> None:
        self._judge()
        super().unlink(path)

    def _judge(self) -> None:
        if self.balks:
            raise OSError(errno.EROFS, "Read-only file system")


def opened(folder: Path, disk: Disk) -> FallbackStore:
    store = open_store(
        folder, cap_bytes=CAP_BYTES, segment_bytes=2_000, log=(log := Ear()), disk=disk, clock=DrivenClock()
    )
    return FallbackStore(store, memory_bytes=100_000, min_free_bytes=0, log=log)


def test_what_memory_holds_goes_too_and_a_disk_that_refuses_is_asked_again(tmp_path: Path) -> None:
    disk = Balking()
    store = opened(tmp_path, disk)
    store.append([about(Purpose.LOCATION, 0), about(SAFETY, 1)])
    disk.balks = True
    store.append([about(Purpose.LOCATION, 2), about(Purpose.LOCATION, 3), about(SAFETY, 4)])
    in_flight = [one.key.seq for one in store.lease(3)]
    assert in_flight == [0, 1, 2]

    with pytest.raises(DiskBusy):
        store.withdraw(Purpose.LOCATION, EnvelopeKey(1, 5))

    assert keys(store.lease(9)) == [4], "nothing of it is leased any more, though it is still on the disk"
    store.settle(EnvelopeKey(1, 0), Deferred("later"))
    store.settle(EnvelopeKey(1, 2), Deferred("later"))
    store.settle(EnvelopeKey(1, 4), Deferred("later"))
    assert keys(store.lease(9)) == [4]
    assert files_with_marker(tmp_path)
    disk.balks = False
    store.withdraw(Purpose.LOCATION, EnvelopeKey(1, 5))
    assert files_with_marker(tmp_path) == []
    assert store.append([]).owed == (LostRange(1, 0, 0, "consent"), LostRange(1, 2, 3, "consent"))
    assert store.lost == {"consent": 3}
    store.close()


def test_files_of_one_priority_go_oldest_first_at_the_cap_whatever_their_purposes(tmp_path: Path) -> None:
    store = open_store(tmp_path, cap_bytes=32_000, segment_bytes=1_000, log=Ear(), clock=DrivenClock())
    for seq in range(120):
        store.append([about((Purpose.TRIPS, SAFETY, Purpose.CALENDAR)[seq // 2 % 3], seq, size=400)])

    left = sorted(one.key.seq for one in store.lease(1_000))

    assert left == list(range(left[0], 120))
    assert {named[0].stream.purposes for path in tmp_path.iterdir() if (named := segment_named(path.name))} == {
        Purpose.TRIPS,
        SAFETY,
        Purpose.CALENDAR,
    }
    store.close()
