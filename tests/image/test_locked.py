"""The locks against what each module's pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.image.locked import BUILD_LOCK, PIN, pins
from tests.image.modules import CABIN, ROOT, TELEMATICS, Module

EXTRAS = {TELEMATICS: (), CABIN: ("phone",)}
"""of each module, those that its image has"""


def project(module: Module) -> dict[str, Any]:
    return tomllib.loads((ROOT / module.folder / "pyproject.toml").read_text())


def wanted(module: Module) -> list[Requirement]:
    asked = project(module)["project"]
    extras = [text for extra in EXTRAS[module] for text in asked["optional-dependencies"][extra]]
    return [Requirement(text) for text in (*asked["dependencies"], *extras)]


each_module = pytest.mark.parametrize("module", EXTRAS, ids=lambda module: module.name)


@each_module
def test_everything_that_a_module_asks_for_is_locked_in_a_version_it_takes(module: Module) -> None:
    locked = pins(module.lock)
    amiss = [
        f"{one}: {locked.get(one.name, 'not locked')}"
        for one in wanted(module)
        if not locked.get(one.name) or not all(version in one.specifier for version in locked[one.name])
    ]

    assert not amiss, f"`make lock` brings it up to date: {amiss}"


@each_module
def test_nothing_is_locked_for_a_modules_sake_that_it_asks_for_no_longer(module: Module) -> None:
    named = f"{module.distribution} ({module.folder / 'pyproject.toml'})"
    asked_for = {pin["name"] for pin in PIN.finditer(module.lock.read_text()) if named in pin["rest"]}

    assert asked_for == {one.name for one in wanted(module)}, "`make lock` brings it up to date"


@each_module
def test_the_build_stage_has_what_a_module_is_built_with(module: Module) -> None:
    locked = pins(BUILD_LOCK)
    built_with = [Requirement(text) for text in project(module)["build-system"]["requires"]]

    assert all(locked[one.name][0] in one.specifier for one in built_with)
    assert "setuptools" in locked, "paho-mqtt's source is built with it"


def test_what_both_modules_have_they_have_in_one_version() -> None:
    telematics, cabin = pins(TELEMATICS.lock), pins(CABIN.lock)

    assert {name: cabin[name] for name in telematics.keys() & cabin.keys() if cabin[name] != telematics[name]} == {}


@pytest.mark.parametrize("lock", [TELEMATICS.lock, CABIN.lock, BUILD_LOCK], ids=lambda path: f"{path.parent.name}")
def test_every_package_has_its_hashes_and_none_says_where_it_was_found(lock: Path) -> None:
    text = lock.read_text()
    locked = list(PIN.finditer(text))

    assert len(locked) == len(re.findall(r"==", re.sub(r" ;.*", "", text))) > 0
    assert not [pin["name"] for pin in locked if "--hash=sha256:" not in pin["rest"]]
    assert not re.search(r"index-url|find-links|://| @ ", text)
