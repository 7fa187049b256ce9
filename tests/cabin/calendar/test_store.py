"""The calendar over restarts, power cuts, full disks and wipes, on a real disk."""

import asyncio
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cabin.calendar.seal import CarKey
from cabin.calendar.store import Calendar
from cabin.checked_lines import replace_file
from cabin.errors import DiskRefused, MessageRejected
from tests.cabin.calendar.bridge import at_hour, sealed_item
from tests.cabin.calendar.wall import CarClock
from tests.uplink.desk import until
from tests.uplink.fakes import Told

BERLIN = ZoneInfo("Europe/Berlin")


class Car:
    """A calendar that can be started again."""

    def __init__(self, folder: Path, clock: CarClock | None = None) -> None:
        self.folder, self.clock, self.log = folder, clock or CarClock(), Told()
        self.calendar = Calendar(folder, self.clock, self.log)

    async def restarted(self) -> "Car":
        await self.calendar.close()
        self.clock.since_start_s = 0.0
        car = Car(self.folder, self.clock)
        await car.calendar.restore()
        return car

    @property
    def key(self) -> CarKey:
        assert self.calendar.key is not None
        return self.calendar.key

    def titles(self, profile: str = "p1") -> list[str]:
        return [one.title for one in self.calendar.meetings(profile, self.clock.wall_s, BERLIN)]

    def item(self, name: str, profile: str = "p1", version: int = 1) -> dict[str, object]:
        return at_hour(self.key, profile, name, self.clock.wall_s + 600, version)

    def on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.iterdir())


async def begun(folder: Path) -> Car:
    car = Car(folder / "calendar")
    await car.calendar.restore()
    await car.calendar.allow()
    return car


async def test_meetings_are_there_after_a_start_without_network(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.calendar.apply({"p1": {"a": car.item("a"), "b": car.item("b")}})
    assert car.calendar.profiles == ("guest", "p1")
    assert car.titles("guest") == []
    again = await car.restarted()
    assert again.key.public == car.key.public
    assert again.titles() == ["a", "b"]
    assert b'"title"' not in car.on_disk()
    assert {path.stat().st_mode & 0o777 for path in car.folder.iterdir()} == {0o600}


async def test_without_consent_there_is_no_key_and_nothing_is_taken(tmp_path: Path) -> None:
    car = Car(tmp_path / "calendar")
    await car.calendar.restore()
    item = at_hour(CarKey.fresh(), "p1", "a", car.clock.wall_s)
    assert (await car.calendar.apply({"p1": {"a": item}})).taken == 0
    with pytest.raises(MessageRejected, match="not allowed"):
        await car.calendar.fill("p1", {"a": item})
    assert car.calendar.told() == {"key": None, "key_id": None, "items": {}, "refused": 0}


async def test_of_who_did_not_allow_it_nothing_is_taken_until_they_do(tmp_path: Path) -> None:
    car, allowed = await begun(tmp_path), {"p1"}
    car.calendar.ask(allowed.__contains__)
    await car.calendar.apply({"p1": {"a": car.item("a")}, "p2": {"b": car.item("b", "p2")}})
    assert list(car.calendar.profiles) == ["guest", "p1"]
    with pytest.raises(MessageRejected, match="not allowed"):
        await car.calendar.fill("p2", {"b": car.item("b", "p2")})
    allowed.add("p2")
    await car.calendar.allow()
    assert car.titles("p2") == ["b"]
    allowed.remove("p1")
    await car.calendar.wipe("p1")
    await car.calendar.apply({"p1": {"a": car.item("a", version=2)}, "p2": {}})
    assert list(car.calendar.profiles) == ["guest", "p2"]


async def test_a_wipe_leaves_neither_key_nor_item_on_the_disk(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.calendar.apply({"p1": {"a": car.item("a")}})
    private = car.key.private
    descriptors = [path.open("rb") for path in car.folder.iterdir() if path.name.startswith("key")]

    await car.calendar.wipe(None)
    assert list(car.folder.iterdir()) == []
    assert car.calendar.key is None
    assert car.titles() == []
    for file in descriptors:  # what the blocks of the removed file say now
        content = file.read()
        assert len(content) == 32
        assert content != private
        file.close()
    assert (await car.restarted()).calendar.key is None


async def test_a_profile_that_goes_takes_the_key_with_it_and_leaves_the_others_theirs(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.calendar.apply({"p1": {"a": car.item("a")}, "p2": {"b": car.item("b", "p2")}})
    before, stolen = car.key, car.on_disk()
    await car.calendar.wipe("p1")
    assert car.calendar.profiles == ("guest", "p2")
    again = await car.restarted()
    assert again.titles("p2") == ["b"]
    assert again.titles("p1") == []
    assert again.key.id != before.id
    assert before.private in stolen
    assert before.private not in car.on_disk()
    assert (await again.calendar.apply({"p1": {"a": at_hour(before, "p1", "a", car.clock.wall_s, 2)}})).taken == 0


async def test_a_withdrawn_item_cannot_be_brought_back_after_a_restart(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    item = car.item("a")
    await car.calendar.apply({"p1": {"a": item}})
    await car.calendar.apply({"p1": {}})
    again = await car.restarted()
    assert (await again.calendar.apply({"p1": {"a": item}})).old == 1
    assert again.titles() == []


async def test_days_of_driving_end_an_item_though_the_wall_clock_stands_still(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    week = ["2026-11-20", "2026-12-10"]
    until = car.clock.wall_s + 86_400
    await car.calendar.apply({"p1": {"a": sealed_item(car.key, "p1", "a", until_s=until, days=week)}})
    for _ in range(3):
        car.clock.since_start_s += 6 * 3600
        await car.calendar.expire()
        car = await car.restarted()
        assert car.titles() == ["a"]
    car.clock.since_start_s += 6 * 3600
    assert car.titles() == []
    await car.calendar.expire()
    assert car.calendar.told()["items"] == {"p1": 0}
    assert str(until)[:10].encode() in car.on_disk()  # its version is remembered, the item is not
    assert b'"items":{"p1":{}}' in car.on_disk()


async def test_what_expired_in_the_garage_is_off_the_disk_at_the_next_start(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.calendar.apply({"p1": {"a": car.item("a")}})
    car.clock.wall_s += 5400
    await car.restarted()
    assert b'"items":{"p1":{}}' in car.on_disk()


@pytest.mark.parametrize("content", [b"", b"{", b'{"key_id":"x"}', b"[]", b'{"key_id":"../../x","powered_s":1}'])
async def test_a_damaged_file_is_told_and_costs_no_more_than_the_meetings(tmp_path: Path, content: bytes) -> None:
    car = await begun(tmp_path)
    (car.folder / "calendar.json").write_bytes(content)
    again = await car.restarted()
    assert again.log.at("error") == ["calendar.unusable"]
    assert list(car.folder.iterdir()) == []
    await again.calendar.allow()
    assert (await again.calendar.apply({"p1": {"a": again.item("a")}})).taken == 1


async def test_a_key_of_a_change_that_a_power_cut_ended_is_destroyed(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    (car.folder / "key-00000000").write_bytes(CarKey.fresh().private)
    (car.folder / "key-11111111.new").write_bytes(b"half")
    again = await car.restarted()
    assert again.key.id == car.key.id
    assert [path.name for path in car.folder.iterdir() if path.name.startswith("key")] == [f"key-{car.key.id}"]


async def test_a_disk_that_refuses_is_told_and_the_meetings_are_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    car = await begun(tmp_path)

    def full(_: Path, __: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cabin.calendar.files.replace_file", full)
        await car.calendar.apply({"p1": {"a": car.item("a")}})
        assert car.titles() == ["a"]
        assert car.log.at("warning") == ["calendar.not_kept"]
        with pytest.raises(DiskRefused):
            await car.calendar.wipe("p1")
        assert car.titles() == []


async def test_what_was_begun_is_on_the_disk_though_whoever_waited_was_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    car = await begun(tmp_path)
    slow = threading.Event()

    def written(path: Path, content: bytes) -> None:
        slow.wait(5)
        replace_file(path, content)

    monkeypatch.setattr("cabin.calendar.files.replace_file", written)
    map_ = {"a": car.item("a"), "b": car.item("b")}
    for names in (["a"], ["a", "b"]):
        applying = asyncio.create_task(car.calendar.apply({"p1": {name: map_[name] for name in names}}), name="apply")
        await until(lambda names=names: len(car.titles()) == len(names))  # type: ignore[misc]
        applying.cancel()
        await asyncio.wait([applying])
    slow.set()
    assert (await car.restarted()).titles() == ["a", "b"]


async def test_followers_are_told_of_changes_alone(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    told: list[int] = []
    car.calendar.follow(lambda: told.append(len(car.titles())))
    map_ = {"p1": {"a": car.item("a")}}
    await car.calendar.apply(map_)
    await car.calendar.apply(map_)
    await car.calendar.expire()
    await car.calendar.wipe(None)
    assert told == [1, 0]


async def test_the_link_is_had_by_key_alone(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    until = car.clock.wall_s + 7200
    start = int(car.clock.wall_s)
    item = sealed_item(car.key, "p1", "a", until_s=until, start=start, end=start + 60, link="https://teams.example/l")
    await car.calendar.fill("p1", {"a": item})
    assert car.calendar.link("p1", "a") == "https://teams.example/l"
    assert car.calendar.link("p2", "a") == car.calendar.link("p1", "b") == ""


async def test_it_looks_for_what_is_over_until_it_is_stopped(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.calendar.apply({"p1": {"a": car.item("a")}})
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(car.calendar.keep(stop), name="calendar.keep")
        await asyncio.sleep(0)
        car.clock.wall_s += 5400
        stop.set()
    assert car.calendar.told()["items"] == {"p1": 0}


async def test_no_event_says_anything_of_a_meeting(tmp_path: Path) -> None:
    car = await begun(tmp_path)
    await car.calendar.apply({"p1": {"secretkey": car.item("secretkey"), "bad": {"n": 1}}})
    await car.calendar.wipe(None)
    assert "secretkey" not in str(car.log.lines)
    assert "calendar.items_refused" in car.log.at("warning")
