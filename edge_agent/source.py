"""Where frames come from, as the settings say: live buses, or a recording."""

from collections.abc import Callable, Iterable

from edge_agent.acquire.bus import Buses
from edge_agent.acquire.log import LogFile
from edge_agent.acquire.pythoncan import BusAddress
from edge_agent.events import Log
from edge_agent.ports import Clock, FrameSource
from edge_agent.settings import BusSettings, Settings


def source_of(settings: Settings, clock: Clock, log: Log) -> tuple[FrameSource, Callable[[], Iterable[str]], bool]:
    """Where frames come from, which buses are open, and whether it waits for us (a log) or not (a bus)."""
    if settings.replay_log is None:
        buses = Buses([_address(bus) for bus in settings.buses], log=log, clock=clock, tick_ms=settings.tick_ms)
        return buses, lambda: buses.opened, False
    # A recording of several interfaces names them as the buses' channels.
    channels = {bus.channel: i for i, bus in enumerate(settings.buses)} if len(settings.buses) > 1 else None
    recording = LogFile(
        settings.replay_log,
        log=log,
        clock=clock,
        speed=settings.replay_speed,
        tick_ms=settings.tick_ms,
        channels=channels,
        buses=len(settings.buses),
    )
    return recording, lambda: (), True


def _address(bus: BusSettings) -> BusAddress:
    return BusAddress(bus.name, bus.interface, bus.channel, bus.fd, bus.bitrate)
