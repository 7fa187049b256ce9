import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import ConditionRefused
from edge_agent.policy.condition_tokens import CHARACTERS, Kind, tokens_of

MS = 1_000_000


def words(text: str) -> list[tuple[Kind, int, str]]:
    return [(token.kind, token.column, token.text) for token in tokens_of(text)]


def refusal(text: str) -> str:
    with pytest.raises(ConditionRefused) as refused:
        list(tokens_of(text))
    return str(refused.value)


@given(st.text(max_size=60) | st.text("a1.@'`()<>=! 5smin-+e\n", max_size=60))
def test_any_text_becomes_words_up_to_its_end_or_is_refused_at_a_column_of_it(text: str) -> None:
    try:
        found = words(text)
    except ConditionRefused as refused:
        found = [(Kind.END, refused.column, "")]

    assert found[-1][1] in range(1, len(text) + 2)
    assert found[-1] == (Kind.END, found[-1][1], "")
    assert [column for _, column, _ in found] == sorted({column for _, column, _ in found})


def test_a_name_may_have_dots_an_at_sign_and_letters_of_any_script() -> None:
    names = ["Motion.Speed", "can1.Motion@1a0x.Speed", "Fahrzeug.Tür", "_x"]

    assert [words(name)[0] for name in names] == [(Kind.WORD, 1, name) for name in names]


def test_a_name_of_any_characters_stands_in_backquotes() -> None:
    assert words(" `Motor-1.Temp (oil)`")[0] == (Kind.NAME, 2, "Motor-1.Temp (oil)")


def test_a_doubled_quote_is_one_in_a_label() -> None:
    assert words("'Driver''s door'")[0] == (Kind.LABEL, 1, "Driver's door")


def test_a_minus_is_no_part_of_a_number() -> None:
    assert [text for _, _, text in words("1-2e-3")] == ["1", "-", "2e-3", ""]


@pytest.mark.parametrize(
    ("text", "expected_ns"), [("10ms", 10 * MS), ("0.5s", 500 * MS), ("2min", 120_000 * MS), ("1h", 3_600_000 * MS)]
)
def test_a_duration_is_a_number_with_its_unit(text: str, expected_ns: int) -> None:
    token = next(tokens_of(text))

    assert (token.kind, token.number) == (Kind.DURATION, expected_ns)


@pytest.mark.parametrize("text", ["9ms", "61min", "0s", "1e300h"])
def test_a_window_is_neither_shorter_than_10_ms_nor_longer_than_an_hour(text: str) -> None:
    assert refusal(f"x {text}").startswith(f"column 3: {text} is no length of a window")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = 1", "column 3: '=' has no meaning here: to compare, write =="),
        ("a && b", "column 3: '&' has no meaning here: write `and`"),
        ("a || b", "column 3: '|' has no meaning here: write `or`"),
        ("!a", "column 1: '!' has no meaning here: write `not`, or != to compare"),
        ('a == "R"', "column 6: '\"' has no meaning here: a label stands in single quotes"),
        ("a == 'R", 'column 6: "\'" has no meaning here: a label ends with a single quote, which is missing'),
        ("``", "column 1: '`' has no meaning here: a name in backquotes is not empty and ends with a backquote,"),
        ("x ; y", "column 3: ';' has no meaning here"),
        ("\u0663 > 1", "column 1: '\u0663' has no meaning here"),
        ("\ud800", "column 1: '\\ud800' has no meaning here"),
        ("12 > 3km", "column 7: 'km' is no unit of a duration: ms, s, min, h"),
        ("a > 1e400", "column 5: the number is too large"),
        ("9" * 400, "column 1: the number is too large"),
    ],
)
def test_what_is_no_word_is_refused_with_its_column_and_what_was_meant(text: str, sentence: str) -> None:
    assert refusal(text).startswith(sentence)


def test_a_text_without_end_is_refused_before_it_is_read() -> None:
    assert refusal("(" * (CHARACTERS + 1)) == "column 4097: the condition has 4097 characters; 4096 are read"
