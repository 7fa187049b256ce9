import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from edge_agent.desk.demo_place import FLOOR_BYTES, MADE, NEEDED_BYTES, judge_new, judge_room
from edge_agent.errors import FileRefused

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024  as shutil has it


@pytest.mark.parametrize("name", MADE)
def test_a_folder_in_which_a_demo_was_run_is_refused(name: str, tmp_path: Path) -> None:
    judge_new(tmp_path)
    judge_new(tmp_path / "missing")
    (tmp_path / name).mkdir()
    with pytest.raises(FileRefused) as refused:
        judge_new(tmp_path)
    assert refused.value.sentence() == f"{tmp_path}: a demo is in it already; name a new folder"


def test_a_disk_at_which_the_spool_would_take_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Usage:
        asked.append(path)
        return Usage(0, 0, FLOOR_BYTES + 1)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(FileRefused) as refused:
        judge_room(tmp_path / "a" / "b")
    assert refused.value.reason == "64 MiB free, the demo needs 80 MiB; give --folder on another disk"
    assert asked == [tmp_path]


def test_a_disk_with_room_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, NEEDED_BYTES))
    judge_room(tmp_path)


def test_a_folder_that_cannot_be_looked_at_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def exists(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", exists)
    for judge in (judge_new, judge_room):
        with pytest.raises(FileRefused, match="cannot be used as a folder: Permission denied"):
            judge(tmp_path)
