"""Facts that pages repeat from the code, or from each other, are the same there."""

import ast
import re
from xml.etree import ElementTree as ET

import pytest

from edge_agent.spool.framing import FORMAT_VERSION, READABLE
from edge_agent.spool.state import STATE_VERSION
from edge_agent.wiring import parts
from tests.docs.pages import ROOT, text_of
from tests.test_architecture import JOURNEY

SVG = "{http://www.w3.org/2000/svg}"
PICTURE = ROOT / "docs" / "journey.svg"
ARCHITECTURE = text_of("docs/architecture.md")
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def rows(page: str) -> dict[str, list[str]]:
    """Of every table of a page, by the first cell; the first of those alike."""
    lines = [line for line in text_of(page).splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return {row[0].strip("`"): row[1:] for row in reversed(cells)}


def told_by(package: str) -> dict[str, str]:
    """What a package's docstring says: enters, leaves, may lose."""
    text = ast.get_docstring(ast.parse((ROOT / "edge_agent" / package / "__init__.py").read_text())) or ""
    return dict(re.findall(r"^(Enters|Leaves|May lose): (.*?)\.?$", text, re.MULTILINE))


def plain(cell: str) -> str:
    return cell.replace("`", "")


@pytest.mark.parametrize("package", JOURNEY)
def test_the_page_says_of_a_stage_what_its_own_docstring_says(package: str) -> None:
    enters, leaves, loses = map(plain, rows("docs/architecture.md")[package])
    told = told_by(package)

    assert leaves.split(",")[0] in told["Leaves"]
    assert enters.split(",")[0] in told["Enters"]
    assert loses.split(":")[0].split(";")[0].split(" that ")[0] in told["May lose"]


def test_the_page_says_the_sizes_of_the_channels() -> None:
    table = rows("docs/architecture.md")

    assert table["frames"][1].startswith(f"{parts.FRAME_BLOCKS} blocks")
    assert table["configurations"][1] == str(parts.CONFIGS)
    assert table["batches"][1] == str(parts.SEALED_BATCHES)


def test_the_picture_names_every_stage_in_its_order() -> None:
    texts = list(ET.fromstring(PICTURE.read_text()).iter(f"{SVG}text"))  # noqa: S314  our own file
    places = {text.text: float(text.attrib["x"]) for text in texts if text.attrib.get("class") == "name"}

    line = [places[stage] for stage in JOURNEY if stage != "tap"]
    assert line == sorted(line)
    assert "tap" in places


def test_the_picture_can_be_read_in_the_dark_and_needs_nothing_else() -> None:
    text = PICTURE.read_text()

    assert "prefers-color-scheme: dark" in text
    assert set(re.findall(r"https?://[^\"\s]+", text)) == {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"url\(([^)]*)\)", text)) == {"#tip"}
    assert "<script" not in text


def test_what_the_picture_writes_lies_within_it() -> None:
    picture = ET.fromstring(PICTURE.read_text())  # noqa: S314  our own file
    width, height = map(float, picture.attrib["viewBox"].split()[2:])

    for text in picture.iter(f"{SVG}text"):
        half = len(text.text or "") * 4.6  # seen at most, of the larger font
        assert half <= float(text.attrib["x"]) <= width - half, text.text
        assert 12 <= float(text.attrib["y"]) <= height - 6, text.text


def test_the_forms_on_disk_are_those_that_upgrading_tells_of() -> None:
    table = rows("docs/upgrade.md")

    assert table["spool/*.seg"][0].startswith(f"{FORMAT_VERSION},")
    assert f"reads {' and '.join(map(str, READABLE))}, writes {FORMAT_VERSION};" in table["spool/*.seg"][1]
    assert table["spool/state.json"][0] == str(STATE_VERSION)


def test_every_file_that_is_kept_over_a_change_of_release_is_told_of() -> None:
    named = {
        name
        for path in (ROOT / "edge_agent").rglob("*.py")
        for name in re.findall(r"data_folder / \"([^\"]+)\"", path.read_text())
    }

    assert {"spool", "twin.json"} <= named
    assert sorted(name for name in named if f"`{name}" not in text_of("docs/upgrade.md")) == []


def test_the_readme_has_no_figure_that_the_pages_of_figures_have_not() -> None:
    section = text_of("README.md").partition("## What it costs")[2].partition("\n## ")[0]
    claims = [line for line in re.split(r"\n(?=- )|\n\n", section) if line.startswith("- ")]
    measured = set(NUMBER.findall(text_of("docs/performance.md")))

    assert claims
    assert {claim: sorted(set(NUMBER.findall(claim)) - measured) for claim in claims} == {claim: [] for claim in claims}
