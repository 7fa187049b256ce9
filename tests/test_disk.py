"""What every disk does while nothing fails: the real one, and the one that the tests break."""

import os
from pathlib import Path

import pytest

from edge_agent.disk import DISK, Disk
from tests.faulty.simulated_disk import SimulatedDisk


@pytest.fixture(params=["real", "simulated"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return Disk() if request.param == "real" else SimulatedDisk(tmp_path)


def put(disk: Disk, path: Path, data: bytes) -> None:
    descriptor = disk.create(path)
    disk.pwrite(descriptor, data, 0)
    disk.close(descriptor)


def test_what_is_written_is_read_whole_and_in_pieces(disk: Disk, tmp_path: Path) -> None:
    path = tmp_path / "file"
    descriptor = disk.create(path)
    assert disk.pwrite(descriptor, b"abcdef", 0) == 6
    assert disk.pwrite(descriptor, memoryview(b"XY"), 4) == 2
    disk.fdatasync(descriptor)
    disk.close(descriptor)

    reading = disk.open(path)
    assert (disk.pread(reading, 3, 1), disk.pread(reading, 99, 4), disk.pread(reading, 1, 6)) == (b"bcd", b"XY", b"")
    disk.close(reading)
    assert (disk.read(path), disk.size(path)) == (b"abcdXY", 6)


def test_a_write_beyond_the_end_leaves_zeros_between(disk: Disk, tmp_path: Path) -> None:
    descriptor = disk.create(tmp_path / "file")
    disk.pwrite(descriptor, b"x", 3)
    disk.close(descriptor)

    assert disk.read(tmp_path / "file") == b"\0\0\0x"


def test_a_file_is_cut_through_a_descriptor_that_may_write(disk: Disk, tmp_path: Path) -> None:
    put(disk, tmp_path / "file", b"abcdef")

    descriptor = disk.open(tmp_path / "file", writable=True)
    disk.ftruncate(descriptor, 2)
    disk.close(descriptor)

    assert disk.read(tmp_path / "file") == b"ab"


def test_a_descriptor_for_reading_does_not_write(disk: Disk, tmp_path: Path) -> None:
    put(disk, tmp_path / "file", b"abc")
    descriptor = disk.open(tmp_path / "file")

    with pytest.raises(OSError, match="Bad file descriptor"):
        disk.pwrite(descriptor, b"x", 0)

    disk.close(descriptor)


def test_a_file_is_created_once(disk: Disk, tmp_path: Path) -> None:
    put(disk, tmp_path / "file", b"")

    with pytest.raises(FileExistsError):
        disk.create(tmp_path / "file")


def test_what_is_not_there_is_not_found(disk: Disk, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for act in (disk.open, disk.read, disk.unlink, disk.size, disk.names, disk.sync_folder):
        with pytest.raises(FileNotFoundError):
            act(nowhere)
    for path in (nowhere / "file", nowhere / "folder"):
        with pytest.raises(FileNotFoundError):
            disk.create(path)
        with pytest.raises(FileNotFoundError):
            disk.mkdir(path)
    with pytest.raises(FileNotFoundError):
        disk.rename(nowhere, tmp_path / "else")


def test_a_rename_replaces_and_what_was_open_stays_readable(disk: Disk, tmp_path: Path) -> None:
    put(disk, tmp_path / "new", b"new")
    put(disk, tmp_path / "old", b"old")
    old = disk.open(tmp_path / "old")

    disk.rename(tmp_path / "new", tmp_path / "old")
    disk.sync_folder(tmp_path)

    assert disk.names(tmp_path) == ["old"]
    assert (disk.read(tmp_path / "old"), disk.pread(old, 9, 0)) == (b"new", b"old")
    disk.close(old)


def test_a_removed_file_is_gone_and_what_was_open_stays_readable(disk: Disk, tmp_path: Path) -> None:
    put(disk, tmp_path / "file", b"abc")
    reading = disk.open(tmp_path / "file")

    disk.unlink(tmp_path / "file")

    assert (disk.names(tmp_path), disk.pread(reading, 9, 0)) == ([], b"abc")
    disk.close(reading)


def test_folders_lie_in_folders_and_are_made_once_or_more(disk: Disk, tmp_path: Path) -> None:
    for _ in range(2):
        disk.mkdir(tmp_path / "folder")
        disk.mkdir(tmp_path / "folder" / "inner")
    put(disk, tmp_path / "folder" / "file", b"")

    assert sorted(disk.names(tmp_path / "folder")) == ["file", "inner"]
    assert disk.names(tmp_path / "folder" / "inner") == []


def test_a_file_is_no_folder(disk: Disk, tmp_path: Path) -> None:
    put(disk, tmp_path / "file", b"")

    with pytest.raises(FileExistsError):
        disk.mkdir(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        disk.create(tmp_path / "file" / "inner")
    with pytest.raises(NotADirectoryError):
        disk.names(tmp_path / "file")


def test_a_lock_is_held_by_one_until_it_is_closed(disk: Disk, tmp_path: Path) -> None:
    held = disk.lock(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        disk.lock(tmp_path / "lock")
    disk.close(held)

    disk.close(disk.lock(tmp_path / "lock"))


def test_the_simulated_disk_does_all_itself() -> None:
    acts = {name for name in vars(Disk) if not name.startswith("_")}

    assert acts <= set(vars(SimulatedDisk))


def test_no_descriptor_is_left_behind_by_a_lock_that_another_has(tmp_path: Path) -> None:
    held = DISK.lock(tmp_path / "lock")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the kernel's list, not files of ours

    with pytest.raises(BlockingIOError):
        DISK.lock(tmp_path / "lock")

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    DISK.close(held)


def test_files_and_folders_are_for_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o755)
    DISK.mkdir(tmp_path / "folder")
    put(DISK, tmp_path / "folder" / "file", b"")
    DISK.close(DISK.lock(tmp_path / "folder" / "lock"))

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}

    assert modes == {"folder": 0o700, "file": 0o600, "lock": 0o600}
