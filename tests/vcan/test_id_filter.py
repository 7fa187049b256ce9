"""What a real CAN socket passes when only some ids are wanted, and how it follows the configuration."""

import can
import pytest

from edge_agent.acquire.can_frame import FILTERS_MAX, Filters, IdFilter
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.decode.id_filter import id_filters
from edge_agent.decode.plan import compile_plan
from edge_agent.records import EXTENDED_ID, FrameFlag, RawKind
from tests.vcan.interface import VCAN0, VCAN1, Watch, link, run, sender, watching

pytestmark = [pytest.mark.vcan, pytest.mark.timeout(60)]

DOOR, SPEED, LONG = 0x100, 0x300, EXTENDED_ID | 0x18DA0100
ENGINE, TORQUE, FAULTS = EXTENDED_ID | 0x0CF00400, EXTENDED_ID | 0x0C000003, EXTENDED_ID | 0x18FECA00
LAST = 0x7FF
"""passes each filter of these tests: when it has come, all before it has"""


def message(name: str, can_id: int, length: int = 8, *, j1939: bool = False) -> Message:
    signal = Signal("s", BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "")
    return Message(name, can_id, length, (signal,), j1939=j1939)


MESSAGES = (
    message("Door", DOOR),
    message("Speed", SPEED),
    message("Long", LONG),
    message("Engine", ENGINE, j1939=True),
    message("Torque", TORQUE, j1939=True),
    message("Faults", FAULTS, 30, j1939=True),
    message("Last", LAST),
)


def filters(*wanted: str) -> Filters:
    catalog = Catalog([(VCAN0, [Database("x.dbc", MESSAGES)])])
    return id_filters(compile_plan(catalog, [f"{name}.s" for name in (*wanted, "Last")]), catalog)[0]


async def follow(watch: Watch, *by_bus: Filters) -> None:
    """The filters are set on the open sockets."""
    before = len(watch.told.fields("acquire.id_filter_set"))
    watch.buses.pass_only(by_bus)
    await watch.told.heard("acquire.id_filter_set", before + 1)


async def passing(watch: Watch, *typed: str) -> list[int]:
    """Ids of the frames that arrive when these are sent."""
    begin = len(watch.frames)
    for one in (*typed, "7FF#"):
        await run("cansend", VCAN0, one)
    count = begin
    while LAST not in [frame.can_id for frame in watch.frames[begin:]]:
        count += 1
        await watch.arrived(count)
    return [frame.can_id for frame in watch.frames[begin:] if frame.can_id != LAST]


async def test_only_what_is_wanted_passes_and_the_same_number_in_the_other_length_does_not() -> None:
    async with watching(VCAN0, only_wanted=[VCAN0]) as watch:
        await follow(watch, filters("Door", "Long"))

        found = await passing(watch, "100#01", "00000100#02", "300#03", "18DA0100#04", "100#R", "101#05")

    assert found == [DOOR, LONG]
    assert watch.dropped == 0


async def test_the_filter_of_an_open_bus_follows_the_configuration() -> None:
    async with watching(VCAN0, only_wanted=[VCAN0]) as watch:
        assert await passing(watch, "100#01", "300#02", "555#03") == [DOOR, SPEED, 0x555], "before there are rules"
        await follow(watch, filters("Door"))
        assert await passing(watch, "100#01", "300#02", "555#03") == [DOOR]
        await follow(watch, filters("Speed"))
        assert await passing(watch, "100#01", "300#02", "555#03") == [SPEED]
        await follow(watch, filters())
        assert await passing(watch, "100#01", "300#02", "555#03") == []

    assert len(watch.told.fields("acquire.bus_opened")) == 1


async def test_a_j1939_message_passes_from_every_source_at_every_priority() -> None:
    async with watching(VCAN0, only_wanted=[VCAN0]) as watch:
        await follow(watch, filters("Engine", "Torque"))

        found = await passing(
            watch, "0CF00400#01", "18F00421#02", "0CF00300#03", "0C0021FE#04", "0C010003#05", "1CEAFF00#"
        )

    assert found == [ENGINE, EXTENDED_ID | 0x18F00421, EXTENDED_ID | 0x0C0021FE]


async def test_with_a_wanted_group_the_transport_protocol_passes() -> None:
    async with watching(VCAN0, only_wanted=[VCAN0]) as watch:
        await follow(watch, filters("Faults"))

        found = await passing(watch, "1CECFF00#20", "1CEBFF00#01", "18FECA00#", "1CEAFF00#", "0CF00400#")

    assert found == [EXTENDED_ID | one for one in (0x1CECFF00, 0x1CEBFF00, 0x18FECA00)]


async def test_error_frames_pass_whatever_is_wanted() -> None:
    async with watching(VCAN0, only_wanted=[VCAN0]) as watch:
        await follow(watch, filters("Door"))
        with sender(VCAN0) as bus:
            bus.send(can.Message(arbitration_id=0x40, is_extended_id=False, is_error_frame=True, dlc=8, data=bytes(8)))
        found = await passing(watch, "300#01")

    assert found == [0x40]
    assert [frame.flags for frame in watch.frames if frame.can_id == 0x40] == [FrameFlag.ERROR]


async def test_of_a_generators_thousand_frames_the_kernel_passes_the_wanted_id_alone_and_the_other_bus_passes_all() -> (
    None
):
    generated = ("-g", "0", "-p", "100", "-n", "1000", "-L", "8", "-D", "i", "-I", "i")
    async with watching(VCAN0, VCAN1, only_wanted=[VCAN0]) as watch:
        await follow(watch, filters("Door"), ())
        await run("cangen", VCAN0, *generated)
        await run("cangen", VCAN1, *generated)
        frames = await watch.arrived(1001)

    assert [frame.can_id for frame in frames if frame.bus == 0] == [DOOR]
    assert [frame.can_id for frame in frames if frame.bus == 1] == list(range(1000))


async def test_a_bus_that_comes_back_passes_what_is_wanted_still() -> None:
    async with watching(VCAN0, only_wanted=[VCAN0]) as watch:
        await follow(watch, filters("Door"))
        await link("set", VCAN0, "down")
        await watch.told.heard("acquire.bus_lost")
        await link("set", VCAN0, "up")
        await watch.told.heard("acquire.id_filter_set", 2)

        assert await passing(watch, "100#01", "300#02") == [DOOR]


@pytest.mark.parametrize(("count", "passes"), [(FILTERS_MAX, [DOOR]), (FILTERS_MAX + 1, [DOOR, 0x7FE])])
async def test_the_kernel_takes_as_many_filters_as_it_says_and_beyond_all_passes(count: int, passes: list[int]) -> None:
    wanted = (*(IdFilter(at, EXTENDED_ID | 0x7FF) for at in range(count - 1)), IdFilter(LAST, EXTENDED_ID | 0x7FF))
    async with watching(VCAN0, only_wanted=[VCAN0]) as watch:
        watch.buses.pass_only([wanted])
        told = "acquire.id_filter_set" if count <= FILTERS_MAX else "acquire.id_filter_left_open"
        await watch.told.heard(told)

        assert await passing(watch, "100#01", "7FE#02") == passes
