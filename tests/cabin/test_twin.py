"""What the hub says of the cabin's own twin, and what is reported, without a hub."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabin.calendar.store import Calendar
from cabin.errors import HubUnreachable
from cabin.records import Market
from cabin.tiles import DEFAULT
from cabin.twin import CabinTwin, Config, difference, merged
from tests.cabin.calendar.bridge import at_hour
from tests.cabin.calendar.wall import CarClock
from tests.uplink.fakes import Told


class Car:
    """A twin with a calendar that is allowed."""

    def __init__(self, folder: Path, market: Market = Market.STANDARD) -> None:
        self.clock, self.log = CarClock(), Told()
        self.calendar = Calendar(folder / "calendar", self.clock, self.log)
        self.configs: list[Config] = []
        self.consent: dict[str, int] = {"version": 1}
        self.twin = CabinTwin(
            self.calendar,
            folder / "twin.json",
            market=market,
            language="en",
            log=self.log,
            changed=self.configs.append,
            consent=lambda: dict(self.consent),
            missing_roles=lambda: self.missing,
        )
        self.missing: tuple[str, ...] = ()
        self.reported: dict[str, Any] = {}

    async def document(self, reported: dict[str, Any] | None = None, **desired: object) -> dict[str, Any]:
        whole = {"desired": {"$version": 1} | desired, "reported": reported or {}}
        self.reported = merged(reported or {}, json.loads(await self.twin.document(json.dumps(whole))))
        return self.reported

    async def patch(self, version: int, **desired: object) -> dict[str, Any]:
        told = json.loads(await self.twin.patch(json.dumps({"$version": version} | desired)))
        self.reported = merged(self.reported, told)
        return self.reported

    async def call(self, name: str, payload: object = None) -> tuple[int, Any]:
        status, answer = await self.twin.method(name, json.dumps(payload))
        return status, json.loads(answer)

    def item(self, name: str, version: int = 1) -> dict[str, object]:
        assert self.calendar.key
        return at_hour(self.calendar.key, "p1", name, self.clock.wall_s + 600, version)


async def begun(folder: Path, market: Market = Market.STANDARD) -> Car:
    car = Car(folder, market)
    await car.calendar.restore()
    await car.calendar.allow()
    await car.twin.restore()
    return car


async def test_an_empty_twin_is_everything_as_by_default(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    reported = await car.document()
    assert car.twin.config == Config(0, Market.STANDARD, "en", DEFAULT, {})
    assert (reported["status"], reported["errors"]) == ("applied", [])
    assert car.calendar.key
    assert reported["calendar"]["key"] == car.calendar.key.public_text


async def test_what_is_desired_holds_and_is_told_once(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.document(schema_version=1, language="de", tiles=["soc", "speed"], signals={"speed": "Vehicle.Speed"})
    [config] = car.configs
    assert (config.language, config.tiles, dict(config.signals)) == ("de", ("soc", "speed"), {"speed": "Vehicle.Speed"})
    await car.patch(2, calendar={"p1": {}})
    assert len(car.configs) == 1


@pytest.mark.parametrize(
    ("settings", "desired", "holds"),
    [("strict", "standard", "strict"), ("standard", "strict", "strict"), ("standard", "standard", "standard")],
)
async def test_the_twin_may_make_the_market_stricter_never_looser(
    tmp_path: Path, settings: str, desired: str, holds: str
) -> None:
    car = await begun(tmp_path, Market(settings))
    reported = await car.document(market=desired)
    assert car.twin.config.market == holds
    assert reported["market"] == holds


@pytest.mark.parametrize(
    ("desired", "loc"),
    [
        ({"market": "loose"}, "market"),
        ({"tiles": ["speed", "speed"]}, "tiles"),
        ({"tiles": ["speedo"]}, "tiles"),
        ({"tiles": "speed"}, "tiles"),
        ({"signals": {"warp": "x"}}, "signals.warp"),
        ({"signals": {"speed": ""}}, "signals.speed"),
        ({"schema_version": 2}, "schema_version"),
        ({"tile": ["speed"]}, "tile"),
    ],
)
async def test_a_document_that_is_wrong_changes_nothing_but_the_calendar(
    tmp_path: Path, desired: dict[str, Any], loc: str
) -> None:
    car = await begun(tmp_path)
    await car.document(language="de")
    reported = await car.patch(2, **desired, calendar={"p1": {"a": car.item("a")}})
    assert reported["status"] == "refused"
    assert [one["loc"] for one in reported["errors"]] == [loc]
    assert car.twin.config.language == "de"
    assert len(car.configs) == 1
    assert reported["calendar"]["items"] == {"p1": 1}


async def test_a_bad_item_is_refused_alone_and_counted(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    reported = await car.document(language="de", calendar={"p1": {"a": car.item("a"), "b": {"n": 1}}})
    assert reported["status"] == "applied"
    assert reported["calendar"]["items"] == {"p1": 1}
    assert reported["calendar"]["refused"] == 1
    assert [one["loc"] for one in reported["errors"]] == ["calendar.p1.b"]
    reported = await car.patch(2, calendar={"p1": {"b": None}})
    assert (reported["calendar"]["refused"], reported["errors"]) == (0, [])


async def test_a_calendar_that_is_no_map_is_told_and_the_meetings_stay(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.document(calendar={"p1": {"a": car.item("a")}})
    reported = await car.patch(2, calendar=5)
    assert [one["loc"] for one in reported["errors"]] == ["calendar"]
    assert reported["calendar"]["items"] == {"p1": 1}


async def test_null_removes_an_item_and_a_profile_and_the_report_follows(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.document(calendar={"p1": {"a": car.item("a"), "b": car.item("b")}})
    assert (await car.patch(2, calendar={"p1": {"a": None}}))["calendar"]["items"] == {"p1": 1}
    assert (await car.patch(3, calendar={"p1": None}))["calendar"]["items"] == {}


async def test_an_old_patch_is_ignored_and_a_missed_one_asks_for_the_whole(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.document()
    assert json.loads(await car.twin.patch('{"$version": 1, "language": "de"}')) == {}
    with pytest.raises(HubUnreachable, match="missed"):
        await car.twin.patch('{"$version": 3, "language": "de"}')
    assert car.twin.config.language == "en"


async def test_what_held_is_there_after_a_start_without_network(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.document(language="de", signals={"speed": "S"}, calendar={"p1": {"a": car.item("a")}})
    again = await begun(tmp_path)
    assert again.twin.config.language == "de"
    assert again.configs == [again.twin.config]
    assert again.calendar.told()["items"] == {"p1": 1}
    assert "p1" not in (tmp_path / "twin.json").read_text()


async def test_a_kept_document_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "twin.json").write_text("{")
    car = await begun(tmp_path)
    assert car.log.at("warning") == ["twin.document_not_kept"]
    assert car.twin.config.language == "en"


async def test_a_report_says_only_what_the_hub_does_not_know_and_takes_back_what_is_gone(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    reported = await car.document()
    known = json.loads(json.dumps(reported)) | {"calendar": {**reported["calendar"], "items": {"gone": 3}}}
    whole = {"desired": {"$version": 1}, "reported": known | {"$version": 9}}
    assert json.loads(await car.twin.document(json.dumps(whole))) == {"calendar": {"items": {"gone": None}}}


async def test_news_come_when_something_else_is_to_be_reported_and_not_before(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.document()
    async with asyncio.TaskGroup() as group:
        news = group.create_task(car.twin.news(), name="news")
        for _ in range(5):
            car.twin.tell()
            await asyncio.sleep(0)
        assert not news.done()
        car.consent["version"] = 2
        car.twin.tell()
    assert json.loads(news.result()) == {"consent": {"version": 2}}


async def test_roles_that_the_agent_leaves_missing_are_reported(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    assert (await car.document())["missing_roles"] == []
    car.missing = ("speed", "park_lock")
    car.twin.tell()
    assert json.loads(await car.twin.news()) == {"missing_roles": ["speed", "park_lock"]}


async def test_a_wipe_is_news(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.document(calendar={"p1": {"a": car.item("a")}})
    await car.calendar.wipe(None)
    assert json.loads(await car.twin.news()) == {"calendar": {"items": {"p1": None}, "key": None, "key_id": None}}


async def test_the_cloud_fills_in_more_than_a_twin_holds(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    items = {f"k{n}": car.item(f"k{n}") for n in range(200)} | {"bad": {"n": 1}}
    status, answer = await car.call("calendar.fill", {"profile": "p1", "items": items})
    assert (status, answer["taken"], answer["refused"]) == (200, 200, 1)
    assert answer["errors"][0]["loc"] == "calendar.p1.bad"


async def test_the_cloud_wipes_with_proof_and_gets_the_key_to_begin_anew(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.document(calendar={"p1": {"a": car.item("a")}})
    assert car.calendar.key
    before = car.calendar.key.id
    status, answer = await car.call("calendar.wipe", {"profile": None})
    assert (status, answer["items"]) == (200, {})
    assert answer["key_id"] != before
    assert (await car.call("calendar.refresh"))[1]["key_id"] == answer["key_id"]


async def test_a_wipe_makes_no_key_where_none_was_allowed(tmp_path: Path) -> None:
    car = Car(tmp_path)
    assert (await car.call("calendar.wipe", {"profile": None}))[1]["key"] is None
    assert (await car.call("calendar.fill", {"profile": "p1", "items": {}}))[0] == 400


@pytest.mark.parametrize(
    ("name", "payload", "status"),
    [
        ("calendar.fill", None, 400),
        ("calendar.fill", {"profile": "p1"}, 400),
        ("calendar.fill", [1], 400),
        ("calendar.wipe", {}, 400),
        ("calendar.wipe", {"profile": 5}, 400),
        ("calendar.burn", {}, 404),
        ("status", None, 200),
    ],
)
async def test_a_method_is_answered_whatever_it_was_called_with(
    tmp_path: Path, name: str, payload: object, status: int
) -> None:
    car = await begun(tmp_path)
    answered, answer = await car.call(name, payload)
    assert answered == status
    assert ("error" in answer) == (status != 200)


OBJECT = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | st.integers(0, 3), max_size=3),
    max_leaves=8,
)


@given(OBJECT, OBJECT)
def test_a_difference_makes_the_one_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert merged(before, difference(before, after)) == after


@given(
    st.dictionaries(
        st.sampled_from(["market", "tiles", "signals", "calendar", "language", "$version"]),
        st.from_type(int) | st.text() | OBJECT,
    )
)
async def test_whatever_is_desired_is_judged_without_harm(desired: dict[str, Any]) -> None:
    calendar = Calendar(Path("/nowhere"), CarClock(), Told())
    twin = CabinTwin(calendar, Path("/proc/nowhere"), market=Market.STRICT, language="en", log=Told())
    assert json.loads(await twin.document(json.dumps({"desired": desired})))["status"] in {"applied", "refused"}
    assert twin.config.market is Market.STRICT
