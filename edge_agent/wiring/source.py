"""Where frames come from and what they mean, as the settings say: live buses or a recording, and the databases."""

from collections.abc import Callable, Iterable

from edge_agent.acquire.address import BusAddress
from edge_agent.acquire.bus import Buses
from edge_agent.decode.bus_load import BitRates
from edge_agent.decode.catalog import Catalog
from edge_agent.decode.database_cache import DatabaseCache
from edge_agent.decode.health import BusLine
from edge_agent.decode.id_filter import id_filters
from edge_agent.decode.load import Refusal, load_catalog
from edge_agent.decode.plan import DecodePlan
from edge_agent.events import Log
from edge_agent.ports import Clock, FrameSource
from edge_agent.settings import BusSettings, Settings


def source_of(settings: Settings, clock: Clock, log: Log) -> tuple[FrameSource, Callable[[], Iterable[str]], bool]:
    """Where frames come from, which buses are open, and whether it waits for us (a log) or not (a bus)."""
    if settings.replay_log is None:
        buses = Buses(
            [_address(bus) for bus in settings.buses],
            log=log,
            clock=clock,
            tick_ms=settings.tick_ms,
            clock_trusted=settings.clock_trusted,
            only_wanted=[bus.name for bus in settings.buses if bus.only_wanted],
        )
        return buses, lambda: buses.opened, False
    from edge_agent.acquire.log import LogFile  # noqa: PLC0415  python-can with it, 3 MB

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


def catalog_of(settings: Settings, log: Log) -> tuple[Catalog, tuple[Refusal, ...]]:
    """What the databases of all buses say, as `load_catalog` gives it; none is parsed that an earlier start parsed.

    Blocking.
    """
    cache = DatabaseCache(settings.data_folder / "databases", log)
    catalog, refusals = load_catalog(
        [(bus.name, bus.dbc) for bus in settings.buses],
        log,
        mappings={bus.name: bus.vss for bus in settings.buses if bus.vss},
        load=cache.load,
    )
    cache.forget_others()
    return catalog, refusals


def narrowing(source: FrameSource, catalog: Catalog) -> Callable[[DecodePlan], None]:
    """What to call with each plan that takes over: buses that are `only_wanted` then pass what it wants.

    A recording is read whole.
    """
    if not isinstance(source, Buses):
        return lambda _: None
    return lambda plan: source.pass_only(id_filters(plan, catalog))


def bus_lines(settings: Settings) -> list[BusLine]:
    """The buses as decoding needs to know them; a log's error frames are SocketCAN's, or say nothing."""
    replays = settings.replay_log is not None
    return [
        BusLine(
            bus.name,
            BitRates(bus.bitrate, bus.data_bitrate),
            socketcan_errors=replays or bus.interface == "socketcan",
            only_wanted=bus.only_wanted and not replays,
        )
        for bus in settings.buses
    ]


def _address(bus: BusSettings) -> BusAddress:
    return BusAddress(bus.name, bus.interface, bus.channel, bus.fd, bus.bitrate)
