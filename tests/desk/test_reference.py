"""The page that is shipped: made from the models, whole, and up to date."""

import re
from pathlib import Path

import pytest

from edge_agent import settings
from edge_agent.desk.field_texts import field_texts
from edge_agent.desk.reference import reference_text
from edge_agent.desk.twin_schema import twin_schema
from edge_agent.settings import VARIABLES, BusSettings, Settings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in reference_text().splitlines()
    if line.startswith("| `")
]


def test_the_page_that_is_shipped_is_what_the_models_give() -> None:
    """`edge-agent reference > docs/configuration.md` makes it anew."""
    assert PAGE.read_text() == reference_text()


def test_every_variable_of_the_environment_has_one_row() -> None:
    names = [row[0].strip("`") for row in ROWS]

    assert [name for name in VARIABLES if names.count(name) != 1] == []


def test_every_field_of_the_document_has_a_row() -> None:
    names = {row[0].strip("`") for row in ROWS}
    schema = twin_schema()

    assert {name for model in (schema, *schema["$defs"].values()) for name in model["properties"]} <= names


def test_every_row_says_what_it_takes_and_what_it_is_and_shows_an_example() -> None:
    assert {len(row) for row in ROWS} == {6}
    assert [row[0] for row in ROWS if not (row[1] and row[4] and row[5])] == []


def test_every_setting_is_explained_where_it_is_defined() -> None:
    told = {(model, name) for model, name, _ in field_texts(settings)}

    assert {("Settings", name) for name in Settings.model_fields} <= told
    assert {("BusSettings", name) for name in BusSettings.model_fields} <= told


@pytest.mark.parametrize(
    "row",
    [
        "| `IOTEDGE_APIVERSION` | text | | none | of that API | `2020-07-07` |",
        "| `every_ms` | integer, 10 to 86,400,000 | ms | | length of a window, as of `periodic` | `100` |",
        "| `relative` | number, above 0, at most 1 | | | of the last kept value's magnitude | `0.02` |",
    ],
)
def test_a_row_reads_like_this(row: str) -> None:
    assert row in re.sub(r" +", " ", reference_text()).splitlines()


def test_links_within_the_page_lead_to_headings() -> None:
    headings = re.findall(r"^#+ (.*)$", reference_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    assert set(re.findall(r"\]\(#([^)]*)\)", reference_text())) <= anchors
