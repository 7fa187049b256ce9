import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.acquire.block import Frame
from edge_agent.acquire.can_frame import IdFilter, columns_of_rows, filter_bytes
from edge_agent.records import EXTENDED_ID, U8, FrameFlag
from tests.acquire.unix_can import CLASSIC, FD

REMOTE, ERROR = 0x4000_0000, 0x2000_0000

ids = st.integers(0, 0x7FF) | st.integers(0, 0x1FFF_FFFF).map(lambda number: number | EXTENDED_ID)
marks = st.sampled_from([0, 0, 0, REMOTE, ERROR])
classic_rows = st.builds(
    lambda can_id, mark, length, data: CLASSIC.pack(can_id | mark, length, data),
    ids, marks, st.integers(0, 8), st.binary(min_size=8, max_size=8),
)  # fmt: skip
fd_rows = st.builds(FD.pack, ids, st.integers(0, 64), st.integers(0, 7), st.binary(min_size=64, max_size=64))


def buses(count: int) -> U8:
    return np.arange(255, 255 - count, -1).astype(np.uint8)


def frame_by_struct(row: bytes, t_ns: int, bus: int) -> Frame:
    """One frame read by the book: linux/can.h."""
    if len(row) == FD.size:
        word, length, _, data = FD.unpack(row)
    else:
        word, length, data = CLASSIC.unpack(row)
    flags = FrameFlag(0)
    if word & REMOTE:
        flags |= FrameFlag.REMOTE
        data = b""
    if word & ERROR:
        flags |= FrameFlag.ERROR
    if len(row) == FD.size:
        flags |= FrameFlag.FD
    return Frame(t_ns, bus, word & ~(REMOTE | ERROR), flags.value, length, data[:length])


@given(st.lists(st.one_of(classic_rows, fd_rows), max_size=30))
def test_rows_mean_what_struct_reads_in_them_and_are_zero_beyond_their_length(rows: list[bytes]) -> None:
    given = np.full((len(rows), FD.size), 0xEE, np.uint8)
    for at, row in enumerate(rows):
        given[at, : len(row)] = np.frombuffer(row, np.uint8)
    lengths = np.array([len(row) for row in rows], np.int64)
    columns = columns_of_rows(given, lengths, np.arange(len(rows), dtype=np.int64), buses(len(rows)))

    for at, row in enumerate(rows):
        expected = frame_by_struct(row, at, 255 - at)
        found = [columns.t_ns[at], columns.bus[at], columns.can_id[at], columns.flags[at], columns.length[at]]
        assert found == list(expected[:5])
        assert bytes(columns.data[at]) == expected.data.ljust(64, b"\0")


@given(st.lists(classic_rows, max_size=30))
def test_a_classic_bus_gives_8_bytes_and_arrays_of_its_own(rows: list[bytes]) -> None:
    given = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), 16).copy()
    columns = columns_of_rows(given, np.full(len(rows), 16), np.zeros(len(rows), np.int64), buses(len(rows)))
    given[:] = 0xEE

    assert columns.data.shape == (len(rows), 8)
    assert columns.data.flags.c_contiguous
    assert [
        frame_by_struct(row, 0, 0) for row in rows
    ] == [
        Frame(0, 0, int(can_id), int(flags), int(length), b"" if flags & FrameFlag.REMOTE else bytes(data[:length]))
        for can_id, flags, length, data in zip(
            columns.can_id, columns.flags, columns.length, columns.data, strict=True
        )
    ]  # fmt: skip


def test_filters_are_laid_out_as_the_kernel_reads_them_and_pass_no_remote_frame() -> None:
    filters = (IdFilter(0x123, EXTENDED_ID | 0x7FF), IdFilter(EXTENDED_ID | 0x18FEF100, EXTENDED_ID | 0x03FFFF00))

    assert np.frombuffer(filter_bytes(filters), np.uint32).tolist() == [
        0x123, EXTENDED_ID | REMOTE | 0x7FF, EXTENDED_ID | 0x18FEF100, EXTENDED_ID | REMOTE | 0x03FFFF00
    ]  # fmt: skip


def test_no_filters_pass_nothing_and_none_at_all_pass_everything() -> None:
    assert filter_bytes(()) == b""
    assert filter_bytes(None) == bytes(8), "can_id 0, mask 0: nothing is compared"
