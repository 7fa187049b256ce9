import os
from pathlib import Path

import pytest

from edge_agent.desk.output import output
from edge_agent.errors import FileRefused, LogRefused


def test_a_file_holds_what_was_written_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    with output(tmp_path / "drive.csv") as out:
        out.write("a\n")
    assert (tmp_path / "drive.csv").read_bytes() == b"a\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "drive.csv"]


def test_a_file_stays_as_it_was_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "drive.csv"
    path.write_text("old")
    path.chmod(0o600)
    with pytest.raises(LogRefused):
        half_written(path)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])

    with output(path) as out:
        out.write("new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_link_goes_on_pointing_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    with output(tmp_path / "link") as out:
        out.write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_what_is_read_is_not_written_over_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "drive.log").write_text("frames")
    (tmp_path / "link.csv").symlink_to("drive.log")
    inputs = [tmp_path / "absent.dbc", tmp_path / "drive.log"]
    for name in ("drive.log", "link.csv"):
        sentence = f"{name}: is what is read here; name another file"
        with pytest.raises(FileRefused, match=sentence), output(tmp_path / name, inputs):
            pass
    assert (tmp_path / "drive.log").read_text() == "frames"


@pytest.mark.parametrize(
    ("place", "reason"),
    [("absent/x.csv", "No such file or directory"), (".", "Is a directory"), ("file/x.csv", "Not a directory")],
)
def test_a_place_that_cannot_be_written_is_named(place: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileRefused, match=f"cannot be written: {reason}") as refused, output(tmp_path / place):
        pass
    assert refused.value.path == str(tmp_path / place)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(FileRefused, match="No space left on device"), output(tmp_path / "full") as out:
        out.write("a")


def test_a_device_is_written_in_place() -> None:
    with output(Path(os.devnull)) as out:
        out.write("a")
    assert Path(os.devnull).is_char_device()


def test_without_a_file_it_is_standard_output_and_a_reader_that_left_is_no_fault_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with output(None) as out:
        out.write("a")
    with pytest.raises(BrokenPipeError), output(None):
        raise BrokenPipeError
    assert capsys.readouterr().out == "a"


def half_written(path: Path) -> None:
    with output(path) as out:
        out.write("new")
        out.flush()
        assert path.read_text() == "old"
        raise LogRefused("drive.log", "no log")
