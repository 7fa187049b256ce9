from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cabin.checked_lines import append, content_of, is_torn, lines_in, remove, replace_file, sealed
from cabin.ports import Json

RECORDS = st.lists(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9) | st.none(), max_size=4),
    min_size=1,
    max_size=6,
)


def read_back(content: bytes) -> list[object]:
    return [line.record for line in lines_in(content)]


@given(RECORDS)
def test_what_was_sealed_is_read_back_and_where_it_stands(records: Sequence[dict[str, Json]]) -> None:
    content = b"".join(map(sealed, records))
    lines = lines_in(content)
    assert [line.record for line in lines] == records
    assert [lines_in(content[line.start : line.start + line.length])[0].record for line in lines] == records
    assert not is_torn(content)


@given(RECORDS, st.data())
def test_wherever_it_is_torn_the_lines_before_and_behind_are_whole(
    records: Sequence[dict[str, Json]], data: st.DataObject
) -> None:
    content = b"".join(map(sealed, records))
    last = sealed(records[-1])
    cut = data.draw(st.integers(2, len(last) - 2))
    torn = content[:-cut]
    assert is_torn(torn)
    assert read_back(torn) == [*records[:-1], None]
    assert read_back(torn + sealed({"next": 1})) == [*records[:-1], None, {"next": 1}]


@given(RECORDS, st.data())
def test_a_byte_that_changed_spoils_its_line_alone(records: Sequence[dict[str, Json]], data: st.DataObject) -> None:
    content = bytearray(b"".join(map(sealed, records)))
    at = data.draw(st.integers(0, len(content) - 1))
    before = content[at]
    content[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte not in {before, 10}))
    found = read_back(bytes(content))
    assert sum(record not in records for record in found if record is not None) == 0
    assert len([record for record in found if record is not None]) >= len(records) - 2


def test_a_file_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert content_of(path) == b""
    append(path, b"one")
    append(path, b"two")
    assert (content_of(path), path.stat().st_mode & 0o777) == (b"onetwo", 0o600)
    replace_file(path, b"new")
    assert content_of(path) == b"new"
    (tmp_path / "file.new").write_bytes(b"left by a cut")
    remove(path)
    remove(path)
    assert list(tmp_path.iterdir()) == []
