import asyncio
import os
import subprocess
import sys
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.desk.spool_entries import Entry, SegmentFound, Standing, StreamEnd
from edge_agent.desk.spool_folder import REFUSED, SpoolFolder
from edge_agent.errors import FileRefused
from edge_agent.records import Acked, Refused
from edge_agent.spool.naming import SegmentName, StreamName
from edge_agent.spool.segments import SegmentSpool
from tests.desk.spools import BATCHES, envelope, everything, filled, flip, left, opened
from tests.spool.parts import Ear, sealed


def entries(folder: SpoolFolder) -> list[Entry]:
    return [entry for found in folder.found() if isinstance(found, SegmentFound) for entry in found.entries]


def seqs(folder: Path) -> list[int]:
    return [entry.envelope.key.seq for entry in entries(SpoolFolder(folder)) if entry.standing is Standing.WAITING]


def ends(folder: SpoolFolder) -> list[StreamEnd]:
    return [found for found in folder.found() if isinstance(found, StreamEnd)]


def test_a_spool_is_found_in_the_agents_data_folder_too(tmp_path: Path) -> None:
    left(tmp_path / "spool", *BATCHES)

    assert seqs(tmp_path) == seqs(tmp_path / "spool") == [0, 1, 2, 3, 4]


def test_the_most_important_come_first_and_of_one_priority_those_that_wait_for_no_link(tmp_path: Path) -> None:
    left(tmp_path, BATCHES[4], *BATCHES[:1])
    left(tmp_path, *BATCHES[3:4])

    assert [str(name) for name in SpoolFolder(tmp_path).segments] == [
        "5-0000000000.seg",
        "7-0000000000.seg",
        "7u-0000000000.seg",
    ]


def test_a_spool_that_an_agent_holds_is_read_as_it_grows(tmp_path: Path) -> None:
    store = filled(tmp_path, *BATCHES[:2])

    assert seqs(tmp_path) == [0, 1]
    store.append([envelope(BATCHES[3], 1)])
    store.settle(store.lease(1)[0].key, Acked())
    store.commit()

    assert seqs(tmp_path) == [1, 3]
    store.close()


def test_a_segment_that_goes_between_listing_and_reading_was_delivered(tmp_path: Path) -> None:
    store = opened(tmp_path, segment_bytes=700)
    for sealed_batch in (BATCHES[0], BATCHES[3], replace(BATCHES[0], seq=5)):
        store.append([envelope(sealed_batch, 1)])
    store.commit()
    folder = SpoolFolder(tmp_path)
    for one in store.lease(2):
        store.settle(one.key, Acked())
    store.append([envelope(replace(BATCHES[0], seq=6), 1)])
    store.commit()

    assert [entry.envelope.key.seq for entry in entries(folder)] == [3]
    assert ends(folder) == [StreamEnd({}, ()), StreamEnd({}, ())]
    store.close()


def test_who_holds_the_folder_is_seen_without_taking_its_lock(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert SpoolFolder(tmp_path).owner() == os.getpid()
    store.close()
    assert SpoolFolder(tmp_path).owner() is None


def test_looking_leaves_no_trace(tmp_path: Path) -> None:
    store = filled(tmp_path, *BATCHES)
    flip(tmp_path / "5-0000000000.seg", 300)
    before = everything(tmp_path)

    folder = SpoolFolder(tmp_path)
    assert (len(entries(folder)), folder.put_aside(REFUSED), len(folder.files())) == (4, [], 7)

    assert everything(tmp_path) == before
    store.close()


def test_a_bad_block_is_damage_and_the_rest_is_read(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    (tmp_path / "5-0000000007.seg").mkdir()  # reading it fails, as reading a bad block does
    folder = SpoolFolder(tmp_path)

    assert len(entries(folder)) == 5
    assert SegmentName(StreamName(5), 7) in ends(folder)[0].damaged


def test_what_the_far_end_refused_is_listed(tmp_path: Path) -> None:
    store = filled(tmp_path, BATCHES[0])
    store.settle(store.lease(1)[0].key, Refused("too large"))
    store.close()

    (one,) = SpoolFolder(tmp_path).put_aside(REFUSED)

    assert one.name == f"{1:010d}-{0:020d}.seg"


def test_without_a_state_all_is_taken_to_wait(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES[:1])
    (tmp_path / "state.json").write_text("no state")
    assert SpoolFolder(tmp_path).state_file == "opened.json"
    (tmp_path / "opened.json").unlink()

    folder = SpoolFolder(tmp_path)

    assert (folder.state.boot, folder.state_file, seqs(tmp_path)) == (0, "", [0])


@pytest.mark.parametrize("name", ["absent", "empty", "file"])
def test_what_is_no_spool_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(FileRefused, match=f"{name}: no spool is there"):
        SpoolFolder(tmp_path / name)


@pytest.mark.parametrize("content", [b'{"modules": []}', b"", b"no state"])
def test_a_state_that_is_no_spools_makes_no_spool(content: bytes, tmp_path: Path) -> None:
    """The local hub's folder has a state.json too."""
    (tmp_path / "state.json").write_bytes(content)

    with pytest.raises(FileRefused, match="no spool is there"):
        SpoolFolder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("damaged", ["", "state.json"])
def test_a_spool_without_segments_is_known_by_its_state_or_the_copy_of_it(damaged: str, tmp_path: Path) -> None:
    left(tmp_path)
    if damaged:
        (tmp_path / damaged).write_text("no state")

    assert SpoolFolder(tmp_path).state_file == ("opened.json" if damaged else "state.json")


def test_a_state_of_a_later_release_is_a_spools(tmp_path: Path) -> None:
    text = b'{"version": 2, "boot": 8, "last_seq": 41}'
    (tmp_path / "state.json").write_bytes(b"%08x %s\n" % (zlib.crc32(text), text))

    assert SpoolFolder(tmp_path).state.boot == 8


async def test_a_spool_is_read_while_it_is_written_and_delivered(tmp_path: Path) -> None:
    spool = await SegmentSpool.open(tmp_path, cap_bytes=1_000_000, segment_bytes=1_000, log=Ear())
    stop = threading.Event()
    reading = asyncio.get_running_loop().run_in_executor(None, looked_at_until, stop, tmp_path)
    for seq in range(0, 300, 3):
        await spool.append([sealed(1, seq), sealed(1, seq + 1, priority=7), sealed(1, seq + 2, size=700)])
        for one in await spool.lease(2):
            await spool.settle(one.key, Acked())
    stop.set()
    looks = await reading
    await spool.close()

    assert len(looks) > 3
    assert all(end == StreamEnd({}, ()) for look in looks for end in look)
    assert len(seqs(tmp_path)) == 100


def looked_at_until(stop: threading.Event, folder: Path) -> list[list[StreamEnd]]:
    looks = []
    while not stop.is_set():
        looks.append(ends(SpoolFolder(folder)))
    return looks


NOT_ROOT = """
import os, sys
from pathlib import Path
from edge_agent.desk.spool_folder import SpoolFolder
from edge_agent.errors import FileRefused
os.setuid(65534)
try:
    SpoolFolder(Path(sys.argv[1]))
except FileRefused as refused:
    print(refused)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_told_whose_files_they_are(tmp_path: Path) -> None:
    left(tmp_path / "spool", *BATCHES[:1])

    done = subprocess.run(  # noqa: S603  fixed text
        [sys.executable, "-c", NOT_ROOT, str(tmp_path / "spool")], capture_output=True, text=True, check=True
    )

    assert "cannot be read: Permission denied; its files are for the agent's user alone" in done.stdout
