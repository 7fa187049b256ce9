import asyncio
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from edge_agent.acquire.bus import Buses
from edge_agent.acquire.can_frame import filter_bytes
from edge_agent.acquire.log import LogFile
from edge_agent.clock import SystemClock
from edge_agent.decode.catalog import Catalog, Database
from edge_agent.decode.dbc import load_database
from edge_agent.decode.id_filter import id_filters
from edge_agent.decode.plan import compile_plan
from edge_agent.desk.vehicle import database_path
from edge_agent.settings import BusSettings, Settings
from edge_agent.wiring.source import bus_lines, catalog_of, narrowing, source_of
from tests.acquire.told import Told
from tests.acquire.unix_can import unix_can

BUSES = (BusSettings(name="front", channel="can0"), BusSettings(name="rear", channel="can1"))


def test_without_a_recording_frames_come_from_the_buses_which_wait_for_nobody() -> None:
    source, opened, waits = source_of(Settings(buses=BUSES), SystemClock(), Told())

    assert isinstance(source, Buses)
    assert (list(opened()), waits) == ([], False)


def test_buses_of_socketcan_are_read_without_python_can() -> None:
    code = (
        "import sys\n"
        "from edge_agent.app import Agent\n"
        "from edge_agent.clock import SystemClock\n"
        "from edge_agent.observe.logs import configure\n"
        "from edge_agent.settings import load_settings\n"
        "from edge_agent.wiring.source import source_of\n"
        "source_of(load_settings(buses=[{'name': 'can0', 'channel': 'can0'}]), SystemClock(), configure('info'))\n"
        "sys.exit('can' in sys.modules)\n"
    )
    call = (sys.executable, "-c", code)

    assert subprocess.run(call, check=False, timeout=15).returncode == 0  # noqa: S603  our own text


def test_a_recording_stands_in_for_the_buses_and_waits(tmp_path: Path) -> None:
    source, opened, waits = source_of(Settings(buses=BUSES, replay_log=tmp_path / "a.log"), SystemClock(), Told())

    assert isinstance(source, LogFile)
    assert (list(opened()), waits) == ([], True)


async def test_a_bus_that_is_only_wanted_passes_what_the_plan_wants_and_the_other_all() -> None:
    databases = [load_database(database_path())]
    catalog = Catalog([("front", databases), ("rear", databases)])
    plan = compile_plan(catalog, list(catalog)[:9] + list(catalog)[-9:])
    told = Told()
    with unix_can(2) as interfaces:
        first, second = (one.channel for one in interfaces)
        buses = (BusSettings(name="front", channel=first, only_wanted=True), BusSettings(name="rear", channel=second))
        source, _, _ = source_of(Settings(buses=buses), SystemClock(), told)
        assert isinstance(source, Buses)
        narrowing(source, catalog)(plan)
        async with aclosing(source.blocks()) as blocks:
            reading = asyncio.create_task(anext(blocks), name="block")
            await told.heard("acquire.id_filter_set")
            await told.heard("acquire.bus_opened", 2)
            await reading

        front, rear = (one.receiver.filters for one in interfaces)
    assert front[-1] == filter_bytes(id_filters(plan, catalog)[0]) != b""
    assert not rear, "without a filter a CAN socket passes all"


def test_a_recording_is_read_whole_whatever_is_wanted(tmp_path: Path) -> None:
    settings = Settings(buses=BUSES, replay_log=tmp_path / "a.log")
    source, _, _ = source_of(settings, SystemClock(), Told())
    catalog = Catalog([("front", []), ("rear", [])])

    narrowing(source, catalog)(compile_plan(catalog, ()))


def test_a_recording_has_error_frames_as_socketcan_has_and_all_that_was_on_the_bus(tmp_path: Path) -> None:
    bus = BusSettings(name="front", channel="can0", only_wanted=True)
    other = BusSettings(name="front", interface="virtual", channel="can0")
    recording = tmp_path / "a.log"

    assert [line.only_wanted for line in bus_lines(Settings(buses=(bus,)))] == [True]
    assert [line.only_wanted for line in bus_lines(Settings(buses=(bus,), replay_log=recording))] == [False]
    assert [line.socketcan_errors for line in bus_lines(Settings(buses=(other,)))] == [False]
    assert [line.socketcan_errors for line in bus_lines(Settings(buses=(other,), replay_log=recording))] == [True]


def test_a_second_start_says_the_same_of_its_databases_without_parsing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.dbc"
    bad.write_text("BO_ what: is this\n")
    buses = (
        BusSettings(name="front", channel="can0", dbc=(database_path(), bad)),
        BusSettings(name="rear", channel="can1", dbc=(database_path(),)),
    )
    settings, told = Settings(buses=buses, data_folder=tmp_path / "data"), [Told(), Told()]
    first, refused = catalog_of(settings, told[0])
    asked: list[Path] = []

    def parse(path: Path) -> Database:
        asked.append(path)
        return load_database(path)

    monkeypatch.setattr("edge_agent.decode.database_cache.parsed", parse)
    second, refused_again = catalog_of(settings, told[1])

    assert asked == [bad]
    assert repr(second.databases) == repr(first.databases)
    assert [one.sentence() for one in refused_again] == [one.sentence() for one in refused]
    assert told[1].lines == told[0].lines
