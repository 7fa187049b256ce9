import gzip
import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from edge_cloud import tables
from edge_cloud.errors import NotALake
from edge_cloud.fleet.generator import Generated, Plan, generate
from edge_cloud.lake import Lake
from tests.cloud.edge_cloud.rows import assert_same_rows
from tests.cloud.edge_cloud.silver import batch, rows, speed

BATCHES = rows("batches", [batch(0, 0, 9)])
SAMPLES = rows("samples", speed([(0.0, 1.0), (1.0, 2.0)]))
MORE = rows("samples", speed([(2.0, 3.0)]))
ROOT = Path(__file__).parents[3]
NAMESPACE = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-Urm")


def environment() -> dict[str, str]:
    """Of a child that imports as this process does, and finds `edge-cloud`."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'cloud'}", "PATH": path, "RUST_BACKTRACE": "1"}


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
    ended = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, env=environment())  # noqa: S603  our own text
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


@cache
def mounts_are_allowed() -> bool:
    tried = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None and subprocess.run(tried, check=False, capture_output=True).returncode == 0  # noqa: S603  mounts in a namespace that ends at once
    )


def on_a_disk(size: str, folder: Path, script: str) -> list[str]:
    """What a shell says whose `$DISK` is a file system of that size; what goes to stderr begins with `! `.

    It is mounted in a namespace of the shell's own, and goes with it.
    """
    if not mounts_are_allowed():
        pytest.skip("NO FULL DISK TRIED: this machine allows no mount namespace")
    (disk := folder / "disk").mkdir()
    mount = f"mount -t tmpfs -o size={size} tmpfs {disk}; DISK={disk}; FLEET={folder / 'fleet'}\n"
    return shell([*NAMESPACE, "bash", "-c", mount + script])


def shell(command: list[str]) -> list[str]:
    found = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment())  # noqa: S603  our own text
    return [*found.stdout.splitlines(), *(f"! {line}" for line in found.stderr.splitlines())]


def fleet_in(folder: Path) -> Generated:
    """Of 420 batches in 22 files: a lake of some 700 kB."""
    found = generate(Plan(vehicles=6, seconds=120, boots=2, seed=6, lost=0.0, doubled=0.0, batch_s=4))
    folder.mkdir()
    bodies = [m.body if m.body.startswith(b"\x1f\x8b") else gzip.compress(m.body) for m in found.messages]
    for at in range(0, len(bodies), 20):
        (folder / f"{at:04}.json.gz").write_bytes(b"".join(bodies[at : at + 20]))
    return found


FULL = "No space left on device; free some space, then run the same command again: what was there before is whole"
COUNTED = "select (select coalesce(sum(kept), 0) from batches) as kept, count(*) as samples from samples"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("size", ["4k", "60k", "500k"])
def test_an_ingest_ends_with_a_sentence_where_the_disk_is_full_and_the_next_one_goes_on(
    size: str, tmp_path: Path
) -> None:
    fleet = fleet_in(tmp_path / "fleet")
    first, counted, *_, second, whole, error = on_a_disk(
        size,
        tmp_path,
        f"""
        edge-cloud ingest $FLEET --lake $DISK/lake; echo exit $?
        edge-cloud sql "{COUNTED}" --lake $DISK/lake 2>/dev/null | tail -1 | grep . || echo none
        ls $DISK/lake
        mount -o remount,size=20m $DISK
        edge-cloud ingest $FLEET --lake $DISK/lake | tail -1
        edge-cloud check --lake $DISK/lake >/dev/null; echo exit $?
        """,
    )
    assert first == "exit 1"
    assert error.startswith(f"! error: {tmp_path / 'disk' / 'lake'}/")
    assert error.endswith(FULL)
    kept, samples = (0, 0) if counted == "none" else map(int, counted.replace("\t", " ").split())
    assert kept == samples
    assert f" new batches with {fleet.truth.samples.num_rows - samples} samples" in second
    assert whole == "exit 0"


@pytest.mark.timeout(120)
def test_gold_on_a_full_disk_leaves_what_was_made_before(tmp_path: Path) -> None:
    fleet_in(tmp_path / "fleet")
    *found, error = on_a_disk(
        "20m",
        tmp_path,
        """
        edge-cloud ingest $FLEET --lake $DISK/lake >/dev/null; edge-cloud gold --lake $DISK/lake >/dev/null
        edge-cloud trips --lake $DISK/lake | md5sum
        dd if=/dev/zero of=$DISK/filling 2>/dev/null; truncate -s -60k $DISK/filling
        edge-cloud gold --lake $DISK/lake >/dev/null; echo exit $?
        edge-cloud trips --lake $DISK/lake | md5sum
        rm $DISK/filling
        mount -o remount,ro $DISK
        edge-cloud gold --lake $DISK/lake 2>&1
        edge-cloud trips --lake $DISK/lake | md5sum
        mount -o remount,rw $DISK
        edge-cloud gold --lake $DISK/lake >/dev/null; echo exit $?
        edge-cloud trips --lake $DISK/lake | md5sum
        """,
    )
    trips, failed, left, read_only, seen, made, again = found
    assert (failed, made) == ("exit 1", "exit 0")
    assert trips == left == seen == again
    assert error.endswith(FULL)
    assert read_only.startswith(f"error: {tmp_path / 'disk' / 'lake'}: Read-only file system; make the disk writable")


def test_a_step_that_the_disk_does_not_even_let_go_back_is_not_seen_and_the_next_writer_takes_it_back(
    tmp_path: Path,
) -> None:
    filled(tmp_path)
    script = f"""
import resource
from tests.cloud.edge_cloud.test_lake import *
with Lake.writing(Path({str(tmp_path)!r})) as lake, lake.step():
    lake.append({{'samples': MORE}})
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    lake.append({{'batches': BATCHES}})
"""
    assert "File too large; raise the limit" in shell([sys.executable, "-c", script])[-1]
    assert (tmp_path / "_unfinished.json").exists()
    assert_same_rows(Lake.reading(tmp_path).read("samples"), SAMPLES)

    with Lake.writing(tmp_path) as lake, lake.step():
        lake.append({"samples": MORE})
    assert_same_rows(Lake.reading(tmp_path).read("samples"), pa.concat_tables([SAMPLES, MORE]))
    assert not (tmp_path / "_unfinished.json").exists()
    assert len([*(tmp_path / "samples").rglob("part-*")]) == 2


@pytest.mark.timeout(120)
def test_a_limit_of_a_file_s_size_is_a_sentence_too(tmp_path: Path) -> None:
    fleet_in(tmp_path / "fleet")
    ingest = f"edge-cloud ingest {tmp_path / 'fleet'} --lake {tmp_path / 'lake'}"
    *found, error = shell(["bash", "-c", f"(ulimit -f 3; {ingest}; echo exit $?); {ingest} | tail -1"])
    assert found[0] == "exit 1"
    assert "420 new batches" in found[1]
    assert error.startswith(f"! error: {tmp_path / 'lake' / 'batches'}: File too large; raise the limit")
