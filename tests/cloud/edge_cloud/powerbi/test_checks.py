"""Faults planted in a copy of the project: each is named, with its file and line."""

import re
from pathlib import Path

import pytest

from tests.cloud.edge_cloud.powerbi import checks
from tests.cloud.edge_cloud.powerbi.tom import Tom

MODEL = "Fleet.SemanticModel/definition"
CARD = "Fleet.Report/definition/pages/overview/visuals/card_kilometres/visual.json"
VEHICLES = "Fleet.Report/definition/pages/overview/visuals/vehicles/visual.json"

pytestmark = pytest.mark.usefixtures("schemas")


def plant(project: Path, file: str, right: str, wrong: str) -> int:
    """Put `wrong` in the place where `right` stands first; the line of it."""
    path = project / file
    before, found, after = path.read_text(encoding="utf-8").partition(right)
    assert found, f"{file} has no {right}"
    path.write_text(before + wrong + after, encoding="utf-8")
    return before.count("\n") + 1


def said(project: Path) -> list[str]:
    return [f"{one.file}:{one.line}: {one.sentence}" for one in checks.findings(project)]


def test_a_property_that_tmdl_does_not_know_is_named_by_microsofts_parser(copy: Path, tom: Tom, tmp_path: Path) -> None:
    line = plant(copy, f"{MODEL}/tables/daily.tmdl", "dataType: double", "dataTyp: double")

    refused = tom.read(copy / MODEL, tmp_path / "again").refused

    assert re.search(rf"dataTyp is not a supported property .* './tables/daily' .* Line Number - {line} ", refused), (
        refused
    )


def test_a_relationship_that_ends_nowhere_is_named(copy: Path, tom: Tom, tmp_path: Path) -> None:
    file = f"{MODEL}/relationships.tmdl"
    line = plant(copy, file, "fromColumn: trips.day", "fromColumn: trips.date")

    assert f"{file}:{line}: relationship trips_of_dates ends at no column: trips.date" in said(copy)
    assert "Failed links: [relationship 'trips_of_dates']" in tom.read(copy / MODEL, tmp_path / "again").refused


def test_a_visuals_column_that_the_model_lacks_is_named(copy: Path) -> None:
    line = plant(copy, VEHICLES, '"Property": "brand"', '"Property": "make"')

    assert said(copy) == [f"{VEHICLES}:{line}: the model has no column vehicles[make]"]


def test_a_measure_that_a_visual_takes_for_a_column_is_named(copy: Path) -> None:
    line = plant(copy, CARD, '"Measure"', '"Column"') + 6

    assert said(copy) == [f"{CARD}:{line}: the model has no column daily[Kilometres]"]


def test_a_source_column_that_gold_lacks_is_named(copy: Path) -> None:
    file = f"{MODEL}/tables/trips.tmdl"
    line = plant(copy, file, "sourceColumn: kwh", "sourceColumn: kilowatthours")

    assert f"{file}:{line}: sourceColumn kilowatthours is not in the gold table trips" in said(copy)
    assert f"{file}:2: table trips leaves out kwh" in said(copy)


def test_a_source_column_of_another_type_is_named(copy: Path) -> None:
    file = f"{MODEL}/tables/costs.tmdl"
    line = plant(copy, file, "column price\n\t\tdataType: double", "column price\n\t\tdataType: int64") + 1

    assert said(copy) == [f"{file}:{line}: dataType int64 of costs.price, which is double"]


def test_a_file_that_is_no_json_is_named(copy: Path) -> None:
    line = plant(copy, CARD, '"visual": {', '"visual": {,')

    assert said(copy) == [f"{CARD}:{line}: Expecting property name enclosed in double quotes"]


def test_a_property_that_microsofts_schema_does_not_know_is_named(copy: Path) -> None:
    begin = plant(copy, CARD, '"tabOrder"', '"tabOrdre"') - 6

    (found,) = said(copy)[:1]
    assert found.startswith(f"{CARD}:{begin}: Additional properties are not allowed ('tabOrdre' was unexpected)")


def test_a_value_that_microsofts_schema_does_not_allow_is_named(copy: Path) -> None:
    file = "Fleet.Report/definition/pages/overview/page.json"
    line = plant(copy, file, '"FitToPage"', '"FitToWall"')

    (found,) = said(copy)
    assert found.startswith(f"{file}:{line}: ")
    assert "FitToWall" in found


def test_a_measure_of_what_is_not_there_is_named(copy: Path) -> None:
    file = f"{MODEL}/tables/daily.tmdl"
    line = plant(copy, file, "measure Energy = SUM ( daily[kwh] )", "measure Energy = SUM ( daily[energy] ) + [Losses]")

    assert said(copy) == [
        f"{file}:{line}: measure Energy names no column: daily[energy]",
        f"{file}:{line}: measure Energy names no measure: [Losses]",
    ]


def test_a_measure_with_the_name_of_a_column_beside_it_is_named(copy: Path) -> None:
    file = f"{MODEL}/tables/trips.tmdl"
    line = plant(copy, file, "measure 'Highest speed'", "measure Samples")

    assert f"{file}:{line}: measure Samples has the name of a column of trips" in said(copy)


def test_a_partition_that_leaves_a_column_or_a_zone_is_named(copy: Path) -> None:
    file = f"{MODEL}/tables/trips.tmdl"
    plant(copy, file, '"km_source", ', "")
    plant(copy, file, ', {"ended", AsUtc, type nullable datetime}', "")

    assert [re.sub(r":\d+:", ":", one)[:80] for one in said(copy)] == [
        f"{file}: partition trips does not choose device, trip"[:80],
        f"{file}: partition trips does not take the zone of started, ended"[:80],
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ('"width": 195', '"width": 1950', "it lies outside its page"),
        ('"altText"', '"x"', "it has no alternative text"),
        ('"visualType": "card"', '"visualType": "crad"', "no crad has Values"),
    ],
)
def test_a_visual_that_nobody_sees_or_hears_of_is_named(copy: Path, right: str, wrong: str, sentence: str) -> None:
    plant(copy, CARD, right, wrong)

    (found,) = said(copy)
    assert found.startswith(CARD)
    assert found.endswith(sentence)
