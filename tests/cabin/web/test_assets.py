"""The page's own files."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from cabin.web.assets import STATIC, read_assets

VENDORED = STATIC / "vendor" / "uplot"
OWN_TEXTS = [
    path for path in sorted(STATIC.rglob("*")) if path.suffix in {".js", ".css", ".html"} and "vendor" not in path.parts
]
CATALOGUES = sorted((STATIC / "lang").glob("*.json"))


def catalogue(path: Path) -> dict[str, str]:
    texts = json.loads(path.read_text())
    assert isinstance(texts, dict)
    return texts


def test_the_vendored_files_are_what_they_were() -> None:
    lines = (VENDORED / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split() for line in lines)}
    assert listed == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDORED.iterdir()
        if path.name != "SHA256SUMS"
    }


def test_the_vendored_files_have_their_licence_beside_them() -> None:
    assert "MIT License" in (VENDORED / "LICENSE").read_text()


def test_only_files_of_a_page_are_served(tmp_path: Path) -> None:
    for name in ("a.js", "b.py", "c", "d.map", "e.css"):
        (tmp_path / name).write_text("")
    assert set(read_assets(tmp_path)) == {"a.js", "e.css"}


def test_every_file_has_a_type_and_a_tag_of_its_content() -> None:
    assets = read_assets()
    assert {"index.html", "app.js", "cabin.css", "favicon.svg", "lang/en.json", "lang/de.json"} <= assets.keys()
    assert len({asset.etag for asset in assets.values()}) == len(assets)
    assert sum(len(asset.content) for asset in assets.values()) < 200_000


@pytest.mark.parametrize("path", OWN_TEXTS, ids=lambda path: path.name)
def test_the_page_needs_nothing_from_elsewhere(path: Path) -> None:
    elsewhere = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text())
    assert [one for one in elsewhere if "www.w3.org" not in one] == []


@pytest.mark.parametrize("path", OWN_TEXTS, ids=lambda path: path.name)
def test_no_string_becomes_html_and_nothing_moves(path: Path) -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|@keyframes|animation:|transition:",
        path.read_text(),
    )


def test_the_catalogues_have_the_same_texts_with_the_same_gaps() -> None:
    first, *others = [catalogue(path) for path in CATALOGUES]
    gaps = {key: set(re.findall(r"\{\w+\}", text)) for key, text in first.items()}
    for other in others:
        assert {key: set(re.findall(r"\{\w+\}", text)) for key, text in other.items()} == gaps


def test_every_text_that_a_module_names_is_there() -> None:
    texts = catalogue(STATIC / "lang" / "en.json")
    for path in STATIC.glob("*.js"):
        for key in re.findall(r'words\.t\("([^"]+)"', path.read_text()):
            assert key in texts, f"{path.name}: {key}"
