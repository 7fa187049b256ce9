"""How long a bar is to become; that it is shown is tested where a command shows it."""

from pathlib import Path

import pytest

from edge_agent.desk.progress import frames_of


def test_the_frames_of_a_text_log_are_its_lines(tmp_path: Path) -> None:
    (tmp_path / "drive.log").write_bytes(b"(1.0) can0 100#\n" * 70_000)

    assert frames_of(tmp_path / "drive.log") == 70_000


@pytest.mark.parametrize("name", ["drive.blf", "drive.log.gz", "absent.log", "."])
def test_of_others_nobody_knows(tmp_path: Path, name: str) -> None:
    (tmp_path / "drive.blf").write_bytes(b"LOGG\n")

    assert frames_of(tmp_path / name) is None


def test_of_one_that_cannot_be_opened_whoever_reads_it_will_tell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    (tmp_path / "drive.log").write_text("(1.0) can0 100#\n")
    monkeypatch.setattr(Path, "open", refused)
    assert frames_of(tmp_path / "drive.log") is None
