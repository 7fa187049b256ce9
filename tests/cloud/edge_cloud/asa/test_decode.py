"""The decoder in JavaScript against the one in Python."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from edge_cloud.decode import decode
from edge_cloud.records import Message
from tests.cloud.edge_cloud.asa.in_node import NODE, decoded
from tests.cloud.edge_cloud.golden import NAMES, body, samples
from tests.cloud.edge_cloud.rows import assert_same_rows

SOURCE = (NODE.parents[3] / "cloud" / "asa" / "decode.js").read_text()
COLUMNS = [name for name in NAMES if name not in {"hot", "numbers_ns"}]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_golden_batch_is_the_rows_it_was_made_of(name: str) -> None:
    assert_same_rows(decoded([json.loads(body(name))]), samples(name))


def test_of_nanoseconds_the_last_microsecond_may_be_its_neighbour() -> None:
    found, expected = decoded([json.loads(body("numbers_ns"))]), samples("numbers_ns")
    for one, other in zip(found["t"].cast("int64").to_pylist(), expected["t"].cast("int64").to_pylist(), strict=True):
        assert abs(one - other) <= 1
    assert_same_rows(found.drop_columns(["t"]), expected.drop_columns(["t"]))


def column(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    numbers: dict[str, st.SearchStrategy[Any]] = {
        "raw": st.integers(-(2**50), 2**50),
        "val": st.floats(allow_nan=False, allow_infinity=False),
        "str": st.sampled_from(["18446744073709551615", "nan", "inf", "-inf", "-7", "0.1"]),
    }
    cells = st.lists(st.tuples(st.integers(0, 10**6), numbers[kind]), min_size=1, max_size=8)
    scale = st.sampled_from([1.0, 0.01, 0.1, -0.5, 1e-7])
    return st.builds(
        lambda found, tu, factor, offset: {
            "name": "A.B",
            "unit": "V",
            "factor": factor,
            "offset": offset,
            "agg": "last",
            "max_error": None,
            "tu": tu,
            "t0": 1_788_264_000_123 * (1 if tu == "ms" else 1000),
            "raw": [],
            "val": [],
            "str": [],
            "dt": [0, *(step for step, _ in found[1:])],
            kind: [number for _, number in found],
        },
        cells,
        st.sampled_from(["ms", "us"]),
        scale,
        st.sampled_from([0.0, 40.0, -100.5]),
    )


# Every example is a process, so none is made smaller.
@settings(max_examples=6, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["raw", "val", "str"]).flatmap(column), min_size=20, max_size=40))
def test_random_columns_are_what_python_makes_of_them(columns: list[dict[str, Any]]) -> None:
    kept = sum(len(one["dt"]) for one in columns)
    header = json.loads(body("numbers")) | {"columns": columns, "kept": kept}
    found = decoded([header])
    expected = decode([Message(json.dumps(header).encode(), header["device"])]).samples
    assert found.num_rows == expected.num_rows == kept
    names = ["signal", "unit", "agg", "t", "value", "text", "day"]
    assert found.select(names).equals(expected.select(names))


def test_it_is_written_in_what_the_engine_takes() -> None:
    assert not re.search(r"\b(let|const|class|async|await|BigInt|require|import)\b|=>|`", re.sub(r"//.*", "", SOURCE))
