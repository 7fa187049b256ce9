import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edge_cloud.fleet.ledger import Key, Ledger, arrived_at, judge, percentiles

keys = st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 2), st.integers(0, 5))


@given(st.sets(keys), st.lists(keys))
def test_what_was_acknowledged_and_is_not_there_is_lost(acknowledged: set[Key], arrived: list[Key]) -> None:
    ledger = Ledger()
    for key in acknowledged:
        ledger.acknowledged(key, 10, 0, 5)
    verdict = judge(ledger, arrived)

    ours = [key for key in arrived if any(key[:2] == one[:2] for one in acknowledged)]
    assert set(verdict.lost) == acknowledged - set(arrived)
    assert verdict.duplicates == len(ours) - len(set(ours))
    assert verdict.unknown == len(set(ours) - acknowledged)
    assert verdict.acknowledged == len(acknowledged)


def test_arrivals_are_read_from_a_place_on_and_a_line_still_written_is_left_out(tmp_path: Path) -> None:
    rows = [{"n": n, "device": "a", "properties": {"boot": "3", "seq": str(n)}, "body": "QUJD"} for n in range(4)]
    lines = [json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows]
    (tmp_path / "arrived.jsonl").write_bytes(b"".join(lines)[:-1])

    assert list(arrived_at(tmp_path)) == [("a", 3, 0), ("a", 3, 1), ("a", 3, 2)]
    assert list(arrived_at(tmp_path, len(lines[0]))) == [("a", 3, 1), ("a", 3, 2)]


def test_a_ledger_is_a_file_of_its_lines(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.acknowledged(("a", 1, 0), 10, 0, 7)
    ledger.write(tmp_path / "ledger.jsonl")

    assert (tmp_path / "ledger.jsonl").read_text() == '["a", 1, 0, 7]\n'
    assert percentiles([]) == (0.0, 0.0)
    assert percentiles([1000, 2000, 9000]) == (2.0, 9.0)
