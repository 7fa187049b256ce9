"""A power cut between any two acts of the disk: the calendar is the old or the new one, and no key is left over."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cabin.calendar.book import Book
from cabin.calendar.files import CalendarFiles, Found
from cabin.calendar.seal import CarKey


class PowerCutError(BaseException):
    pass


@contextmanager
def cut_before(act: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is done any more from the act of this number on; acts are counted from 0."""
    done = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            if done >= act:
                raise PowerCutError
            done += 1
            return call(*arguments, **named)

        return counting

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", counted(os.fsync))
        patch.setattr(Path, "replace", counted(Path.replace))
        patch.setattr(Path, "unlink", counted(Path.unlink))
        yield


def text_with(key: CarKey, powered_s: float) -> str:
    return Book().text(key.id, powered_s)


def keys_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir() if path.name.startswith("key")]


def test_a_key_is_changed_wholly_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = CarKey.fresh(), CarKey.fresh()
    cuts = 0
    for act in range(40):
        folder = tmp_path / str(act)
        files = CalendarFiles(folder)
        files.change_key(before, text_with(before, 1.0))
        try:
            with cut_before(act, monkeypatch):
                files.change_key(after, text_with(after, 2.0))
        except PowerCutError:
            cuts += 1
        found = CalendarFiles(folder).read()
        assert found is not None
        assert found in (Found(found.key, text_with(before, 1.0), 1.0), Found(found.key, text_with(after, 2.0), 2.0))
        assert keys_in(folder) == [found.key.private]
    assert 6 <= cuts < 40


def test_what_is_forgotten_in_part_is_forgotten_wholly_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, cuts = CarKey.fresh(), 0
    for act in range(20):
        folder = tmp_path / str(act)
        files = CalendarFiles(folder)
        files.change_key(key, text_with(key, 1.0))
        files.write_powered(5.0)
        try:
            with cut_before(act, monkeypatch):
                files.forget()
        except PowerCutError:
            cuts += 1
        if act > 0:  # the first act is the end of the key's overwriting
            assert key.private not in keys_in(folder)
        try:
            found = CalendarFiles(folder).read()
        except (OSError, ValueError):  # what `Calendar.restore` answers by forgetting
            CalendarFiles(folder).forget()
            found = None
        assert found is None or act == 0
        assert found is not None or list(folder.iterdir()) == []
    assert 4 <= cuts < 20


def test_the_powered_on_time_is_the_later_of_the_two_that_are_kept(tmp_path: Path) -> None:
    key, files = CarKey.fresh(), CalendarFiles(tmp_path / "calendar")
    files.change_key(key, text_with(key, 100.0))
    for written, told in [(160.0, 160.0), (40.0, 100.0)]:
        files.write_powered(written)
        found = files.read()
        assert found is not None
        assert found.powered_s == told
    (tmp_path / "calendar" / "powered").write_text("x")
    found = files.read()
    assert found is not None
    assert found.powered_s == 100.0
