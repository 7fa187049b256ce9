"""Tokens of a file for cookies."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.web.launch import Launch


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(tmp_path)


def token_of(folder: Path) -> str:
    return (folder / "launch_token").read_text().strip()


def test_the_token_of_the_file_is_good_for_a_cookie(launch: Launch, tmp_path: Path) -> None:
    cookie = launch.redeem(token_of(tmp_path))
    assert cookie
    assert launch.knows(cookie)


def test_a_token_is_good_once_and_the_file_has_the_next_one(launch: Launch, tmp_path: Path) -> None:
    token = token_of(tmp_path)
    first = launch.redeem(token)
    assert launch.redeem(token) is None
    second = launch.redeem(token_of(tmp_path))
    assert first
    assert second
    assert first != second
    assert launch.knows(first)


def test_a_start_makes_a_new_token_and_leaves_the_cookies_good(launch: Launch, tmp_path: Path) -> None:
    old = token_of(tmp_path)
    cookie = launch.redeem(old) or ""
    again = Launch(tmp_path)
    assert again.knows(cookie)
    assert again.redeem(old) is None


def test_a_cookie_ends_with_the_key_of_the_folder(launch: Launch, tmp_path: Path) -> None:
    cookie = launch.redeem(token_of(tmp_path)) or ""
    (tmp_path / "session_key").unlink()
    assert not Launch(tmp_path).knows(cookie)


def test_a_key_that_a_power_cut_left_short_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "session_key").write_bytes(b"")
    launch = Launch(tmp_path)
    assert len((tmp_path / "session_key").read_bytes()) == 32
    assert launch.redeem(token_of(tmp_path))


def test_only_the_owner_reads_what_is_kept(launch: Launch, tmp_path: Path) -> None:
    launch.redeem(token_of(tmp_path))
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert {path.name for path in tmp_path.iterdir()} == {"launch_token", "session_key"}


def test_no_other_text_is_a_token_or_a_cookie(tmp_path_factory: pytest.TempPathFactory) -> None:
    launch = Launch(tmp_path_factory.mktemp("launch"))

    @given(st.text())
    def refused(text: str) -> None:
        assert not launch.knows(text)
        assert launch.redeem(text) is None

    refused()
