"""The vehicle's state on disk."""

import threading
from pathlib import Path

import pytest

from edge_agent.disk import Disk
from edge_agent.twin.fitting import JsonObject
from edge_agent.twin.state_file import StateFile
from tests.acquire.told import Told

BODY: JsonObject = {"Body/Door": {"v": 1.0, "t_ms": 5}}
PLACE: JsonObject = {"Vehicle/CurrentLocation/Latitude": {"v": 48.1, "t_ms": 6}}


def body() -> JsonObject:
    return BODY


def nothing() -> JsonObject:
    return {}


def test_what_was_written_is_read_by_the_next_start(tmp_path: Path) -> None:
    StateFile(tmp_path / "state.json", Told()).keep(body)

    assert StateFile(tmp_path / "state.json", Told()).read() == BODY


def test_nothing_is_written_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    file = StateFile(path, Told())
    file.keep(nothing)
    assert not path.exists()

    file.keep(body)
    path.unlink()
    file.keep(body)
    assert not path.exists()


def test_a_damaged_file_is_told_and_costs_the_state_alone(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    told = Told()

    assert StateFile(tmp_path / "state.json", told).read() == {}
    assert [(level, name) for level, name, _ in told.lines] == [("warning", "twin.kept_state_unusable")]


@pytest.mark.parametrize("name", ["state.json", "state.json.tmp"])
def test_what_cannot_be_read_is_replaced_though_nothing_is_known(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"Vehicle/CurrentLocation/Latitude": {"v": 48.1, "t_m')
    file = StateFile(tmp_path / "state.json", Told())
    assert file.read() == {}

    file.write(nothing)

    assert [path.read_text() for path in tmp_path.iterdir()] == ["{}"]


def test_a_disk_that_does_not_take_it_is_told_once_a_spell(tmp_path: Path) -> None:
    told, folder = Told(), tmp_path / "gone"
    file = StateFile(folder / "state.json", told)

    file.keep(body)
    file.keep(body)
    folder.mkdir()
    file.keep(body)
    (folder / "state.json").unlink()
    folder.rmdir()
    file.keep(nothing)

    assert told.levels("twin.state_not_kept") == ["warning", "debug", "warning"]


def test_who_must_know_hears_that_the_disk_does_not_take_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        StateFile(tmp_path / "gone" / "state.json", Told()).write(body)


def test_what_came_into_place_before_a_sync_failed_is_no_more_there_than_it_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    file = StateFile(path, Told())

    def fails(_disk: Disk, _folder: Path) -> None:
        raise OSError("the disk went away")

    with monkeypatch.context() as failing:
        failing.setattr(Disk, "sync_folder", fails)
        file.keep(lambda: PLACE)
    assert "Latitude" in path.read_text()

    file.write(nothing)

    assert path.read_text() == "{}"


def test_a_write_that_hung_leaves_what_is_newest_when_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The 5 s loop's write hangs with a place in it, and a second waits; meanwhile the place is withdrawn."""
    path, hangs, goes_on = tmp_path / "state.json", threading.Event(), threading.Event()
    file, known = StateFile(path, Told()), [PLACE]
    rename = Disk.rename

    def slow(disk: Disk, old: Path, new: Path) -> None:
        hangs.set()
        goes_on.wait(10)
        rename(disk, old, new)

    monkeypatch.setattr(Disk, "rename", slow)
    first = threading.Thread(target=file.keep, args=(lambda: known[0],))
    first.start()
    hangs.wait(10)
    others = [threading.Thread(target=file.write, args=(lambda: known[0],)) for _ in range(2)]
    others[0].start()
    known[0] = {}
    others[1].start()
    goes_on.set()
    for thread in (first, *others):
        thread.join(10)

    assert path.read_text() == "{}"
