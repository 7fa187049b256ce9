import os
from pathlib import Path

from edge_agent.uplink.link import LinkSaid
from edge_agent.uplink.link_file import LinkFile
from tests.uplink.fakes import Told

UNUSABLE = "uplink.link_file_unusable"


def test_a_file_that_comes_changes_and_goes_is_followed(tmp_path: Path) -> None:
    log, path = Told(), tmp_path / "link.json"
    file = LinkFile(path, log)
    assert file.look() == LinkSaid()

    path.write_text('{"metered": false}')
    assert file.look() == LinkSaid(metered=False)
    path.write_text('{"metered": true, "roaming": true}')
    assert file.look() == LinkSaid(metered=True, roaming=True)
    path.unlink()
    assert file.look() == LinkSaid()
    assert log.lines == []


def test_a_mistake_is_told_once_and_the_last_good_word_goes_on(tmp_path: Path) -> None:
    log, path = Told(), tmp_path / "link.json"
    file = LinkFile(path, log)
    path.write_text('{"metered": false}')
    file.look()

    for content, told in (('{"metered": 0}', 1), ('{"metered": 0}', 1), ("{", 2), ("{}", 2), ("{", 3)):
        path.write_text(content)
        file.look()
        assert len(log.fields(UNUSABLE)) == told
    path.write_bytes(b"\xff" * 5000)
    assert file.look() == LinkSaid(), "what `{}` said, which was good"
    assert log.fields(UNUSABLE)[-1] == {"path": str(path), "reason": "more than 4096 bytes"}


def test_a_folder_a_pipe_and_bytes_that_are_no_text_are_mistakes_that_hold_up_nobody(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name in ("folder", "pipe", "bytes"):
        log = Told()
        assert LinkFile(tmp_path / name, log).look() == LinkSaid()
        assert len(log.fields(UNUSABLE)) == 1, name


def test_a_folder_that_is_looked_at_for_ever_takes_no_descriptors(tmp_path: Path) -> None:
    file = LinkFile(tmp_path, Told())
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(50):
        file.look()
    assert len([*Path("/proc/self/fd").iterdir()]) == before


def test_without_a_path_it_says_nothing() -> None:
    assert LinkFile(None, Told()).look() == LinkSaid()
