from pathlib import Path

import pytest

from edge_agent.errors import DiskBusy
from edge_agent.localhub.files import replace_file


def test_a_file_is_replaced_whole_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    replace_file(path, b"first, and longer")
    replace_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(DiskBusy, match=r"nowhere/x cannot be written: No such file or directory"):
        replace_file(tmp_path / "nowhere" / "x", b"")
