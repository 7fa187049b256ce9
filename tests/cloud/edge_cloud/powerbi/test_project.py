"""The project as it is: nothing is wrong with it, and it keeps what its README promises."""

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from tests.cloud.edge_cloud.powerbi import checks, pbir, tmdl
from tests.cloud.edge_cloud.powerbi.pbir import Document

COMPLETE = {"Completeness %", "Trip completeness"}
NOTES = {"Completeness note", "Trip note"}
TEXT_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3: of text; 1.4.11 asks 3 of what a figure is drawn with"""
GRAPHIC_CONTRAST = 3.0


def model(project: Path) -> tmdl.Model:
    return tmdl.read(project / "Fleet.SemanticModel" / "definition")


def visuals(project: Path) -> dict[str, list[Document]]:
    """The report's visuals by page, in the order of the keyboard."""
    found = defaultdict(list)
    for document in pbir.documents(project):
        if isinstance(document, Document) and document.file.endswith("visual.json"):
            found[document.file.split("/")[3]].append(document)
    return {page: sorted(some, key=lambda one: position(one)["tabOrder"]) for page, some in found.items()}


def position(document: Document) -> dict[str, float]:
    return document.value["position"]  # type: ignore[index, no-any-return]  # the schema holds it


def test_nothing_is_wrong_with_the_project(project: Path, schemas: Path) -> None:
    assert schemas.is_dir()
    assert checks.findings(project) == []


def test_every_json_file_names_its_schema_but_the_themes(project: Path) -> None:
    documents = [one for one in pbir.documents(project) if isinstance(one, Document)]

    assert len(documents) > 90
    bare = [one.file for one in documents if isinstance(one.value, dict) and "$schema" not in one.value]
    assert bare == ["Fleet.Report/StaticResources/RegisteredResources/fleet-light.json", "themes/fleet-dark.json"]


def test_every_table_column_and_measure_says_what_it_is(project: Path) -> None:
    things = [one for one in model(project).things if one.kind in {"table", "column", "measure", "role", "expression"}]

    assert len(things) > 130
    assert not [f"{one.file}:{one.line}" for one in things if not one.described]


def test_every_measure_stands_in_a_folder_and_every_number_has_its_format(project: Path) -> None:
    found = model(project)

    assert not [one.name for one in found.of("measure") if not one.properties.get("displayFolder")]
    texts = {"Completeness note", "Trip note", "Currency of prices"}
    assert {one.name for one in found.of("measure") if "formatString" not in one.properties} == texts
    numbers = [one for one in found.of("column") if one.properties["dataType"] in {"double", "dateTime", "int64"}]
    assert not [(one.table, one.name) for one in numbers if "formatString" not in one.properties]


def test_keys_are_hidden_where_a_dimension_has_them(project: Path) -> None:
    found = model(project)
    keys = {one.end("fromColumn") for one in found.of("relationship")} - {("costs", "month")}

    shown = {(one.table, one.name) for one in found.of("column") if "isHidden" not in one.properties}
    assert not keys & shown


def test_every_table_but_access_and_the_two_dimensions_is_chosen_by_vehicle(project: Path) -> None:
    found = model(project)
    chosen = {one.end("fromColumn")[0] for one in found.of("relationship") if one.end("toColumn")[0] == "vehicles"}

    assert {one.name for one in found.of("table")} - chosen == {"access", "vehicles", "dates"}


def test_whoever_is_held_to_the_role_sees_nothing_live_and_only_granted_vehicles(project: Path) -> None:
    rules = {one.name: one.text for one in model(project).of("tablePermission")}

    assert set(rules) == {"access", "live", "vehicles"}
    assert rules["live"].split() == ["FALSE", "()"]
    assert "USERPRINCIPALNAME" in rules["access"]
    assert "USERPRINCIPALNAME" in rules["vehicles"]


def test_the_live_table_asks_a_function_that_every_size_of_fleet_has(project: Path) -> None:
    (partition,) = model(project).of("partition", "live")
    asked = re.findall(r'Contents\(Cluster, Database, "(\w+)\(\)"', partition.text)
    (shape,) = re.findall(r"SelectColumns\(Source, \{(.*?)\}\)", partition.text)

    text = (project.parent / "kql" / "50_reads.kql").read_text()
    (made,) = re.findall(rf"\b{asked[0]}\(\)\n\{{\n[^}}]*?\| project (.*?)\n\}}", text, re.DOTALL)
    assert [one.split("=")[0].strip() for one in made.split(",")] == re.findall(r'"(\w+)"', shape)


def test_every_page_says_how_complete_its_figures_are(project: Path) -> None:
    for page, some in visuals(project).items():
        names = {name for one in some for _, _, name, _ in checks.fields(one.value)}
        assert names & COMPLETE, page
        assert names & NOTES, page


def test_pages_are_listed_and_their_visuals_have_one_order_of_the_keyboard(project: Path) -> None:
    pages = project / "Fleet.Report" / "definition" / "pages"
    order = json.loads((pages / "pages.json").read_text())["pageOrder"]

    assert order == ["overview", "vehicle", "trip", "completeness", "cost", "now"]
    assert {path.parent.name for path in pages.glob("*/page.json")} == set(order) == set(visuals(project))
    for page, some in visuals(project).items():
        assert len({position(one)["tabOrder"] for one in some}) == len(some), page
        below = [(round(position(one)["y"] / 60), position(one)["x"]) for one in some]
        assert below == sorted(below), f"{page}: the keyboard goes another way than the eye"


def test_no_two_visuals_of_a_page_overlap(project: Path) -> None:
    for some in visuals(project).values():
        boxes = [(one.file, position(one)) for one in some]
        for at, (name, a) in enumerate(boxes):
            for other, b in boxes[at + 1 :]:
                beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
                assert beside or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"], (name, other)


def test_slicers_of_one_group_choose_by_one_field_on_all_pages(project: Path) -> None:
    groups: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for some in visuals(project).values():
        for one in some:
            visual = one.value["visual"]  # type: ignore[index]  # the schema holds it
            if visual["visualType"] == "slicer":
                groups[visual["syncGroup"]["groupName"]] |= {
                    (table, name) for _, table, name, _ in checks.fields(visual)
                }

    assert groups == {
        "dates": {("dates", "date")},
        "fleet": {("vehicles", "fleet")},
        "brand": {("vehicles", "brand")},
        "vehicle": {("vehicles", "name")},
    }


@pytest.mark.parametrize(("page", "before", "field"), [("vehicle", "overview", "device"), ("trip", "vehicle", "trip")])
def test_one_drills_from_the_fleet_to_a_vehicle_to_a_trip(project: Path, page: str, before: str, field: str) -> None:
    target = json.loads((project / "Fleet.Report/definition/pages" / page / "page.json").read_text())
    drilled = {(table, name) for _, table, name, _ in checks.fields(target["pageBinding"])}

    assert {name for _, name in drilled} == {field}
    assert target["pageBinding"]["parameters"][0]["boundFilter"] == target["filterConfig"]["filters"][0]["name"]
    tables = [one for one in visuals(project)[before] if one.value["visual"]["visualType"] == "tableEx"]  # type: ignore[index]
    assert any(drilled <= {(table, name) for _, table, name, _ in checks.fields(one.value)} for one in tables)


@pytest.mark.parametrize(
    "theme", ["Fleet.Report/StaticResources/RegisteredResources/fleet-light.json", "themes/fleet-dark.json"]
)
def test_a_themes_colours_stand_out_from_its_background(project: Path, theme: str) -> None:
    colours = json.loads((project / theme).read_text())

    for name in ("foreground", "foregroundNeutralSecondary", "hyperlink"):
        assert contrast(colours[name], colours["background"]) >= TEXT_CONTRAST, name
    for colour in colours["dataColors"]:
        assert contrast(colour, colours["background"]) >= GRAPHIC_CONTRAST, colour


def test_the_reports_theme_is_among_its_resources(project: Path) -> None:
    report = json.loads((project / "Fleet.Report/definition/report.json").read_text())
    name = report["themeCollection"]["customTheme"]["name"]

    assert [item["name"] for package in report["resourcePackages"] for item in package["items"]] == [name]
    assert (project / "Fleet.Report/StaticResources/RegisteredResources" / name).is_file()


def contrast(one: str, other: str) -> float:
    """As WCAG defines it."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
