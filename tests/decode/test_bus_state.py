import pytest

from edge_agent.decode.bus_state import BusStates, state_after
from edge_agent.records import EXTENDED_ID, BusState, FrameFlag
from tests.decode.frames import block, data_frame

ACTIVE, WARNING, PASSIVE, OFF = BusState.ACTIVE, BusState.WARNING, BusState.PASSIVE, BusState.OFF
ERROR = FrameFlag.ERROR.value


def details(controller: int = 0, sent: int = 0, received: int = 0) -> bytes:
    return bytes([0, controller, 0, 0, 0, 0, sent, received])


@pytest.mark.parametrize(
    ("before", "can_id", "data", "after"),
    [
        (None, 0x004, details(0x04), WARNING),
        (None, 0x004, details(0x08), WARNING),
        (WARNING, 0x004, details(0x10), PASSIVE),
        (WARNING, 0x204, details(0x20, 128, 0), PASSIVE),
        (WARNING, 0x004, details(0x2C), PASSIVE),  # the worst counts
        (PASSIVE, 0x040, details(), OFF),
        (PASSIVE, 0x240, details(0, 248, 0), OFF),
        (OFF, 0x100, details(), ACTIVE),
        (PASSIVE, 0x004, details(0x40), ACTIVE),
        (PASSIVE, 0x204, details(0x08, 100, 0), WARNING),
        (PASSIVE, 0x004, details(0x01), PASSIVE),  # a receive overflow is no state
        (None, 0x088, details(0x10), None),  # data[1] speaks of the controller only in its class
        (None, 0x200, details(0, 0, 127), WARNING),
        (None, 0x200, details(0, 0, 128), PASSIVE),
        (PASSIVE, 0x200, details(0, 95, 3), ACTIVE),
        (OFF, 0x200, details(0, 0, 0), OFF),  # the counters of a controller that is off are reset
        (PASSIVE, 0x000, details(), PASSIVE),
        (None, EXTENDED_ID | 0x040, details(), OFF),  # as a candump file writes it, with eight digits
    ],
)
def test_an_error_frame_says_what_state_the_controller_is_in(
    before: BusState | None, can_id: int, data: bytes, after: BusState | None
) -> None:
    assert state_after(before, can_id, data) is after


def test_each_bus_has_a_state_of_its_own_and_the_last_frame_counts() -> None:
    states = BusStates([True, True, True])

    states.feed(
        block(
            [
                data_frame(0x004, details(0x10), bus=0, flags=ERROR),
                data_frame(0x040, details(), bus=1, flags=ERROR),
                data_frame(0x004, details(0x10)),
                data_frame(0x004, details(0x40), bus=0, flags=ERROR),
            ],
            buses=3,
        )
    )

    assert states.now == [ACTIVE, OFF, None]
    assert states.any_off


def test_error_frames_that_are_not_socketcans_say_nothing() -> None:
    states = BusStates([False])

    states.feed(block([data_frame(0x044, details(0x10), flags=ERROR)]))

    assert states.now == [None]


def test_a_bus_that_is_heard_is_not_off() -> None:
    states = BusStates([True, True])
    states.feed(block([data_frame(0x040, details(), bus=bus, flags=ERROR) for bus in (0, 1)], buses=2))

    states.feed(block([data_frame(0x123, b"", bus=1)], buses=2))
    assert states.now == [OFF, ACTIVE]

    states.feed(block([data_frame(0x088, details(), bus=0, flags=ERROR)], buses=2))
    assert states.now == [OFF, ACTIVE]


def test_a_frame_after_bus_off_counts_within_a_block_as_between_blocks() -> None:
    frames = [
        data_frame(0x040, details(), flags=ERROR),
        data_frame(0x123, b""),
        data_frame(0x200, details(0, 0, 130), flags=ERROR),
        data_frame(0x040, details(), flags=ERROR),
        data_frame(0x123, b""),
    ]
    for count, state in enumerate([OFF, ACTIVE, PASSIVE, OFF, ACTIVE], start=1):
        whole, single = BusStates([True]), BusStates([True])
        whole.feed(block(frames[:count]))
        for one in frames[:count]:
            single.feed(block([one]))
        assert whole.now == single.now == [state]
