import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.relabel import apply_relabels, compile_relabels, relabel
from edge_agent.records import RawKind

RAW = st.integers(-(1 << 31), (1 << 31) - 1)
NEW = st.integers(-(1 << 53), 1 << 53)


def test_rows_without_a_table_need_none() -> None:
    assert compile_relabels([(None, 1.0, 0.0), (None, 2.0, 1.0)]) is None


def test_a_raw_value_becomes_another_and_one_without_a_line_is_no_sample() -> None:
    tables = compile_relabels([(None, 1.0, 0.0), (relabel({0: 0, 4: -1, 1: 5}), 0.1, 0.0)])
    assert tables is not None
    row = np.array([1, 0, 1, 1, 0])
    raw = np.array([4, 4, 2, 1, 1])
    value = raw.astype(np.float64)

    stays = apply_relabels(tables, row, raw, value)

    assert stays is not None
    assert stays.tolist() == [True, True, False, True, True]
    assert raw[stays].tolist() == [-1, 4, 5, 1]
    assert value[stays].tolist() == [-0.1, 4.0, 0.5, 1.0]


def test_a_block_without_an_unknown_value_loses_nothing() -> None:
    tables = compile_relabels([(relabel({0: 7}), 1.0, 0.0)])
    assert tables is not None
    raw = np.array([0, 0])
    assert apply_relabels(tables, np.array([0, 0]), raw, np.zeros(2)) is None
    assert raw.tolist() == [7, 7]


@given(st.lists(st.none() | st.dictionaries(RAW, NEW, min_size=1, max_size=6), min_size=1, max_size=6), st.data())
def test_it_does_what_a_dictionary_would(pairs: list[dict[int, int] | None], data: st.DataObject) -> None:
    tables = compile_relabels([(None if one is None else relabel(one), 1.0, 0.0) for one in pairs])
    samples = data.draw(
        st.lists(
            st.integers(0, len(pairs) - 1).flatmap(
                lambda row: st.tuples(st.just(row), RAW | st.sampled_from([*(pairs[row] or [0])]))
            )
        )
    )
    if tables is None:
        return
    row = np.array([row for row, _ in samples], np.int64)
    raw = np.array([raw for _, raw in samples], np.int64)
    value = raw.astype(np.float64)

    stays = apply_relabels(tables, row, raw, value)
    if stays is None:
        stays = np.ones(len(row), np.bool_)

    expected = [
        (row, old if (table := pairs[row]) is None else table[old])
        for row, old in samples
        if pairs[row] is None or old in (pairs[row] or {})
    ]
    assert list(zip(row[stays].tolist(), raw[stays].tolist(), strict=True)) == expected
    assert value[stays].tolist() == [float(new) for _, new in expected]


@pytest.mark.parametrize(
    ("new", "kind", "bits"),
    [
        ((0,), RawKind.UNSIGNED, 1),
        ((0, 1), RawKind.UNSIGNED, 1),
        ((0, 2), RawKind.UNSIGNED, 2),
        ((-1, 0), RawKind.SIGNED, 2),
        ((-1, 1), RawKind.SIGNED, 2),
        ((-2, 1), RawKind.SIGNED, 2),
        ((-128, 127), RawKind.SIGNED, 8),
        ((-129, 0), RawKind.SIGNED, 9),
        ((1 << 53,), RawKind.UNSIGNED, 54),
    ],
)
def test_the_new_values_have_a_kind_and_a_length_of_their_own(new: tuple[int, ...], kind: RawKind, bits: int) -> None:
    table = relabel(dict(enumerate(new)))
    assert (table.kind, table.bits) == (kind, bits)
    lowest = -(1 << bits - 1) if kind is RawKind.SIGNED else 0
    assert all(lowest <= number < lowest + (1 << bits) for number in new)
