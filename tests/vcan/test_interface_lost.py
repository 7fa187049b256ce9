"""A real interface that goes away while another goes on, and comes back."""

import can
import pytest

from tests.vcan.interface import VCAN0, VCAN1, Watch, link, make, sender, set_down, watching

pytestmark = [pytest.mark.vcan, pytest.mark.timeout(60)]


async def still_reads(watch: Watch, interface: str, can_id: int) -> None:
    """A frame sent now arrives."""
    before = len(watch.frames)
    with sender(interface) as bus:
        bus.send(can.Message(arbitration_id=can_id, is_extended_id=False))
    assert [frame.can_id for frame in (await watch.arrived(before + 1))[before:]] == [can_id]


def told_of(watch: Watch, event: str) -> list[object]:
    return [fields["bus"] for fields in watch.told.fields(event)]


async def test_an_interface_that_is_set_down_comes_back_while_the_other_goes_on() -> None:
    async with watching(VCAN0, VCAN1) as watch:
        await still_reads(watch, VCAN0, 1)
        await link("set", VCAN0, "down")
        await watch.told.heard("acquire.bus_lost", 3)
        await still_reads(watch, VCAN1, 2)
        assert sorted(map(str, told_of(watch, "acquire.bus_opened"))) == [VCAN0, VCAN1]
        await link("set", VCAN0, "up")
        await watch.told.heard("acquire.bus_opened", 3)
        await still_reads(watch, VCAN0, 3)

    assert told_of(watch, "acquire.bus_opened")[2] == VCAN0
    assert set(told_of(watch, "acquire.bus_lost")) == {VCAN0}
    assert {fields["reason"] for fields in watch.told.fields("acquire.bus_lost")} == {"Network is down"}
    assert watch.told.levels("acquire.bus_lost")[:3] == ["warning", "debug", "debug"]


async def test_an_interface_that_is_deleted_and_made_again_is_read_again_while_the_other_goes_on() -> None:
    async with watching(VCAN0, VCAN1) as watch:
        await link("delete", VCAN1)
        await watch.told.heard("acquire.bus_lost", 3)
        await still_reads(watch, VCAN0, 1)
        await make(VCAN1)
        await watch.told.heard("acquire.bus_opened", 3)
        await still_reads(watch, VCAN1, 2)

    assert told_of(watch, "acquire.bus_opened")[2] == VCAN1
    assert set(told_of(watch, "acquire.bus_lost")) == {VCAN1}


async def test_frames_that_came_before_an_interface_went_down_are_not_lost_with_it() -> None:
    async with watching(VCAN0) as watch:
        with sender(VCAN0) as bus:
            for number in range(5):
                bus.send(can.Message(arbitration_id=number, is_extended_id=False))
            set_down(VCAN0)  # while the reader still lets frames come together
        try:
            frames = await watch.arrived(5)
            await watch.told.heard("acquire.bus_lost")
        finally:
            await link("set", VCAN0, "up")

    assert [frame.can_id for frame in frames] == list(range(5))
