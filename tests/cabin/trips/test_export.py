import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest

from cabin.consent.consent import Consent
from cabin.ports import Download
from cabin.records import Answer, Decision, Purpose, SignalInfo, Tick
from cabin.tapin.latest import Latest
from cabin.trips.export import exported
from tests.cabin.silent_log import SilentLog
from tests.cabin.trips.driving import NOW_MS
from tests.cabin.trips.test_trip_log import HOME, Rig

SCHEMA = Path(__file__).parents[3] / "docs" / "cabin-export-1.schema.json"


class StoppedClock:
    """`ports.Clock`."""

    def now_ms(self) -> int:
        return NOW_MS

    def up_ms(self) -> int:
        return 5_000

    def zone(self) -> str:
        return "UTC"


class Stand:
    """A profile with two trips, one decision, and a vehicle that says its speed and place."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig(folder / "trips")
        self.consent = Consent(folder / "consent.jsonl", SilentLog(), {})
        self.latest = Latest()

    async def open(self) -> None:
        await self.rig.open()
        await self.consent.open()
        self.rig.drives().leaves().drives().leaves()
        await self.rig.trips()
        for profile in ("p1", "p2"):
            await self.consent.decide(Decision(Purpose.TRIPS, Answer.YES, 1_795_000_000, profile, "trips.en", 2))
        self.latest.reconfigure({"Vehicle.Speed": SignalInfo("km/h")})
        values = {"Vehicle.Speed": (53.5, 100), "Vehicle.CurrentLocation.Latitude": (50.1, 0)}
        self.latest.take(Tick(NOW_MS, 1, 1, full=True, values=values), now_ms=NOW_MS, up_ms=5_000)

    async def download(self, form: Literal["csv", "json"]) -> tuple[Download, bytes]:
        made = await exported(form, "p1", self.rig.log, self.consent, self.latest, StoppedClock())
        return made, b"".join([piece async for piece in made.pieces])


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    one = Stand(tmp_path)
    await one.open()
    yield one
    await one.consent.close()
    await one.rig.close()


async def as_json(stand: Stand) -> Any:
    made, content = await stand.download("json")
    assert (made.name, made.content_type) == (f"vehicle-data-{NOW_MS // 1000}.json", "application/json")
    return json.loads(content)


async def tables(stand: Stand) -> Mapping[str, Sequence[Mapping[str, str]]]:
    made, content = await stand.download("csv")
    assert (made.name, made.content_type) == (f"vehicle-data-{NOW_MS // 1000}.zip", "application/zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: list(csv.DictReader(archive.read(name).decode().splitlines())) for name in archive.namelist()}


async def test_the_document_is_what_its_schema_says(stand: Stand) -> None:
    document = await as_json(stand)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert [trip["id"] for trip in document["trips"]] == [trip.id for trip in stand.rig.log.summaries("p1")]
    assert document["trips"][0]["start_place"] == list(HOME)
    assert max(value for value in document["trips"][0]["plot"]["speed_kmh"] if value is not None) == 60.0
    assert document["decisions"] == [
        {"purpose": "trips", "answer": "YES", "t_s": 1_795_000_000, "profile": "p1", "text_id": "trips.en",
         "text_version": 2}
    ]  # fmt: skip


async def test_the_tables_say_the_same_as_the_document(stand: Stand) -> None:
    document, found = await as_json(stand), await tables(stand)
    assert found.keys() == {"columns.csv", "trips.csv", "decisions.csv", "latest.csv", "plots.csv"}
    assert [row["id"] for row in found["trips.csv"]] == [trip["id"] for trip in document["trips"]]
    assert [float(row["distance_km"]) for row in found["trips.csv"]] == [
        trip["distance_km"] for trip in document["trips"]
    ]
    assert float(found["trips.csv"][0]["start_place_latitude_deg"]) == HOME[0]
    assert len(found["plots.csv"]) == sum(len(trip["plot"]["t_s"]) for trip in document["trips"])
    told = {name: str(value) for name, value in document["decisions"][0].items()}
    assert [dict(row) for row in found["decisions.csv"]] == [told]


async def test_every_number_has_its_unit(stand: Stand) -> None:
    found = await tables(stand)
    with_unit = {(row["table"], row["column"]) for row in found["columns.csv"]}
    texts = {"id", "profile", "end", "distance_source", "energy_source", "harsh_source"}
    assert {column for table, column in with_unit if table == "trips"} | texts == found["trips.csv"][0].keys()
    assert {column for table, column in with_unit if table == "plots"} | {"trip_id"} == found["plots.csv"][0].keys()


@pytest.mark.parametrize("answer", [Answer.YES, Answer.NOT_SET])
async def test_the_latest_values_have_a_place_with_consent_alone(stand: Stand, answer: Answer) -> None:
    if answer is Answer.YES:
        await stand.consent.decide(Decision(Purpose.LOCATION, answer, 1, "p1", "location.en", 1))
    latest = (await as_json(stand))["latest"]
    assert {"name": "Vehicle.Speed", "value": 53.5, "unit": "km/h", "age_ms": 100} in latest
    assert ("Vehicle.CurrentLocation.Latitude" in {row["name"] for row in latest}) == (answer is Answer.YES)


async def test_who_has_no_trips_gets_a_file_too(stand: Stand) -> None:
    await stand.rig.log.delete("p1", None)
    assert (await as_json(stand))["trips"] == []
    assert (await tables(stand))["trips.csv"] == []
