import hashlib
import json
import random
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.catalog import BitField, Catalog, ComputedPath, Database, Message, Selector, Signal
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import decode
from edge_agent.decode.kept_database import OutdatedDatabase, UnusableDatabase, database_of, kept_bytes
from edge_agent.decode.plan import compile_plan
from edge_agent.desk.vehicle import database_path
from edge_agent.errors import DatabaseRefused
from edge_agent.records import RawKind
from tests.decode.frames import block, data_frame

CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "db_corpus"
FILES = sorted(path for path in CORPUS.rglob("*") if path.suffix.lower() in {".dbc", ".kcd", ".sym", ".arxml"})
LENGTH = 64
SPEED = Signal("Speed", BitField(0, 16, big_endian=False), RawKind.UNSIGNED, 0.01, -5.0, "km/h", highest=40_000)
MOTION = Message("Motion", 0x123, 8, (SPEED,), cycle_ns=10_000_000)
PLAIN = Database("car.dbc", (MOTION,), ("signal Motion.Mass: does not fit",), sha256="ab")


def again(data: bytes, origin: str = "v1") -> Database:
    return database_of(data, origin, path="car.dbc", sha256="ab")


def with_rows(text: str, origin: str = "v1") -> bytes:
    """What somebody could write who knows the form."""
    body = zlib.compress(text.encode())
    return f"edge-agent database {origin}\n{hashlib.sha256(body).hexdigest()}\n".encode() + body


fields = st.builds(BitField, st.integers(0, 8 * LENGTH - 1), st.integers(1, 64), big_endian=st.booleans()).filter(
    lambda field: field.last_byte < LENGTH
)
raw = st.integers(0, (1 << 64) - 1)
ranges = st.tuples(raw, raw).map(lambda pair: (min(pair), max(pair)))
numbers = st.floats(allow_nan=False, allow_infinity=False)
bounds = st.none() | st.integers(-(1 << 64), 1 << 64) | numbers
signals = st.builds(
    Signal,
    name=st.text(),
    field=fields,
    kind=st.sampled_from(RawKind),
    factor=numbers,
    offset=numbers,
    unit=st.text(),
    selectors=st.lists(st.builds(Selector, fields, st.lists(ranges, max_size=3).map(tuple)), max_size=2).map(tuple),
    labels=st.dictionaries(st.integers(), st.text(), max_size=3),
    path=st.just(""),
    relabel=st.none(),
    lowest=bounds,
    highest=bounds,
)
messages = st.builds(
    Message,
    name=st.text(),
    can_id=st.integers(0, (1 << 32) - 1),
    length=st.just(LENGTH),
    signals=st.lists(signals, max_size=3).map(tuple),
    j1939=st.booleans(),
    fast_packet=st.booleans(),
    cycle_ns=st.integers(0, 1 << 60),
)
databases = st.builds(
    Database,
    path=st.just("car.dbc"),
    messages=st.lists(messages, max_size=3).map(tuple),
    remarks=st.lists(st.text(), max_size=3).map(tuple),
    computed=st.just(()),
    sha256=st.just("ab"),
)


@given(databases)
def test_a_database_reads_back_as_it_was_to_the_type_of_each_number(database: Database) -> None:
    assert repr(again(kept_bytes(database, "v1"))) == repr(database)


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORPUS)))
def test_a_database_from_the_field_reads_back_as_it_was_and_decodes_the_same(path: Path) -> None:
    try:
        database = load_database(path)
    except DatabaseRefused:
        return  # nothing is kept of it
    kept = database_of(kept_bytes(database, "v1"), "v1", path=str(path), sha256=database.sha256)

    assert repr(kept) == repr(database)
    chance = random.Random(path.name)  # noqa: S311  a seed that says the file
    frames = block(
        [
            data_frame(one.can_id, chance.randbytes(one.length))
            for one in database.messages
            for _ in range(20)
            if one.length <= LENGTH
        ]
    )
    ours, theirs = (decoded(Catalog([("can0", [one])]), frames) for one in (kept, database))
    assert [np.array_equal(mine, other, equal_nan=True) for mine, other in zip(ours, theirs, strict=True)] == [True] * 4


def decoded(catalog: Catalog, frames: object) -> tuple[np.ndarray[tuple[int], np.dtype[np.generic]], ...]:
    samples = decode(compile_plan(catalog, list(catalog)), frames)  # type: ignore[arg-type]
    return samples.t_ns, samples.signal, samples.raw, samples.value


def test_the_file_it_is_read_for_is_the_one_it_is_told_of() -> None:
    found = database_of(kept_bytes(PLAIN, "v1"), "v1", path="other.dbc", sha256="cd")

    assert (found.path, found.sha256) == ("other.dbc", "cd")
    assert replace(found, path="car.dbc") == PLAIN


def test_another_versions_or_files_is_outdated_and_not_damaged() -> None:
    data = kept_bytes(PLAIN, "v1 ab.bin")

    for origin in ("v2 ab.bin", "v1 cd.bin"):
        with pytest.raises(OutdatedDatabase):
            again(data, origin)


@given(st.data())
def test_no_damage_goes_unseen(data: st.DataObject) -> None:
    kept = kept_bytes(PLAIN, "v1")
    at = data.draw(st.integers(0, len(kept) - 1))
    damaged = data.draw(
        st.sampled_from([kept[:at], kept[:at] + bytes([kept[at] ^ 1 << at % 8]) + kept[at + 1 :], kept + b"\n"])
    )

    with pytest.raises((UnusableDatabase, OutdatedDatabase)):
        again(damaged)


@given(st.binary())
def test_no_bytes_whatever_do_more_than_be_refused(data: bytes) -> None:
    with pytest.raises((UnusableDatabase, OutdatedDatabase)):
        again(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=6,
)


@given(st.data())
def test_a_well_made_one_with_other_things_in_it_is_refused_or_can_be_compiled(data: st.DataObject) -> None:
    row = ["Motion", 291, 8, False, False, 0, [["Speed", [0, 16, False], "unsigned", 0.01, -5.0, "", [], [], None, 9]]]
    inner = row[6][0]  # type: ignore[index]
    where = data.draw(st.sampled_from([(row, at) for at in range(7)] + [(inner, at) for at in range(10)]))
    where[0][where[1]] = data.draw(values)

    try:
        found = again(with_rows(f"[]\n{json.dumps(row)}"))
    except UnusableDatabase:
        return
    catalog = Catalog([("can0", [found])])
    compile_plan(catalog, list(catalog))


@pytest.mark.parametrize(
    "text",
    ["", "[1]", "{}", "[]\n[]", "[]\n" + "[" * 100_000, "[]\nNaN", '[]\n["M",1,8,false,false,0,[["S"]]]'],
    ids=["nothing", "no sentences", "no list", "no message", "too deep", "no number", "no signal"],
)
def test_what_has_not_the_form_is_refused(text: str) -> None:
    with pytest.raises(UnusableDatabase, match="cannot be read"):
        again(with_rows(text))


@pytest.mark.parametrize(
    "field",
    [[-1, 8, False], [0, 0, False], [0, 65, False], [57, 8, False], [0, 8, 1], [0, 8], [0.5, 8, False]],
)
def test_a_signal_that_has_no_place_in_its_message_is_refused(field: list[object]) -> None:
    row = ["M", 1, 8, False, False, 0, [["S", field, "unsigned", 1.0, 0.0, "", [], [], None, None]]]

    with pytest.raises(UnusableDatabase):
        again(with_rows(f"[]\n{json.dumps(row)}"))


@pytest.mark.parametrize("row", [["M", -1, 8], ["M", 1 << 32, 8], ["M", 1, -1], ["M", 1, 2000], ["M", 1.0, 8]])
def test_a_message_that_no_bus_can_have_is_refused(row: list[object]) -> None:
    with pytest.raises(UnusableDatabase):
        again(with_rows(f"[]\n{json.dumps([*row, False, False, 0, []])}"))


def test_few_bytes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.decode.kept_database.MOST_BYTES", 1000)

    with pytest.raises(UnusableDatabase, match="too long"):
        again(with_rows("[]" + " " * 1000))


def test_what_would_read_back_as_something_else_is_not_kept() -> None:
    beyond = replace(MOTION, signals=(replace(SPEED, field=BitField(60, 16, big_endian=False)),))
    for database in (replace(PLAIN, messages=(beyond,)), replace(PLAIN, messages=(replace(MOTION, length=1 << 20),))):
        with pytest.raises(UnusableDatabase):
            kept_bytes(database, "v1")


def test_what_a_mapping_made_is_none_of_the_files() -> None:
    with pytest.raises(AssertionError):
        kept_bytes(replace(PLAIN, computed=(ComputedPath("Vehicle.Speed", "km/h", ()),)), "v1")


def test_it_is_a_fraction_of_the_file() -> None:
    data = kept_bytes(load_database(database_path()), "v1")

    assert len(data) < database_path().stat().st_size / 3
