import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.desk import signal_tables
from edge_agent.desk.signal_tables import HEAD, SignalTables, file_name
from edge_agent.spool.columns import seal
from edge_agent.spool.reading import Payload, read_payloads
from tests.spool.batches import BOOT, HOT, NOON_NS, SENDER, SERIAL, SPEED, VOLTAGE, batch, column


def payload(*signals: str, hot: bool = False) -> Payload:
    """Two samples of each signal, which is called so."""
    columns = [column(replace(SPEED, name=name), (NOON_NS, 100), (NOON_NS + 1_000_000, 250)) for name in signals]
    sealed = batch(*columns, rule=HOT) if hot else batch(*columns)
    return next(iter(read_payloads(seal(sealed, SENDER, BOOT, ()).payload, "made")))


def written(folder: Path) -> dict[str, list[list[str]]]:
    return {path.name: list(csv.reader(path.read_text().splitlines())) for path in sorted(folder.iterdir())}


def test_each_signal_has_a_file_with_a_head_and_a_row_a_sample(tmp_path: Path) -> None:
    tables = SignalTables(tmp_path)
    tables.add(payload("Speed", "Torque"))
    tables.add(payload("Speed"))
    tables.flush()

    row = [str(NOON_NS), "1.0", "km/h", "100", "last", "idle", "3", "5", "system"]
    found = written(tmp_path)
    assert list(found) == ["Speed.csv", "Torque.csv"]
    assert found["Torque.csv"][:2] == [list(HEAD), row]
    assert [len(rows) for rows in found.values()] == [5, 3]


def test_a_payload_without_raw_numbers_leaves_them_empty(tmp_path: Path) -> None:
    tables = SignalTables(tmp_path)
    tables.add(payload("Speed", hot=True))
    tables.flush()

    assert [row[3] for row in written(tmp_path)["Speed.csv"]] == ["raw", "", ""]


def test_numbers_are_exact(tmp_path: Path) -> None:
    tables = SignalTables(tmp_path)
    sealed = seal(batch(column(SERIAL, (NOON_NS, (1 << 64) - 1)), column(VOLTAGE, (NOON_NS, 0.1))), SENDER, BOOT, ())
    tables.add(next(iter(read_payloads(sealed.payload, "made"))))
    tables.flush()

    found = written(tmp_path)
    assert found["Unit.Serial.csv"][1][3] == "18446744073709551615"
    assert float(found["Cell.Voltage.csv"][1][1]) == 0.1


def test_what_is_written_in_between_comes_in_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal_tables, "ROWS_AT_ONCE", 3)
    tables = SignalTables(tmp_path)
    for _ in range(5):
        tables.add(payload("Speed"))
    tables.flush()

    rows = written(tmp_path)["Speed.csv"]
    assert (len(rows), rows.count(list(HEAD))) == (11, 1)


def test_signals_whose_names_look_alike_have_files_of_their_own(tmp_path: Path) -> None:
    tables = SignalTables(tmp_path)
    tables.add(payload("A.b", "a.B", "A/b", "A b"))
    tables.flush()

    assert list(written(tmp_path)) == ["A.b.csv", "A_b.csv", "A_b~2.csv", "a.B~2.csv"]


@given(st.text(max_size=300))
def test_a_file_name_is_safe_whatever_the_text_is(text: str) -> None:
    name = file_name(text)

    assert 0 < len(name) <= 121
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \0')
    assert not name.startswith((".", "-"))
