import os
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.desk.spool_drop import Dropped, drop
from edge_agent.desk.spool_entries import Selection
from edge_agent.desk.spool_folder import SpoolFolder
from edge_agent.disk import DISK
from edge_agent.errors import FileRefused, SpoolUnusable
from edge_agent.records import Acked, LostRange, Refused
from edge_agent.spool.framing import file_header
from edge_agent.spool.naming import StreamName
from tests.desk.spools import BATCHES, envelope, everything, filled, flip, left, opened
from tests.spool.parts import named, sealed

ALL = Selection()
IDLE = Selection(rules=frozenset({"idle"}))


def dropped(folder: Path, selection: Selection = ALL) -> Dropped:
    return drop(SpoolFolder(folder), selection)


def next_start(folder: Path) -> tuple[list[int], tuple[LostRange, ...], tuple[int, int | None, int | None]]:
    """(sequences that wait, what is owed, (boot, boot before, its last sequence)) of the agent's next start."""
    store = opened(folder)
    seqs = [one.key.seq for one in store.lease(10**6)]
    owed = store.append([]).owed
    boot = store.boot
    store.close()
    return seqs, owed, (boot.boot, boot.previous_boot, boot.previous_last_seq)


def test_what_is_dropped_is_owed_and_the_rest_waits(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)

    done = dropped(tmp_path, IDLE)

    payload_bytes = sum(len(envelope(one, 1).payload) for one in BATCHES[:2])
    assert done == Dropped(2, payload_bytes, 0)
    assert next_start(tmp_path) == ([2, 3, 4], (LostRange(1, 0, 1, "dropped"),), (2, 1, 4))


def test_a_file_of_which_nothing_waits_any_more_goes_at_once(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)

    assert dropped(tmp_path, Selection(priorities=frozenset({7}))).files == 2
    assert [path.name for path in tmp_path.glob("*.seg")] == ["5-0000000000.seg"]
    assert dropped(tmp_path).files == 1

    assert next_start(tmp_path) == ([], (LostRange(1, 0, 4, "dropped"),), (2, 1, 4))


def test_only_those_of_one_start_go_when_that_is_meant(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES[:2])
    left(tmp_path, *BATCHES[:2])

    dropped(tmp_path, Selection(boots=frozenset({1})))

    assert next_start(tmp_path)[:2] == ([0, 1], (LostRange(1, 0, 1, "dropped"),))


def test_what_a_dropped_batch_was_to_tell_is_told_by_another(tmp_path: Path) -> None:
    store = filled(tmp_path, BATCHES[0])
    store.settle(store.lease(1)[0].key, Refused("too large"))
    owed = store.append([]).owed
    store.append([replace(envelope(BATCHES[3], 1), tells=owed)])
    store.close()

    dropped(tmp_path)

    assert next_start(tmp_path)[1] == (LostRange(1, 0, 0, "refused"), LostRange(1, 3, 3, "dropped"))


def test_where_a_killed_agent_had_come_to_is_not_forgotten_with_its_batches(tmp_path: Path) -> None:
    store = filled(tmp_path / "running", *BATCHES)
    shutil.copytree(tmp_path / "running", tmp_path / "killed")  # its state was last noted before the first of them
    store.close()

    assert dropped(tmp_path / "killed").files == 3

    assert next_start(tmp_path / "killed")[2] == (2, 1, 4)


def test_what_was_delivered_is_not_told_as_lost(tmp_path: Path) -> None:
    store = filled(tmp_path, *BATCHES)
    store.settle(store.lease(1)[0].key, Acked())
    store.close()

    assert dropped(tmp_path).batches == 4
    assert next_start(tmp_path)[:2] == ([], (LostRange(1, 1, 4, "dropped"),))


def test_dropping_twice_tells_it_once(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)

    assert (dropped(tmp_path, IDLE).batches, dropped(tmp_path, IDLE).batches) == (2, 0)
    assert next_start(tmp_path)[1] == (LostRange(1, 0, 1, "dropped"),)


def test_a_partly_dropped_file_does_not_bring_back_what_was_dropped_once_it_was_told(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    dropped(tmp_path, IDLE)
    store = opened(tmp_path)
    teller = replace(sealed(2, 0), tells=store.append([]).owed)
    store.append([teller])
    for one in store.lease(9):
        store.settle(one.key, Acked() if one.key == teller.key else Refused("later"))
    store.close()

    assert next_start(tmp_path)[0] == []


def test_a_folder_that_an_agent_holds_is_left_alone(tmp_path: Path) -> None:
    store = filled(tmp_path, *BATCHES)
    before = everything(tmp_path)

    with pytest.raises(SpoolUnusable, match="an agent uses it") as refused:
        dropped(tmp_path)

    assert refused.value.sentence().endswith("Stop the agent, drop, and start it again")
    assert everything(tmp_path) == before
    store.close()


def test_a_damaged_spool_is_left_for_the_agent_to_tell_of(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    flip(tmp_path / "5-0000000000.seg", 300)
    before = {name: content for name, (content, *_) in everything(tmp_path).items()}

    with pytest.raises(FileRefused, match=r"5-0000000000\.seg is damaged: start the agent on it once"):
        dropped(tmp_path)

    assert {name: content for name, (content, *_) in everything(tmp_path).items()} == before
    assert next_start(tmp_path)[:2] == ([1, 2, 3, 4], (LostRange(1, 0, 0, "damaged"),))


def test_a_spool_with_a_missing_segment_is_left_for_the_agent_to_tell_of(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    (tmp_path / "7-0000000000.seg").unlink()

    with pytest.raises(FileRefused, match="is missing: start the agent on it once"):
        dropped(tmp_path)


def test_a_spool_without_its_state_is_left_for_the_agent_to_tell_of(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    flip(tmp_path / "state.json", 20)

    with pytest.raises(FileRefused, match=r"state\.json cannot be read: start the agent on it once"):
        dropped(tmp_path)


def test_a_segment_of_a_later_format_is_never_removed(tmp_path: Path) -> None:
    left(tmp_path, *BATCHES)
    newer = bytearray(file_header(StreamName(5)))
    newer[8] = 9
    newer[12:] = zlib.crc32(newer[:12]).to_bytes(4, "little")
    (tmp_path / "5-0000000007.seg").write_bytes(newer)

    with pytest.raises(FileRefused, match=r"5-0000000007\.seg is of a later release's format"):
        dropped(tmp_path)

    assert (tmp_path / "5-0000000007.seg").read_bytes() == newer


def test_the_folder_of_another_user_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left(tmp_path, *BATCHES)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)

    with pytest.raises(FileRefused, match="who could not read what is changed here: drop as them"):
        dropped(tmp_path)


def test_a_disk_that_takes_no_state_keeps_every_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left(tmp_path, *BATCHES)
    with monkeypatch.context() as patched:
        patched.setattr(type(DISK), "rename", read_only)
        with pytest.raises(SpoolUnusable, match="Read-only file system"):
            dropped(tmp_path)

    assert next_start(tmp_path)[:2] == ([0, 1, 2, 3, 4], ())


def read_only(*_: object) -> None:
    raise OSError(30, "Read-only file system")


@settings(max_examples=25)
@given(
    priorities=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    acked=st.integers(0, 20),
    gone=st.sets(st.integers(0, 3), min_size=1),
)
def test_every_batch_is_delivered_waits_or_is_owed(
    priorities: list[int], acked: int, gone: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    store = opened(folder, segment_bytes=500)
    store.append([sealed(1, seq, priority) for seq, priority in enumerate(priorities)])
    leased = store.lease(acked)
    for one in leased:
        store.settle(one.key, Acked())
    store.close()

    done = dropped(folder, Selection(priorities=frozenset(gone)))
    seqs, owed, (_, _, last_seq) = next_start(folder)

    delivered = {one.key.seq for one in leased}
    lost = {key.seq for key in named(owed)}
    assert delivered | set(seqs) | lost == set(range(len(priorities)))
    assert len(delivered) + len(seqs) + len(lost) == len(priorities)
    assert lost == {seq for seq, priority in enumerate(priorities) if priority in gone} - delivered
    assert (done.batches, last_seq) == (len(lost), len(priorities) - 1)
