from pathlib import Path

from edge_agent.acquire.bus import Buses
from edge_agent.acquire.log import LogFile
from edge_agent.clock import SystemClock
from edge_agent.settings import BusSettings, Settings
from edge_agent.source import source_of
from tests.acquire.told import Told

BUSES = (BusSettings(name="front", channel="can0"), BusSettings(name="rear", channel="can1"))


def test_without_a_recording_frames_come_from_the_buses_which_wait_for_nobody() -> None:
    source, opened, waits = source_of(Settings(buses=BUSES), SystemClock(), Told())

    assert isinstance(source, Buses)
    assert (list(opened()), waits) == ([], False)


def test_a_recording_stands_in_for_the_buses_and_waits(tmp_path: Path) -> None:
    source, opened, waits = source_of(Settings(buses=BUSES, replay_log=tmp_path / "a.log"), SystemClock(), Told())

    assert isinstance(source, LogFile)
    assert (list(opened()), waits) == ([], True)
