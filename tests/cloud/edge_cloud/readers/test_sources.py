import gzip
import json
from pathlib import Path

import pytest

from edge_cloud.errors import NotAFile
from edge_cloud.readers.sources import files_of, messages_of
from tests.cloud.edge_cloud import golden
from tests.cloud.edge_cloud.readers.test_routed import line


def test_of_a_folder_files_of_messages_are_read_in_order_and_others_not(tmp_path: Path) -> None:
    for name in ("b/2.json.gz", "b/1.avro", "a.json", "note.txt", ".hidden.json", "_spark/x.json", "00"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [str(path.relative_to(tmp_path)) for path in files_of(tmp_path)] == [
        "00",
        "a.json",
        "b/1.avro",
        "b/2.json.gz",
    ]


def test_of_a_local_hub_s_folder_what_arrived_is_read_and_its_keys_are_not(tmp_path: Path) -> None:
    for name in ("arrived.jsonl", "twins.json", "key"):
        (tmp_path / name).write_bytes(b"")
    assert files_of(tmp_path) == [tmp_path / "arrived.jsonl"]


@pytest.mark.parametrize(
    ("name", "reason"), [("none", "no such file or folder"), ("empty", "holds no file with messages")]
)
def test_where_there_is_nothing_a_sentence_says_so(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotAFile, match=f"{name}: {reason}"):
        files_of(tmp_path / name)


def test_a_file_is_read_by_what_is_in_it(tmp_path: Path) -> None:
    text = golden.body("numbers")
    contents = [gzip.compress(text) * 2, text + text, line(json.loads(text)) * 2]
    for n, content in enumerate(contents):
        path = tmp_path / f"{n}.json"
        path.write_bytes(content)
        assert len(list(messages_of(path))) == 2


def test_a_single_file_is_its_own_source(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"")
    assert files_of(path) == [path]
