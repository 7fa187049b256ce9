import pytest

from edge_agent.acquire.block import CLASSIC_BYTES, FD_BYTES, Frame, columns_of
from edge_agent.decode.bus_load import BitRates, BusLoad, bits_of
from edge_agent.records import EXTENDED_ID, FrameFlag

FD, REMOTE, ERROR = FrameFlag.FD.value, FrameFlag.REMOTE.value, FrameFlag.ERROR.value
# linux/can/length.h counts each field of every format.
FIELDS = {
    "classic": 1 + 11 + 1 + 1 + 1 + 4 + 15 + 1 + 1 + 1 + 7 + 3,
    "classic extended": 1 + 11 + 1 + 1 + 18 + 1 + 2 + 4 + 15 + 1 + 1 + 1 + 7 + 3,
    "fd, 17": 1 + 11 + 1 + 1 + 1 + 1 + 1 + 1 + 4 + 4 + 17 + 6 + 1 + 1 + 1 + 7 + 3,
    "fd, 21": 1 + 11 + 1 + 1 + 1 + 1 + 1 + 1 + 4 + 4 + 21 + 7 + 1 + 1 + 1 + 7 + 3,
    "fd extended, 21": 1 + 11 + 1 + 1 + 18 + 1 + 1 + 1 + 1 + 1 + 4 + 4 + 21 + 7 + 1 + 1 + 1 + 7 + 3,
}


@pytest.mark.parametrize(
    ("flags", "length", "extended", "fields", "data_bits"),
    [
        (0, 0, False, "classic", 0),
        (0, 8, False, "classic", 64),
        (0, 8, True, "classic extended", 64),
        (REMOTE, 8, False, "classic", 0),
        (FD, 0, False, "fd, 17", 0),
        (FD, 16, False, "fd, 17", 128),
        (FD, 20, False, "fd, 21", 160),
        (FD, 64, True, "fd extended, 21", 512),
    ],
)
def test_a_frame_has_the_bits_of_its_fields(
    *, flags: int, length: int, extended: bool, fields: str, data_bits: int
) -> None:
    assert sum(bits_of(flags, length, extended=extended)) == FIELDS[fields] + data_bits


def test_a_can_fd_frame_has_its_data_phase_from_the_bit_rate_switch_to_the_crc() -> None:
    nominal, data = bits_of(FD, 64, extended=False)

    assert nominal == (1 + 11 + 1 + 1 + 1 + 1 + 1) + (1 + 1 + 1 + 7 + 3)
    assert data == 1 + 4 + 512 + 4 + 21 + 7


def load_of(rates: list[BitRates], frames: list[Frame], seconds: float) -> tuple[float | None, ...]:
    load = BusLoad(rates)
    width = FD_BYTES if any(frame.flags & FD for frame in frames) else CLASSIC_BYTES
    columns = columns_of(frames, width)
    half = len(frames) // 2
    for part in (slice(half), slice(half, None)):
        load.add(columns.bus[part], columns.can_id[part], columns.flags[part], columns.length[part])
    return load.percent(seconds)


def frame(bus: int = 0, can_id: int = 1, flags: int = 0, length: int = 8) -> Frame:
    return Frame(0, bus, can_id, flags, length, bytes(0 if flags & REMOTE else length))


def test_a_bus_that_carries_its_bit_rate_is_full() -> None:
    # A full 500 kbit/s bus without stuff bits carries 4504 frames of 8 bytes a second.
    assert load_of([BitRates(500_000)], [frame()] * 4504, 1.0) == (100.0,)
    assert load_of([BitRates(500_000)], [frame(can_id=EXTENDED_ID | 1)] * 3816, 2.0) == (50.0,)


def test_each_bus_has_its_own_rate_and_without_one_no_load() -> None:
    frames = [frame(bus=0)] * 1000 + [frame(bus=1)] * 1000 + [frame(bus=2)] * 1000

    assert load_of([BitRates(500_000), BitRates(), BitRates(250_000)], frames, 1.0) == (22.2, None, 44.4)


def test_can_fd_is_as_fast_as_its_data_phase() -> None:
    frames = [frame(flags=FD, length=64)] * 100

    assert load_of([BitRates(500_000, 2_000_000)], frames, 1.0) == (round((30 * 100 / 5e5 + 549 * 100 / 2e6) * 100, 1),)
    assert load_of([BitRates(500_000)], frames, 1.0) == (round(579 * 100 / 5e5 * 100, 1),)


def test_error_frames_are_no_load() -> None:
    assert load_of([BitRates(500_000)], [frame(flags=ERROR)] * 1000, 1.0) == (0.0,)


def test_what_was_told_is_not_told_again_and_what_a_jump_broke_off_not_at_all() -> None:
    load = BusLoad([BitRates(500_000)])
    columns = columns_of([frame()] * 4504, CLASSIC_BYTES)
    for _ in range(2):
        load.add(columns.bus, columns.can_id, columns.flags, columns.length)
        assert load.percent(1.0) == (100.0,)
    load.add(columns.bus, columns.can_id, columns.flags, columns.length)
    assert load.percent(0.0) == (None,)
    assert load.percent(1.0) == (0.0,)


def test_only_bit_rates_make_it_worth_while_to_count() -> None:
    assert BusLoad([BitRates(), BitRates(1)]).watches
    assert not BusLoad([BitRates(), BitRates(None, 2_000_000)]).watches
    assert BusLoad([BitRates()]).percent(1.0) == (None,)
