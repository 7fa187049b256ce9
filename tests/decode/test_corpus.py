"""cantools is the oracle: every message of every database file of a corpus from the field, random payloads."""

import csv
import random
import re
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import cantools
import numpy as np
import pytest
from cantools.database.can import Database as CantoolsDatabase

from edge_agent.decode.catalog import Catalog, Database, Message
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import decode
from edge_agent.decode.plan import DecodePlan, compile_plan
from edge_agent.errors import DatabaseRefused
from edge_agent.records import EXTENDED_ID, BusCounts
from tests.decode.frames import block, data_frame, write_bits
from tests.decode.oracle import Oracle, Said, by_signal, same_raw, same_value

CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "db_corpus"
FILES = sorted(path for path in CORPUS.rglob("*") if path.suffix.lower() in {".dbc", ".kcd", ".sym", ".arxml"})
EXPECTED = CORPUS / "EXPECTED_cantools_45.1.0.csv"
PAYLOADS = 200
LONGEST = 64


def test_the_corpus_is_here() -> None:
    if not FILES:
        warnings.warn(f"no database corpus in {CORPUS}: cantools was NOT asked about any database", stacklevel=1)
        pytest.skip("no database corpus")
    assert len(FILES) > 150


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORPUS)))
def test_a_database_decodes_as_cantools_decodes_it(path: Path) -> None:
    theirs = asked(path)
    if isinstance(theirs, str):
        assert_refused(path, theirs)
        return
    database = load_database(path)
    assert_whole(database, theirs)
    catalog = Catalog([("can0", [database])])
    plan = compile_plan(catalog, list(catalog))
    told = {remark.partition(": ")[0].removeprefix("signal ") for remark in database.remarks}
    by_id = {(one.frame_id, one.is_extended_frame): one for one in reversed(theirs.messages)}
    chance = random.Random(path.name)  # noqa: S311  a seed that says the file

    for _, message in catalog.messages:
        oracle = Oracle(by_id[message.can_id & ~EXTENDED_ID, message.can_id >= EXTENDED_ID], message.length)
        sent = list(payloads(message, chance))
        said = oracle.says(sent)
        found = decoded(catalog, plan, message, sent)

        kinds = {signal.name: signal.kind for signal in message.signals}
        left_out = said.keys() - kinds.keys()
        assert told.issuperset(f"{message.name}.{name}" for name in left_out)
        assert found.keys() == said.keys() - left_out, message.name
        for name, ours in found.items():
            assert np.array_equal(ours.at, said[name].at), (message.name, name)
            assert same_raw(ours, said[name], kinds[name]), (message.name, name)
            assert same_value(ours, said[name]), (message.name, name)


def asked(path: Path) -> CantoolsDatabase | str:
    """The database as cantools reads it, if need be without the lines it complains of; or why it does not."""
    try:
        database = cantools.database.load_file(str(path), strict=False)
    except cantools.Error as error:
        return asked_for_the_rest(path, str(error)) if is_rescued(str(error)) else str(error)
    assert isinstance(database, CantoolsDatabase)
    return database


def is_rescued(complaint: str) -> bool:
    return "unused" in complaint or "frame id" in complaint


def asked_for_the_rest(path: Path, complaint: str) -> CantoolsDatabase:
    lines = path.read_text("utf-8", errors="replace").splitlines()
    while True:
        unused = re.findall(r"(?:VAL_|SIG_VALTYPE_) \d+ \w+", complaint)
        lines = [line for line in lines if not any(re.match(rf"{one}\b", line.strip()) for one in unused)]
        if "frame id" in complaint:
            lines = with_ids_that_exist(lines)
        try:
            database = cantools.database.load_string("\n".join(lines), "dbc", strict=False)
        except cantools.Error as error:
            complaint = str(error)
            assert is_rescued(complaint)
            continue
        assert isinstance(database, CantoolsDatabase)
        return database


def with_ids_that_exist(lines: list[str]) -> list[str]:
    """Standard ids that are too long as extended ones; without messages whose ids are longer still."""
    ids = [int(line.split()[1]) for line in lines if line.startswith("BO_ ")]
    longer = {f"{one}": f"{one | EXTENDED_ID}" for one in ids if 0x7FF < one <= 0x1FFF_FFFF}
    kept, skips = [], False
    for line in lines:
        words = line.split()
        if not line.startswith((" ", "\t")):
            skips = line.startswith("BO_ ") and int(words[1]) & ~EXTENDED_ID > 0x1FFF_FFFF
        if not skips:
            kept.append(" ".join(longer.get(word, word) for word in words) if words and words[0] != "SG_" else line)
    return kept


def assert_refused(path: Path, theirs: str) -> None:
    """In one sentence that names the file, and the line where the parser does."""
    with pytest.raises(DatabaseRefused) as refused:
        load_database(path)
    line = re.search(r"at line (\d+)", theirs)
    assert refused.value.line == (int(line[1]) if line else None)
    place = f"{path}:{line[1]}" if line else str(path)
    assert re.fullmatch(re.escape(place) + r": \S.+", refused.value.sentence())


def assert_whole(database: Database, theirs: CantoolsDatabase) -> None:
    """Each signal is there or told of."""
    containers = [message for message in theirs.messages if message.is_container]
    assert len(database.messages) == len(theirs.messages) - len(containers)
    signals = sum(len(message.signals) for message in theirs.messages if not message.is_container)
    told = [remark for remark in database.remarks if remark.startswith("signal ")]
    assert sum(len(message.signals) for message in database.messages) + len(told) == signals
    for message in containers:
        assert f"message {message.name}: container messages are not decoded" in database.remarks


@pytest.mark.skipif(not cantools.__version__.startswith("45.1."), reason="the table is of cantools 45.1.0")
def test_the_corpus_is_read_with_the_outcome_its_table_says() -> None:
    if not FILES:
        pytest.skip("no database corpus")
    rows = list(csv.DictReader(EXPECTED.read_text().splitlines()))
    refused = {CORPUS.parent / row["file"] for row in rows if row["strict_false"] != "OK"}

    assert len(rows) == len(FILES)
    rescued = {CORPUS.parent / row["file"] for row in rows if is_rescued(row["strict_false"])}
    assert len(rescued) == 17
    for path in refused - rescued:
        with pytest.raises(DatabaseRefused):
            load_database(path)
    for path in rescued:
        remarks = load_database(path).remarks
        assert [remark for remark in remarks if re.fullmatch(r"line \d+: .*(left out|read as a 29-bit one)", remark)]


def payloads(message: Message, chance: random.Random) -> Iterator[bytes]:
    """Zeros, ones, longer ones, random bytes; and the multiplexers set so that each signal shows, and just not."""
    yield bytes(message.length)
    yield b"\xff" * message.length
    if message.length < LONGEST:
        yield chance.randbytes(message.length + 1)
        yield chance.randbytes(LONGEST)
    for _ in range(PAYLOADS):
        yield chance.randbytes(message.length)
    ways = dict.fromkeys(
        way
        for signal in message.signals
        for way in product(
            *(
                [(one.field, value) for low, high in one.ranges for value in (low, high, high + 1)]
                for one in signal.selectors
            )
        )
    )
    for way in filter(None, ways):
        data = bytearray(chance.randbytes(message.length))
        for field, value in way:
            write_bits(data, field, value)
        yield bytes(data)


def decoded(catalog: Catalog, plan: DecodePlan, message: Message, sent: list[bytes]) -> dict[str, Said]:
    """Our samples by signal; a payload that is a byte short must give none, and be counted."""
    frames = [data_frame(message.can_id, payload, t_ns=at) for at, payload in enumerate(sent)]
    short = [data_frame(message.can_id, bytes(message.length - 1), t_ns=len(sent))] if message.length else []
    samples = decode(plan, block([*frames, *short]))

    assert samples.counts == (BusCounts(len(frames) + len(short), len(frames), 0, len(short)),)
    return {catalog[name].signal.name: ours for name, ours in by_signal(plan, samples).items()}
