import os
from pathlib import Path

import pytest

from edge_agent.disk import DISK, Disk


def put(disk: Disk, path: Path, data: bytes) -> None:
    descriptor = disk.create(path)
    disk.pwrite(descriptor, data, 0)
    disk.close(descriptor)


def test_what_is_written_is_read_whole_and_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    descriptor = DISK.create(path)
    assert DISK.pwrite(descriptor, b"abcdef", 0) == 6
    assert DISK.pwrite(descriptor, memoryview(b"XY"), 4) == 2
    DISK.fdatasync(descriptor)
    DISK.close(descriptor)

    reading = DISK.open(path)
    assert (DISK.pread(reading, 3, 1), DISK.pread(reading, 99, 4), DISK.pread(reading, 1, 6)) == (b"bcd", b"XY", b"")
    DISK.close(reading)
    assert (DISK.read(path), DISK.size(path)) == (b"abcdXY", 6)


def test_a_write_beyond_the_end_leaves_zeros_between(tmp_path: Path) -> None:
    descriptor = DISK.create(tmp_path / "file")
    DISK.pwrite(descriptor, b"x", 3)
    DISK.close(descriptor)

    assert DISK.read(tmp_path / "file") == b"\0\0\0x"


def test_a_file_is_cut_through_a_descriptor_that_may_write(tmp_path: Path) -> None:
    put(DISK, tmp_path / "file", b"abcdef")

    descriptor = DISK.open(tmp_path / "file", writable=True)
    DISK.ftruncate(descriptor, 2)
    DISK.close(descriptor)

    assert DISK.read(tmp_path / "file") == b"ab"


def test_a_descriptor_for_reading_does_not_write(tmp_path: Path) -> None:
    put(DISK, tmp_path / "file", b"abc")
    descriptor = DISK.open(tmp_path / "file")

    with pytest.raises(OSError, match="Bad file descriptor"):
        DISK.pwrite(descriptor, b"x", 0)

    DISK.close(descriptor)


def test_a_file_is_created_once(tmp_path: Path) -> None:
    put(DISK, tmp_path / "file", b"")

    with pytest.raises(FileExistsError):
        DISK.create(tmp_path / "file")


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for act in (DISK.open, DISK.read, DISK.unlink, DISK.size, DISK.names, DISK.sync_folder):
        with pytest.raises(FileNotFoundError):
            act(nowhere)
    for path in (nowhere / "file", nowhere / "folder"):
        with pytest.raises(FileNotFoundError):
            DISK.create(path)
        with pytest.raises(FileNotFoundError):
            DISK.mkdir(path)
    with pytest.raises(FileNotFoundError):
        DISK.rename(nowhere, tmp_path / "else")


def test_a_rename_replaces_and_what_was_open_stays_readable(tmp_path: Path) -> None:
    put(DISK, tmp_path / "new", b"new")
    put(DISK, tmp_path / "old", b"old")
    old = DISK.open(tmp_path / "old")

    DISK.rename(tmp_path / "new", tmp_path / "old")
    DISK.sync_folder(tmp_path)

    assert DISK.names(tmp_path) == ["old"]
    assert (DISK.read(tmp_path / "old"), DISK.pread(old, 9, 0)) == (b"new", b"old")
    DISK.close(old)


def test_a_removed_file_is_gone_and_what_was_open_stays_readable(tmp_path: Path) -> None:
    put(DISK, tmp_path / "file", b"abc")
    reading = DISK.open(tmp_path / "file")

    DISK.unlink(tmp_path / "file")

    assert (DISK.names(tmp_path), DISK.pread(reading, 9, 0)) == ([], b"abc")
    DISK.close(reading)


def test_folders_lie_in_folders_and_are_made_once_or_more(tmp_path: Path) -> None:
    for _ in range(2):
        DISK.mkdir(tmp_path / "folder")
        DISK.mkdir(tmp_path / "folder" / "inner")
    put(DISK, tmp_path / "folder" / "file", b"")

    assert sorted(DISK.names(tmp_path / "folder")) == ["file", "inner"]
    assert DISK.names(tmp_path / "folder" / "inner") == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    put(DISK, tmp_path / "file", b"")

    with pytest.raises(FileExistsError):
        DISK.mkdir(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        DISK.create(tmp_path / "file" / "inner")
    with pytest.raises(NotADirectoryError):
        DISK.names(tmp_path / "file")


def test_a_lock_is_held_by_one_until_it_is_closed(tmp_path: Path) -> None:
    held = DISK.lock(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        DISK.lock(tmp_path / "lock")
    DISK.close(held)

    DISK.close(DISK.lock(tmp_path / "lock"))


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
