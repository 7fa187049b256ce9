"""The locks against what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.image.locked import BUILD_LOCK, LOCK, PIN, ROOT, pins

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WANTED = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
NAMED = "edge-agent (pyproject.toml)"


def test_everything_that_the_project_asks_for_is_locked_in_a_version_it_takes() -> None:
    locked = pins(LOCK)
    amiss = [
        f"{wanted}: {locked.get(wanted.name, 'not locked')}"
        for wanted in WANTED
        if not locked.get(wanted.name) or not all(version in wanted.specifier for version in locked[wanted.name])
    ]

    assert not amiss, f"`make lock` brings it up to date: {amiss}"


def test_nothing_is_locked_for_the_projects_sake_that_it_asks_for_no_longer() -> None:
    asked_for = {pin["name"] for pin in PIN.finditer(LOCK.read_text()) if NAMED in pin["rest"]}

    assert asked_for == {wanted.name for wanted in WANTED}, "`make lock` brings it up to date"


def test_the_build_stage_has_what_the_project_is_built_with() -> None:
    locked = pins(BUILD_LOCK)

    assert all(locked[one.name][0] in one.specifier for one in map(Requirement, PROJECT["build-system"]["requires"]))
    assert "setuptools" in locked, "paho-mqtt's source is built with it"


@pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK], ids=lambda path: path.name)
def test_every_package_has_its_hashes_and_none_says_where_it_was_found(lock: Path) -> None:
    text = lock.read_text()
    locked = list(PIN.finditer(text))

    assert len(locked) == len(re.findall(r"==", re.sub(r" ;.*", "", text))) > 0
    assert not [pin["name"] for pin in locked if "--hash=sha256:" not in pin["rest"]]
    assert not re.search(r"index-url|find-links|://| @ ", text)
