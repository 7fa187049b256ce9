from pathlib import Path

import pytest

from edge_agent.uplink.budget import Spent
from edge_agent.uplink.spent_file import SpentFile
from tests.uplink.fakes import Told

SPENT = Spent(20_000, 600, 5, 6, 1_000, 2_000, 3, 4)


def test_what_was_spent_is_there_after_a_restart(tmp_path: Path) -> None:
    log, path = Told(), tmp_path / "spent.json"
    assert SpentFile(path, log).read() == Spent()

    SpentFile(path, log).write(lambda: SPENT)

    assert SpentFile(path, log).read() == SPENT
    assert log.lines == []


def test_what_is_no_news_is_not_written(tmp_path: Path) -> None:
    file = SpentFile(tmp_path / "spent.json", Told())
    file.write(lambda: SPENT)
    (tmp_path / "spent.json").unlink()

    file.write(lambda: SPENT)

    assert not (tmp_path / "spent.json").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"day": 1}', "\x00" * 100, "[" * 100_000])
def test_a_damaged_file_is_told_and_the_count_begins_anew(tmp_path: Path, content: str) -> None:
    log, path = Told(), tmp_path / "spent.json"
    path.write_text(content)

    assert SpentFile(path, log).read() == Spent()
    assert log.at("warning") == ["uplink.spent_unusable"]


def test_a_count_below_nothing_is_damage(tmp_path: Path) -> None:
    log, path = Told(), tmp_path / "spent.json"
    SpentFile(path, log).write(lambda: SPENT)
    path.write_text(path.read_text().replace("1000", "-1000"))

    assert SpentFile(path, log).read() == Spent()
    assert log.fields("uplink.spent_unusable") == [{"reason": "bytes_per_day is no count"}]


def test_a_folder_that_takes_nothing_is_told(tmp_path: Path) -> None:
    log = Told()
    SpentFile(tmp_path / "gone" / "spent.json", log).write(lambda: SPENT)

    assert log.at("warning") == ["uplink.spent_not_kept"]
