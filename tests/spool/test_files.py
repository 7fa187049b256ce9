import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.spool.files import SpoolFiles
from edge_agent.spool.framing import FILE_HEADER_SIZE, file_header
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.stream import Segment


def growing(number: int = 0) -> Segment:
    return Segment(SegmentName(StreamName(3), number), 1, closed=False)


def noting(steps: list[str], name: str) -> Callable[..., object]:
    real: Callable[..., object] = getattr(os, name)

    def call(*args: object) -> object:
        steps.append(name)
        return real(*args)

    return call


def test_a_chunk_is_flushed_before_the_call_returns_and_a_new_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, segment, steps = SpoolFiles(tmp_path), growing(), list[str]()
    for name in ("pwrite", "fdatasync", "fsync"):
        monkeypatch.setattr(os, name, noting(steps, name))

    files.append({segment: b"first"})
    segment.add(0, FILE_HEADER_SIZE, FILE_HEADER_SIZE + 5)
    assert steps == ["pwrite", "fdatasync", "fsync"]
    files.append({segment: b"second"})

    assert steps[3:] == ["pwrite", "fdatasync"]
    assert (tmp_path / "3-0000000000.seg").read_bytes() == file_header(StreamName(3)) + b"firstsecond"
    files.release()


def test_an_append_that_goes_on_in_a_new_segment_flushes_the_one_before_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, steps = SpoolFiles(tmp_path), list[str]()
    for name in ("pwrite", "fdatasync", "close"):
        monkeypatch.setattr(os, name, noting(steps, name))

    files.append({growing(0): b"first", growing(1): b"second"})

    assert steps == ["pwrite", "fdatasync", "close", "pwrite", "fdatasync", "close"]  # the last one is the folder's
    files.release()


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, at: real(descriptor, data[:3], at))
    files = SpoolFiles(tmp_path)

    files.append({growing(): b"a longer chunk"})

    assert (tmp_path / "3-0000000000.seg").read_bytes() == file_header(StreamName(3)) + b"a longer chunk"
    files.release()


def test_half_a_chunk_is_cut_off_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, segment = SpoolFiles(tmp_path), growing()
    files.append({segment: b"first"})
    segment.add(0, FILE_HEADER_SIZE, FILE_HEADER_SIZE + 5)
    real = os.pwrite

    def half(descriptor: int, data: bytes, at: int) -> int:
        real(descriptor, data[: len(data) // 2], at)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", half)
    with pytest.raises(OSError, match="No space"):
        files.append({segment: b"second", Segment(SegmentName(StreamName(4), 0), 1, closed=False): b"other"})

    assert [path.name for path in sorted(tmp_path.glob("*.seg"))] == ["3-0000000000.seg"]
    assert (tmp_path / "3-0000000000.seg").read_bytes() == file_header(StreamName(3)) + b"first"
    files.release()


def test_a_file_that_is_gone_already_is_removed_all_the_same(tmp_path: Path) -> None:
    files = SpoolFiles(tmp_path)

    files.remove((growing(),))

    assert list(tmp_path.glob("*.seg")) == []
    files.release()


def test_a_name_that_was_set_aside_is_not_given_again(tmp_path: Path) -> None:
    files = SpoolFiles(tmp_path)
    files.append({growing(number=8): b"x"})
    files.rename(SegmentName(StreamName(3), 8), ".v2")

    assert files.segments() == []
    assert files.numbers() == {StreamName(3): {8}}
    files.release()


def test_no_descriptor_stays_open_after_the_release(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  the kernel's list, not files of ours
    files = SpoolFiles(tmp_path)
    files.append({growing(): b"x", Segment(SegmentName(StreamName(4), 0), 1, closed=False): b"y"})

    files.release()

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
