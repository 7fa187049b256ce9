import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import JsonRefused
from edge_agent.written_json import read_json

DIGITS = "9" * (sys.get_int_max_str_digits() + 1)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.booleans())
def test_what_python_writes_is_read_as_it_was(value: object, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)

    assert read_json(text) == read_json(text.encode()) == value


@given(st.text() | st.binary())
def test_anything_is_json_or_refused(written: str | bytes) -> None:
    try:
        found = read_json(written)
    except JsonRefused:
        return
    assert json.dumps(found) == json.dumps(
        json.loads(written.removeprefix("\ufeff") if isinstance(written, str) else written)
    )


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ('{"a": 1,\n b}', "not JSON: Expecting property name enclosed in double quotes at line 2 column 2"),
        ("", "not JSON: Expecting value at line 1 column 1"),
        ('{"rules":\n {"trip": {"x": 1}, "trip": {"x": 2}}}', "'trip' stands twice in one object at line 2 column 21"),
        (r'{"a": {"trip": 1, "\u0074rip" : 2}}', "'trip' stands twice in one object at line 1 column 19"),
        (r'[{"a\"": 1}, {"a\"": {"b": ["b"], "b": "}"}}]', "'b' stands twice in one object at line 1 column 35"),
        (f'{{"a": "{DIGITS}",\n "b": -{DIGITS}}}', "a number of more than 4,300 digits at line 2 column 7"),
        (
            r'["\\ud800", "\ud83d\ude00", "\ud800"]',
            "half a surrogate pair, which UTF-8 cannot hold at line 1 column 29",
        ),
        (r'{"\uDC00": 1}', "half a surrogate pair, which UTF-8 cannot hold at line 1 column 2"),
        ('["\udcff"]', "half a surrogate pair, which UTF-8 cannot hold at line 1 column 2"),
        ("[" * 100_000, "nested too deeply"),
        (b'["\xff"]', "not UTF-8 at byte 2"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(written: str | bytes, sentence: str) -> None:
    with pytest.raises(JsonRefused) as refused:
        read_json(written)

    assert str(refused.value) == sentence


def test_the_mark_that_windows_puts_before_a_text_is_no_mistake() -> None:
    assert read_json("\ufeff{}") == read_json(b"\xef\xbb\xbf{}") == {}


def test_a_number_is_as_long_as_this_python_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.get_int_max_str_digits()
    monkeypatch.setattr(sys, "get_int_max_str_digits", lambda: 0)
    sys.set_int_max_str_digits(0)
    try:
        assert read_json(DIGITS) == int(DIGITS)
        with pytest.raises(JsonRefused, match="'a' stands twice"):
            read_json('{"a": 1, "a": 2}')
    finally:
        sys.set_int_max_str_digits(before)


def test_a_large_text_is_searched_once() -> None:
    began = time.process_time()
    with pytest.raises(JsonRefused, match="'0' stands twice"):
        read_json("{" + ",".join(f'"{i}": {{"type": "branch"}}' for i in (*range(30_000), 0)) + "}")

    assert time.process_time() - began < 2
