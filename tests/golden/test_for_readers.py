"""What other readers are held to is what the agent writes, and what it was chosen to mean."""

import json

import pytest

from edge_agent.spool.reading import read_payloads
from tests.golden.for_readers import CHOSEN, path, payloads, rows, rows_text, text
from tests.spool.schemas import assert_valid


def test_the_payloads_for_readers_are_what_the_agent_seals() -> None:
    for name, payload in payloads().items():
        assert text(payload) == path(name, "log" if name == "frames" else "json").read_bytes(), name


@pytest.mark.parametrize("name", [*CHOSEN, "trip"])
def test_a_payload_for_readers_follows_its_schema(name: str) -> None:
    assert_valid(path(name).read_bytes())


@pytest.mark.parametrize("name", CHOSEN)
def test_rows_for_readers_are_those_that_were_chosen(name: str) -> None:
    assert path(name, "rows.json").read_text() == rows_text(name)


@pytest.mark.parametrize("name", sorted(set(CHOSEN) - {"hot"}))
def test_the_agents_own_reader_reads_the_same_rows(name: str) -> None:
    [payload] = read_payloads(path(name).read_bytes(), name)

    found = [(one.name, one.t_ns // 1000, one.value) for one in payload.samples]
    expected = [(signal, t_us, value) for signal, _, _, _, t_us, value, _ in rows(name)]
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    assert all(value is None or one[2] == value for one, (_, _, value) in zip(found, expected, strict=True))


def test_every_kind_of_column_is_among_them() -> None:
    columns = [one for name in CHOSEN if name != "hot" for one in json.loads(path(name).read_text())["columns"]]

    assert {kind for one in columns for kind in ("raw", "val", "str") if one[kind]} == {"raw", "val", "str"}
    assert {one["tu"] for one in columns} == {"ms", "us", "ns"}
    assert {one["agg"] for one in columns} == {"last", "first", "min", "max", "mean", "count"}
    assert any(one["max_error"] for one in columns)
    assert {"nan", "inf", "-inf", "18446744073709551615", "-9223372036854775808"} <= {
        t for one in columns for t in one["str"]
    }
