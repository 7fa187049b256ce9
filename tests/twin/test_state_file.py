"""The vehicle's state on disk."""

from pathlib import Path

from edge_agent.twin.state_file import StateFile
from tests.acquire.told import Told

BODY = {"Body/Door": {"v": 1.0, "t_ms": 5}}


def test_what_was_written_is_read_by_the_next_start(tmp_path: Path) -> None:
    StateFile(tmp_path / "state.json", Told()).write(BODY)

    assert StateFile(tmp_path / "state.json", Told()).read() == BODY


def test_nothing_is_written_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    file = StateFile(path, Told())
    file.write({})
    assert not path.exists()

    file.write(BODY)
    path.unlink()
    file.write(BODY)
    assert not path.exists()


def test_a_damaged_file_is_told_and_costs_the_state_alone(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    told = Told()

    assert StateFile(tmp_path / "state.json", told).read() == {}
    assert [(level, name) for level, name, _ in told.lines] == [("warning", "twin.kept_state_unusable")]


def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    told = Told()

    StateFile(tmp_path / "gone" / "state.json", told).write(BODY)

    assert [(level, name) for level, name, _ in told.lines] == [("warning", "twin.state_not_kept")]
