import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from edge_cloud import tables
from edge_cloud.errors import NotALake
from edge_cloud.lake import Lake
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.silver import batch, rows, speed

BATCHES = rows("batches", [batch(0, 0, 9)])
SAMPLES = rows("samples", speed([(0.0, 1.0), (1.0, 2.0)]))
MORE = rows("samples", speed([(2.0, 3.0)]))


def filled(folder: Path) -> None:
    with Lake.writing(folder) as lake, lake.step():
        lake.append({"batches": BATCHES, "samples": SAMPLES})


def test_what_a_step_wrote_is_there(tmp_path: Path) -> None:
    filled(tmp_path)
    lake = Lake.reading(tmp_path)
    assert_same_rows(lake.read("samples"), SAMPLES)
    assert lake.read("batches", ["seq"]).to_pylist() == [{"seq": 0}]
    assert lake.read("evictions").num_rows == 0
    assert not lake.has("evictions")


def test_a_step_that_fails_leaves_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    found = {"samples": MORE, "firings": rows("firings", [{"rule": "r", "day": 0}]), "gaps": MORE}
    with pytest.raises(ValueError, match="field names"), Lake.writing(tmp_path) as lake, lake.step():
        lake.append(found)
    lake = Lake.reading(tmp_path)
    assert_same_rows(lake.read("samples"), SAMPLES)
    assert lake.read("firings").num_rows == 0


def test_a_step_that_was_killed_is_not_seen_and_the_next_writer_takes_it_back(tmp_path: Path) -> None:
    filled(tmp_path)
    code = (
        "import os, signal, sys; from pathlib import Path; from edge_cloud.lake import Lake\n"
        "from tests.cloud.edge_cloud.test_lake import MORE\n"
        f"with Lake.writing(Path({str(tmp_path)!r})) as lake, lake.step():\n"
        "    lake.append({'samples': MORE})\n"
        "    lake.replace('gaps', __import__('edge_cloud.tables').tables.GAPS.empty_table())\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[3]
    ended = subprocess.run(  # noqa: S603  our own text
        [sys.executable, "-c", code],
        check=False,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}:{root / 'cloud'}"},
    )
    assert ended.returncode == -signal.SIGKILL

    assert_same_rows(Lake.reading(tmp_path).read("samples"), SAMPLES)
    with Lake.writing(tmp_path) as lake, lake.step():
        lake.append({"samples": MORE})
    assert_same_rows(Lake.reading(tmp_path).read("samples"), pa.concat_tables([SAMPLES, MORE]))


def test_a_replaced_table_has_the_new_rows_alone(tmp_path: Path) -> None:
    filled(tmp_path)
    gaps = pa.Table.from_pylist([{"device": "car", "boot": 1}], schema=tables.GAPS)
    with Lake.writing(tmp_path) as lake:
        for found in (gaps, gaps):
            with lake.step():
                lake.replace("gaps", found)
    assert_same_rows(Lake.reading(tmp_path).read("gaps"), gaps)


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    with (
        Lake.writing(tmp_path),
        pytest.raises(NotALake, match="another process writes into it"),
        Lake.writing(tmp_path),
    ):
        pass


def test_a_folder_without_tables_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(NotALake, match="edge-cloud ingest SOURCE --lake FOLDER"):
        Lake.reading(tmp_path / "none")


def test_a_lake_of_what_was_refused_alone_can_be_asked_why(tmp_path: Path) -> None:
    refused = rows("refused", [{"reason": "it is empty", "day": 0}])
    with Lake.writing(tmp_path) as lake, lake.step():
        lake.append({"refused": refused})
    assert Lake.reading(tmp_path).read("refused", ["reason"]).to_pylist() == [{"reason": "it is empty"}]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("")
    with pytest.raises(NotALake, match="File exists"), Lake.writing(tmp_path / "lake"):
        pass
