"""cantools is the oracle: every message of every database file of a corpus from the field, random payloads."""

import math
import random
import re
import warnings
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import cast

import cantools
import numpy as np
import pytest
from cantools.database.can import Database as CantoolsDatabase
from cantools.database.can import Message as CantoolsMessage

from edge_agent.acquire.block import Frame
from edge_agent.decode.catalog import Catalog, Database, Message
from edge_agent.decode.dbc import load_database
from edge_agent.decode.decoder import decode
from edge_agent.decode.plan import compile_plan
from edge_agent.errors import DatabaseRefused
from edge_agent.records import EXTENDED_ID, RawKind, SampleBlock
from tests.decode.frames import block, data_frame, write_bits

CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "db_corpus"
FILES = sorted(path for path in CORPUS.rglob("*") if path.suffix.lower() in {".dbc", ".kcd", ".sym", ".arxml"})
PAYLOADS = 5
MULTIPLEXED = 40
EXACT = 1 << 53

Number = int | float


def test_the_corpus_is_here() -> None:
    if not FILES:
        warnings.warn(f"no database corpus in {CORPUS}: cantools was NOT asked about any database", stacklevel=1)
        pytest.skip("no database corpus")
    assert len(FILES) > 150


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORPUS)))
def test_a_database_decodes_as_cantools_decodes_it(path: Path) -> None:
    try:
        oracle = cantools.database.load_file(str(path), strict=False)
    except cantools.Error:
        with pytest.raises(DatabaseRefused, match=re.escape(str(path))):
            load_database(path)
        return
    assert isinstance(oracle, CantoolsDatabase)
    database = load_database(path)
    theirs = {(one.frame_id, one.is_extended_frame): one for one in reversed(oracle.messages)}
    catalog = Catalog([("can0", [database])])
    frames: list[Frame] = []
    expected: list[tuple[Message, dict[str, tuple[Number, Number]]]] = []
    for _, message in catalog.messages:
        for payload in payloads(message, random.Random(str(path))):  # noqa: S311  a seed that says the file
            answer = ask(theirs[key_of(message)], payload)
            if answer is not None:
                frames.append(data_frame(message.can_id, payload, t_ns=len(frames)))
                expected.append((message, answer))

    found = by_frame(catalog, decode(compile_plan(catalog, list(catalog)), block(frames)), len(frames))

    for (message, answer), samples in zip(expected, found, strict=True):
        usable = {signal.name: signal for signal in message.signals}
        assert samples.keys() >= answer.keys() & usable.keys(), message.name
        for name in samples.keys() - answer.keys():
            assert cantools_never_decodes(name, theirs[key_of(message)])
        for name in answer.keys() - usable.keys():
            assert any(f"{message.name}.{name}:" in remark for remark in database.remarks)
        for name in samples.keys() & answer.keys():
            raw, value = samples[name]
            their_raw, their_value = answer[name]
            assert same_raw(raw, their_raw, usable[name].kind), (message.name, name)
            assert same_value(value, their_value, their_raw), (message.name, name)


def key_of(message: Message) -> tuple[int, bool]:
    return message.can_id & ~EXTENDED_ID, message.can_id >= EXTENDED_ID


def cantools_never_decodes(name: str, message: CantoolsMessage) -> bool:
    """Its multiplexer is not marked as one (vw_pq.dbc, Motor_2), or has a long name (Model3CAN.dbc)."""
    multiplexer = message.get_signal_by_name(name).multiplexer_signal
    return multiplexer not in {signal.name for signal in message.signals if signal.is_multiplexer}


def payloads(message: Message, chance: random.Random) -> Iterator[bytes]:
    """Zeros, ones, random bytes; then random bytes with the multiplexers set so that each signal shows."""
    yield bytes(message.length)
    yield b"\xff" * message.length
    for _ in range(PAYLOADS):
        yield chance.randbytes(message.length)
    ways = dict.fromkeys(
        way
        for signal in message.signals
        for way in product(*([(s.field, low) for low, _ in s.ranges] for s in signal.selectors))
    )
    for way in islice(filter(None, ways), MULTIPLEXED):
        data = bytearray(chance.randbytes(message.length))
        for field, value in way:
            write_bits(data, field, value)
        yield bytes(data)


def ask(message: CantoolsMessage, payload: bytes) -> dict[str, tuple[Number, Number]] | None:
    """cantools' raw and scaled numbers, or None where it cannot decode (unknown multiplexer, overlapping signals)."""
    if len(payload) < message.length:
        return None  # longer than a CAN FD frame
    try:
        raw = cast("dict[str, Number]", message.decode(payload, decode_choices=False, scaling=False))
        scaled = cast("dict[str, Number]", message.decode(payload, decode_choices=False, scaling=True))
    except Exception:  # noqa: BLE001  it raises what it likes
        return None
    return {name: (number, scaled[name]) for name, number in raw.items()}


def by_frame(catalog: Catalog, samples: SampleBlock, frames: int) -> list[dict[str, tuple[int, float]]]:
    names = [catalog[name].signal.name for name in catalog]
    found: list[dict[str, tuple[int, float]]] = [{} for _ in range(frames)]
    for t_ns, signal, raw, value in zip(
        samples.t_ns.tolist(), samples.signal.tolist(), samples.raw.tolist(), samples.value.tolist(), strict=True
    ):
        found[t_ns][names[signal]] = (raw, value)
    return found


def same_raw(ours: int, theirs: Number, kind: RawKind) -> bool:
    if kind is RawKind.FLOAT:
        number = float(np.array(ours, np.int64).view(np.float64))
        return number == theirs or (math.isnan(number) and math.isnan(theirs))
    return ours == theirs if kind is RawKind.SIGNED else ours % (1 << 64) == theirs


def same_value(ours: float, theirs: Number, their_raw: Number) -> bool:
    if math.isnan(ours) or math.isinf(theirs):
        return repr(ours) == repr(float(theirs))
    # With whole factors cantools calculates in integers of any length, we in float64 as every reader does.
    beyond_exact = max(abs(their_raw), abs(theirs)) > EXACT
    return ours == theirs or (beyond_exact and math.isclose(ours, theirs, rel_tol=1e-15))


def test_a_message_whose_signals_overlap_is_decoded_though_cantools_cannot(tmp_path: Path) -> None:
    path = tmp_path / "overlap.dbc"
    path.write_text(
        'VERSION ""\nBU_: A\nBO_ 16 M: 2 A\n SG_ Low : 0|12@1+ (1,0) [0|0] "" A\n SG_ High : 8|8@1+ (1,0) [0|0] "" A\n'
    )
    database: Database = load_database(path)
    catalog = Catalog([("can0", [database])])

    samples = decode(compile_plan(catalog, list(catalog)), block([data_frame(16, b"\xff\x25")]))

    assert database.remarks == ()
    assert by_frame(catalog, samples, 1) == [{"Low": (0x5FF, 1535.0), "High": (0x25, 37.0)}]
