import errno
import os
from pathlib import Path

import pytest

from edge_agent.durable import make_folder_durably, read_back, write_durably


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_durably(tmp_path / "state", b"one")
    write_durably(tmp_path / "state", b"two")

    assert read_back(tmp_path / "state") == b"two"


def test_a_file_that_was_never_written_is_none(tmp_path: Path) -> None:
    assert read_back(tmp_path / "state") is None


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    write_durably(tmp_path / "state", b"secret")

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("step", ["fdatasync", "replace"])
def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_durably(tmp_path / "state", b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os if step == "fdatasync" else Path, step, full)
    with pytest.raises(OSError, match="No space"):
        write_durably(tmp_path / "state", b"new")

    assert read_back(tmp_path / "state") == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_leftover_of_an_interrupted_write_does_not_hinder_the_next(tmp_path: Path) -> None:
    (tmp_path / "state.tmp").write_bytes(b"half")

    write_durably(tmp_path / "state", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_content_is_flushed_before_the_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fdatasync, fsync, replace = os.fdatasync, os.fsync, Path.replace

    def flush(descriptor: int) -> None:
        steps.append("flush content")
        fdatasync(descriptor)

    def flush_folder(descriptor: int) -> None:
        steps.append("flush folder")
        fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fdatasync", flush)
    monkeypatch.setattr(os, "fsync", flush_folder)
    monkeypatch.setattr(Path, "replace", rename)
    write_durably(tmp_path / "state", b"new")

    assert steps == ["flush content", "rename", "flush folder"]


def test_a_folder_is_made_with_those_above_it_and_each_name_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def flush(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", flush)
    make_folder_durably(tmp_path / "a" / "b")
    at_first, flushed[:] = list(flushed), []
    make_folder_durably(tmp_path / "a" / "b")

    assert (tmp_path / "a" / "b").is_dir()
    assert at_first[:2] == [tmp_path.name, tmp_path.parent.name]
    for names in (at_first, flushed):
        assert names[-len(tmp_path.parts) - 1 :][:3] == ["a", tmp_path.name, tmp_path.parent.name]
