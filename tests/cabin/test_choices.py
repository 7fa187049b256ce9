import asyncio
from pathlib import Path

import pytest

from cabin.choices import MOST_PROFILES, Choices


async def test_what_was_chosen_is_there_at_the_next_start(tmp_path: Path) -> None:
    choices = Choices.read(tmp_path / "choices.json")
    choices.language = "de"
    choices.private = True
    assert choices.add("p1")
    await choices.save()
    again = Choices.read(tmp_path / "choices.json")
    assert (again.language, again.profiles, again.private) == ("de", ("p1",), True)
    again.remove("p1")
    await again.save()
    assert Choices.read(tmp_path / "choices.json").profiles == ()


def test_there_are_so_many_profiles_and_no_more(tmp_path: Path) -> None:
    choices = Choices(tmp_path / "choices.json")
    assert all(choices.add(f"p{number}") for number in range(MOST_PROFILES))
    assert not choices.add("one-more")
    assert choices.add("p0")


@pytest.mark.parametrize("name", ["", "a.b", "a b", "../x", "x" * 33, "ä"])
def test_what_cannot_be_a_name_is_none(tmp_path: Path, name: str) -> None:
    assert not Choices(tmp_path / "choices.json").add(name)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"profiles": 7}', b'{"profiles": [7, "a.b"], "language": 3, "private": 1}']
)
def test_what_cannot_be_read_is_no_choice(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "choices.json"
    path.write_bytes(content)
    choices = Choices.read(path)
    assert (choices.language, choices.profiles, choices.private) == (None, (), False)


async def test_choices_that_come_at_once_are_written_one_after_the_other(tmp_path: Path) -> None:
    choices = Choices(tmp_path / "choices.json", private=True)
    await asyncio.gather(*(choices.save() for _ in range(100)))
    assert Choices.read(tmp_path / "choices.json").private
