import copy
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import PayloadRefused
from edge_agent.spool.columns import seal
from edge_agent.spool.reading import Payload, ReadFrame, read_capture, read_payloads
from tests.spool.batches import (
    BOOT,
    HOT,
    LOST,
    NOON_NS,
    SENDER,
    SERIAL,
    SPEED,
    TORQUE,
    VOLTAGE,
    batch,
    capture,
    column,
)

SEALED = seal(
    batch(column(SPEED, (0, 1), (5_000_000, 2)), column(VOLTAGE, (0, 1.5)), column(SERIAL, (0, 1 << 60))),
    SENDER,
    BOOT,
    LOST,
).payload
ROWS = seal(batch(column(SPEED, (0, 1)), column(TORQUE, (0, 2)), rule=HOT), SENDER, BOOT, ()).payload
BODY: dict[str, Any] = json.loads(gzip.decompress(SEALED))
ROWS_BODY: dict[str, Any] = json.loads(ROWS)


def refusal(data: bytes) -> str:
    with pytest.raises(PayloadRefused) as refused:
        list(read_payloads(data, "drive.json.gz"))
    return str(refused.value)


def read_or_refused(data: bytes) -> list[Payload] | PayloadRefused:
    try:
        return list(read_payloads(data, "made"))
    except PayloadRefused as refused:
        return refused


def line(body: object) -> bytes:
    return json.dumps(body).encode() + b"\n"


def changed(body: dict[str, Any], path: list[str | int], value: object) -> dict[str, Any]:
    other = copy.deepcopy(body)
    part: Any = other
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return other


def test_plain_and_compressed_lines_read_alike() -> None:
    plain = gzip.decompress(SEALED)

    assert list(read_payloads(plain + plain, "a")) == list(read_payloads(SEALED + SEALED, "a"))


def test_a_header_is_given_as_it_stands() -> None:
    [payload] = read_payloads(SEALED, "made")

    assert payload.header == {key: value for key, value in BODY.items() if key != "columns"}
    assert (payload.rule, payload.schema) == ("idle", "columns/1")


def test_rows_and_columns_may_follow_each_other() -> None:
    schemas = [payload.schema for payload in read_payloads(gzip.compress(ROWS) + SEALED, "made")]

    assert schemas == ["rows/1", "columns/1"]


def test_of_nothing_nothing_is_read() -> None:
    assert list(read_payloads(b"", "made")) == []


def test_what_stands_before_a_corrupt_line_is_still_read() -> None:
    reading = read_payloads(line(BODY) + b"{broken\n", "drive.json")

    assert next(reading).seq == 5
    with pytest.raises(PayloadRefused, match=r"^drive\.json line 2: not JSON: .* at line 1 column 2$"):
        next(reading)


def test_a_number_that_no_reader_takes_is_told_in_words_of_json() -> None:
    with pytest.raises(PayloadRefused, match=r"^made line 1: a number of more than 4,300 digits at line 1 column 9$"):
        list(read_payloads(b'{"seq": %s}' % (b"1" * 4301), "made"))


@pytest.mark.parametrize("length", [1, 5, 20, len(SEALED) - 1])
def test_a_gzip_that_was_cut_is_refused(length: int) -> None:
    assert refusal(SEALED[:length] if length > 1 else b"\x1f\x8b").startswith("drive.json.gz: not a whole gzip file: ")


@given(at=st.integers(2, len(SEALED) - 1), flip=st.integers(1, 255))
def test_a_gzip_with_a_flipped_bit_is_refused_or_reads_the_same(at: int, flip: int) -> None:
    data = bytearray(SEALED)
    data[at] ^= flip

    found = read_or_refused(bytes(data))

    # Some bytes of a gzip header mean nothing to us.
    assert isinstance(found, PayloadRefused) or found == list(read_payloads(SEALED, "made"))


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (["kept"], 3, "drive.json.gz line 1: says 3 samples and holds 4"),
        (["columns", 0, "raw"], [], "ValueError: column 'Motion.Speed' must fill exactly one of raw, val, str"),
        (["columns", 0, "val"], [1.0, 2.0], "ValueError: column 'Motion.Speed' must fill exactly one of raw, val, str"),
        (["columns", 0, "dt"], [0], "ValueError: zip() argument"),
        (["columns", 0, "raw"], [1], "ValueError: zip() argument"),
        (["columns", 0, "tu"], "h", "KeyError: 'H'"),
        (["columns", 0, "tu"], 1, "AttributeError"),
        (["columns", 0, "raw"], ["1", "2"], "TypeError"),
        (["columns", 2, "str"], ["twelve"], "ValueError"),
        (["columns"], 7, "TypeError"),
        (["columns"], {"a": 1}, "TypeError"),
        (["schema"], "columns/2", "KeyError: 'rows'"),
    ],
)
def test_columns_that_contradict_themselves_are_refused_with_their_line(
    path: list[str | int], value: object, reason: str
) -> None:
    told = refusal(line(changed(BODY, path, value)))

    assert told.startswith("drive.json.gz line 1: ")
    assert reason in told


@pytest.mark.parametrize(
    ("path", "value"),
    [(["rows"], None), (["rows", 0, "signals"], [1]), (["rows", 0, "t"], None), (["kept"], 9), (["rows"], [])],
)
def test_rows_that_contradict_themselves_are_refused_with_their_line(path: list[str | int], value: object) -> None:
    assert refusal(line(changed(ROWS_BODY, path, value))).startswith("drive.json.gz line 1: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A payload with anything at all in one place."""
    body = draw(st.sampled_from([BODY, ROWS_BODY]))
    part: Any = body
    path: list[str | int] = []
    while isinstance(part, dict | list) and part and (not path or draw(st.booleans())):
        key = draw(st.sampled_from(list(part) if isinstance(part, dict) else list(range(len(part)))))
        path.append(key)
        part = part[key]
    return changed(body, path, draw(JSON))


@given(st.one_of(spoilt(), JSON).map(line) | st.binary(max_size=40))
def test_whatever_comes_is_read_or_refused_and_never_anything_else(data: bytes) -> None:
    found = read_or_refused(data)

    assert not isinstance(found, PayloadRefused) or found.place.startswith("made")


@pytest.mark.parametrize("data", [b"[" * 100_000 + b"\n", line(changed(BODY, ["columns", 0, "raw"], [10**400, 1]))])
def test_json_that_is_too_deep_or_too_large_is_refused(data: bytes) -> None:
    assert refusal(data).startswith("drive.json.gz line 1: ")


def test_the_frames_of_a_capture_are_read_as_they_were_sealed() -> None:
    payload = seal(capture(), SENDER, BOOT, ()).payload

    assert (
        list(read_capture(payload, "made"))
        == list(read_capture(gzip.decompress(payload), "made"))
        == [
            ReadFrame(NOON_NS, "can0", f"001#{'00' * 8}"),
            ReadFrame(NOON_NS + 1000, "can0", f"002#{'00' * 8}"),
        ]
    )


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_whatever_is_no_capture_is_refused_with_its_line(data: bytes) -> None:
    with pytest.raises(PayloadRefused, match=r"^made"):
        list(read_capture(data + b"\nno frame", "made"))
