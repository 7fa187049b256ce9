import time
import zlib
from pathlib import Path

import pytest

from edge_agent.errors import SpoolUnusable
from edge_agent.records import Acked, Deferred, EnvelopeKey, LostRange, Refused
from edge_agent.spool.framing import file_header, scan
from edge_agent.spool.naming import StreamName
from edge_agent.spool.opening import open_store
from edge_agent.spool.store import Store
from tests.faulty.simulated_disk import LOST, SimulatedDisk
from tests.spool.parts import Ear, sealed


def store_in(folder: Path, log: Ear | None = None) -> Store:
    return open_store(folder, cap_bytes=1_000_000, segment_bytes=1_000, log=log or Ear())


def filled(folder: Path, *seqs: int, priority: int = 3, size: int = 100) -> list[Path]:
    """A folder as a closed agent leaves it; its segments in order."""
    store = store_in(folder)
    for seq in seqs:
        store.append([sealed(store.boot.boot, seq, priority, size)])
    store.close()
    return sorted(folder.glob("*.seg"))


def reopened(folder: Path, log: Ear | None = None) -> tuple[list[int], tuple[LostRange, ...], Store]:
    """(sequences found, what is owed, the closed store)."""
    store = store_in(folder, log)
    seqs = [envelope.key.seq for envelope in store.lease(10**6)]
    owed = store.append([]).owed
    store.close()
    return seqs, owed, store


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def test_a_cut_at_any_byte_of_the_last_records_leaves_an_exact_prefix_and_no_alarm(tmp_path: Path) -> None:
    seed = store_in(tmp_path / "seed")
    seed.append([sealed(1, seq, size=9) for seq in range(3)])
    (path,) = (tmp_path / "seed").glob("*.seg")
    whole, state = path.read_bytes(), (tmp_path / "seed" / "state.json").read_bytes()
    ends = [item.end for item in scan(whole)]
    seed.close()

    for size in range(len(whole) + 1):
        folder, log = tmp_path / str(size), Ear()
        folder.mkdir()
        (folder / path.name).write_bytes(whole[:size])
        (folder / "state.json").write_bytes(state)
        seqs, owed, store = reopened(folder, log)
        kept = sum(end <= size for end in ends)
        assert (seqs, owed, log.alarms()) == ([0, 1, 2][:kept], (), [])
        assert store.boot.previous_last_seq == (kept - 1 if kept else None)


def test_zeros_at_the_end_are_a_torn_tail_too(tmp_path: Path) -> None:
    store = store_in(tmp_path / "a")
    store.append([sealed(1, 0), sealed(1, 1)])
    (path,) = (tmp_path / "a").glob("*.seg")
    path.write_bytes(path.read_bytes() + bytes(4096))
    store.close()
    log = Ear()

    seqs, owed, _ = reopened(tmp_path / "a", log)

    assert (seqs, owed, log.alarms()) == ([0, 1], (), [])
    assert ("info", "spool.tail_cut") in log.heard


def test_a_torn_tail_is_cut_off_once(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, 0, 1)
    path.write_bytes(path.read_bytes() + b"half a record")
    reopened(tmp_path)
    log = Ear()

    reopened(tmp_path, log)

    assert ("info", "spool.tail_cut") not in log.heard


def test_a_flipped_bit_anywhere_costs_one_record_which_is_named_and_told_once(tmp_path: Path) -> None:
    (path,) = filled(tmp_path / "seed", 0, 4, 5)
    ends = [item.end for item in scan(path.read_bytes())]

    for at in range(0, len(path.read_bytes()), 7):
        folder, log = tmp_path / str(at), Ear()
        assert filled(folder, 0, 4, 5)
        flip(folder / path.name, at)
        hit = None if at < 16 else sum(end <= at for end in ends)
        seqs, owed, _ = reopened(folder, log)
        lost = () if hit is None else (LostRange(1, (0, 4, 5)[hit], (0, 4, 5)[hit], "damaged"),)
        assert (seqs, owed) == ([seq for index, seq in enumerate((0, 4, 5)) if index != hit], lost)
        assert log.alarms() == ["spool.segment_damaged", *(["spool.batches_lost"] if lost else [])]
        again = Ear()
        store = store_in(folder, again)
        assert store.append([]).owed == owed
        assert store.append([sealed(store.boot.boot, 0, tells=owed)]).owed == ()
        assert again.alarms() == []
        store.close()


def test_damage_that_was_settled_already_is_no_loss(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append([sealed(1, seq) for seq in range(3)])
    store.settle(store.lease(1)[0].key, Acked())
    store.close()
    (path,) = tmp_path.glob("*.seg")
    flip(path, 80)

    seqs, owed, _ = reopened(tmp_path)

    assert (seqs, owed) == ([1, 2], ())


def test_a_segment_of_nothing_but_noise_does_not_stop_the_agent(tmp_path: Path) -> None:
    first, second = filled(tmp_path, *range(8), size=84)
    first.write_bytes(b"\xa5" * first.stat().st_size)
    log = Ear()

    seqs, owed, _ = reopened(tmp_path, log)

    # Only the last one of the noise can be named, by the record after it; the others are a gap in the sequence.
    assert (seqs, owed) == ([5, 6, 7], (LostRange(1, 4, 4, "damaged"),))
    assert log.alarms() == ["spool.segment_damaged", "spool.batches_lost"]
    assert second.exists()


def test_a_vanished_segment_is_noticed(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, 0, 1, 2)
    path.unlink()

    seqs, owed, store = reopened(tmp_path)

    assert (seqs, owed) == ([], (LostRange(1, 2, 2, "damaged"),))
    assert store.boot.previous_last_seq == 2


def test_a_segment_of_a_newer_format_is_set_aside_and_stays(tmp_path: Path) -> None:
    filled(tmp_path, 0)
    newer = bytearray(file_header(StreamName(3)))
    newer[8] = 3
    newer[12:] = zlib.crc32(newer[:12]).to_bytes(4, "little")
    (tmp_path / "3-0000000007.seg").write_bytes(newer + b"what the future writes")
    log = Ear()

    seqs, owed, _ = reopened(tmp_path, log)
    filled(tmp_path, 0)

    assert (seqs, owed, log.alarms()) == ([0], (), ["spool.segment_set_aside"])
    assert (tmp_path / "3-0000000007.seg.v3").read_bytes() == newer + b"what the future writes"
    assert max(tmp_path.glob("3-*.seg")).name > "3-0000000007.seg"


def test_a_segment_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    filled(tmp_path, 0)
    (tmp_path / "3-0000000007.seg").mkdir()  # reading it fails, as reading a bad block does
    log = Ear()

    seqs, _, _ = reopened(tmp_path, log)

    assert seqs == [0]
    assert ("error", "spool.segment_set_aside") in log.heard


@pytest.mark.parametrize("damage", ["missing", "flipped"])
def test_without_the_state_the_segments_tell_what_there_is(tmp_path: Path, damage: str) -> None:
    filled(tmp_path, 0, 1, 2)
    for name in ("state.json", "opened.json"):
        if damage == "missing":
            (tmp_path / name).unlink()
        else:
            flip(tmp_path / name, 20)
    log = Ear()

    seqs, owed, store = reopened(tmp_path, log)

    assert (seqs, owed, log.alarms()) == ([0, 1, 2], (), ["spool.state_lost"])
    assert (store.boot.boot, store.boot.previous_boot, store.boot.previous_last_seq) == (2, 1, 2)


def test_without_the_state_and_without_segments_its_copy_keeps_the_boot_growing(tmp_path: Path) -> None:
    for _ in range(5):
        store_in(tmp_path).close()
    flip(tmp_path / "state.json", 20)

    store = store_in(tmp_path, log := Ear())

    assert (store.boot.boot, store.boot.previous_boot) == (6, 5)
    assert log.alarms() == ["spool.state_lost"]
    store.close()


def test_a_start_that_is_cut_before_the_damage_is_mended_owes_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = filled(tmp_path, 0, 4, 5)
    flip(path, 250)
    with monkeypatch.context() as patched:
        patched.setattr("edge_agent.spool.files.SpoolFiles.replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
        reopened(tmp_path, log := Ear())
    assert "spool.segment_mend_failed" in log.alarms()

    _, owed, _ = reopened(tmp_path)

    assert owed == (LostRange(1, 4, 4, "damaged"),)


def with_a_teller(folder: Path) -> list[Path]:
    """A folder where 1/0 was refused and 1/1 tells it, as noted; its segments in order."""
    store = store_in(folder)
    store.append([sealed(1, 0)])
    store.settle(store.lease(1)[0].key, Refused("too big"))
    store.append([sealed(1, 1, tells=store.append([]).owed), sealed(1, 2)])
    store.close()
    return sorted(folder.glob("*.seg"))


def test_a_loss_stays_told_over_a_start_while_its_teller_is_on_disk(tmp_path: Path) -> None:
    with_a_teller(tmp_path)

    seqs, owed, _ = reopened(tmp_path)

    assert (seqs, owed) == ([1, 2], ())


def test_a_loss_whose_teller_is_found_damaged_is_owed_again_with_it(tmp_path: Path) -> None:
    (path,) = with_a_teller(tmp_path)
    spans = [(item.start, item.end) for item in scan(path.read_bytes())]
    flip(path, spans[1][1] - 1)

    seqs, owed, _ = reopened(tmp_path)

    assert (seqs, owed) == ([2], (LostRange(1, 0, 0, "refused"), LostRange(1, 1, 1, "damaged")))


def test_a_loss_whose_teller_is_gone_without_a_name_is_owed_again(tmp_path: Path) -> None:
    (path,) = with_a_teller(tmp_path)
    path.write_bytes(file_header(StreamName(3)))

    _, owed, _ = reopened(tmp_path)

    assert owed == (LostRange(1, 0, 0, "refused"), LostRange(1, 2, 2, "damaged"))


def test_every_file_is_for_the_owner_alone(tmp_path: Path) -> None:
    filled(tmp_path / "spool", 0)

    for path in (tmp_path / "spool").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_two_owners_of_one_folder_are_one_too_many(tmp_path: Path) -> None:
    store = store_in(tmp_path)

    with pytest.raises(SpoolUnusable, match="another process uses it") as refused:
        store_in(tmp_path)

    assert refused.value.hint
    store.close()
    store_in(tmp_path).close()


def test_a_folder_that_is_a_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a folder")

    with pytest.raises(SpoolUnusable, match=r"the spool in .*/spool cannot be used: File exists") as refused:
        store_in(tmp_path / "spool")

    assert "folder it may write" in refused.value.sentence()


def test_a_folder_that_cannot_be_written_is_refused_and_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr("edge_agent.spool.files.write_durably", read_only)
        with pytest.raises(SpoolUnusable, match="Read-only file system"):
            store_in(tmp_path)

    store_in(tmp_path).close()


def test_leftovers_of_interrupted_writes_are_removed(tmp_path: Path) -> None:
    filled(tmp_path, 0)
    (tmp_path / "state.json.tmp").write_bytes(b"half")

    reopened(tmp_path)

    assert list(tmp_path.glob("*.tmp")) == []


def test_keys_of_several_boots_are_offered_oldest_first(tmp_path: Path) -> None:
    filled(tmp_path, 5, 6)
    filled(tmp_path, 0, 1)

    store = store_in(tmp_path)

    assert [envelope.key for envelope in store.lease(9)] == [
        EnvelopeKey(1, 5),
        EnvelopeKey(1, 6),
        EnvelopeKey(2, 0),
        EnvelopeKey(2, 1),
    ]
    store.close()


def test_a_segment_that_the_state_forgot_is_not_offered_again_when_a_power_cut_brings_it_back(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for seq in range(3):
        store.append([sealed(1, seq, size=900)])
    before = {path: path.read_bytes() for path in sorted(tmp_path.glob("*.seg"))}
    for envelope in store.lease(3):
        store.settle(envelope.key, Acked() if envelope.key.seq == 1 else Deferred("later"))
    store.close()
    for path, content in before.items():
        path.write_bytes(content)

    seqs, owed, _ = reopened(tmp_path, log := Ear())

    assert len(before) == 3
    assert (seqs, owed, log.alarms()) == ([0, 2], (), [])
    assert len(list(tmp_path.glob("*.seg"))) == 2


def test_a_segment_that_the_state_forgot_may_be_torn_without_being_damage(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    for seq in range(3):
        store.append([sealed(1, seq, size=900)])
    middle = sorted(tmp_path.glob("*.seg"))[1]
    content = middle.read_bytes()
    for envelope in store.lease(3):
        store.settle(envelope.key, Acked() if envelope.key.seq == 1 else Deferred("later"))
    store.close()
    middle.write_bytes(content[:500])

    seqs, owed, _ = reopened(tmp_path, log := Ear())

    assert (seqs, owed, log.alarms()) == ([0, 2], (), [])


class Killed(BaseException):
    """The process is gone; nothing after this line runs."""


def test_what_a_killed_process_had_not_synced_outlives_the_power_once_a_start_has_offered_it() -> None:
    disk = SimulatedDisk(Path("/data"))

    def store_on() -> Store:
        return open_store(Path("/data/spool"), cap_bytes=1_000_000, segment_bytes=1_000, log=Ear(), disk=disk)

    def kill(act: str) -> None:
        if act == "fdatasync":
            raise Killed

    store = store_on()
    disk.before = kill
    with pytest.raises(Killed):
        store.append([sealed(1, 0)])
    disk.before = lambda _act: None
    disk.kill()
    assert [envelope.key.seq for envelope in store_on().lease(9)] == [0]

    disk = disk.crash(LOST)

    assert [envelope.key.seq for envelope in store_on().lease(9)] == [0]


def test_a_spool_of_a_newer_release_stays_and_the_boot_goes_beyond_it(tmp_path: Path) -> None:
    filled(tmp_path, 0, 1)
    text = b'{"version":2,"boot":40,"last_seq":7,"streams":"otherwise"}'
    newer = b"%08x %s\n" % (zlib.crc32(text), text)
    for name in ("state.json", "opened.json"):
        (tmp_path / name).write_bytes(newer)
    log = Ear()

    seqs, owed, store = reopened(tmp_path, log)

    assert (seqs, owed, log.alarms()) == ([0, 1], (), ["spool.state_set_aside"] * 2)
    assert (store.boot.boot, store.boot.previous_boot, store.boot.previous_last_seq) == (41, 40, 7)
    assert (tmp_path / "state.json.v2.boot40").read_bytes() == newer
    assert reopened(tmp_path, again := Ear())[2].boot.boot == 42
    assert again.alarms() == []


def test_a_segment_that_vanished_between_two_is_told_with_what_the_next_one_names(tmp_path: Path) -> None:
    first, middle, last = filled(tmp_path, *range(9))[:3]
    gone = [item.key.seq for item in scan(middle.read_bytes()) if item.key]
    middle.unlink()
    log = Ear()

    seqs, owed, store = reopened(tmp_path, log)

    assert seqs == [seq for seq in range(9) if seq not in gone]
    assert owed == (LostRange(1, gone[-1], gone[-1], "damaged"),)
    assert (log.alarms(), store.damage.missing_segments) == (["spool.segments_missing", "spool.batches_lost"], 1)
    assert first.exists()
    assert last.exists()
    reopened(tmp_path, again := Ear())
    assert again.alarms() == []


def test_a_delivered_segment_between_two_is_not_missed(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.append([sealed(1, seq) for seq in range(9)])
    middle = scan(sorted(tmp_path.glob("*.seg"))[1].read_bytes())
    keys = {item.key for item in middle}
    for envelope in store.lease(9):
        if envelope.key in keys:
            store.settle(envelope.key, Acked())
    store.close()
    log = Ear()

    seqs, owed, _ = reopened(tmp_path, log)

    assert (len(seqs), owed, log.alarms()) == (9 - len(keys), (), [])


def test_of_a_damaged_segment_a_copy_is_kept_even_where_nothing_in_it_can_be_read(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, 0, 1)
    path.write_bytes(b"\xa5" * 300)

    reopened(tmp_path)

    (kept,) = (tmp_path / "damaged").iterdir()
    assert kept.read_bytes() == b"\xa5" * 300
    assert not path.exists()


def test_a_body_that_rotted_in_the_midst_of_a_backlog_is_told_when_it_is_leased(tmp_path: Path) -> None:
    first, *_ = filled(tmp_path, *range(9))
    flip(first, list(scan(first.read_bytes()))[1].end - 1)
    log = Ear()

    seqs, owed, _ = reopened(tmp_path, log)

    assert (seqs, owed) == ([0, *range(2, 9)], (LostRange(1, 1, 1, "damaged"),))
    assert log.alarms() == ["spool.batches_lost"]


def test_a_suspended_gateway_is_not_powered_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_in(tmp_path)
    read_ns = time.clock_gettime_ns
    monkeypatch.setattr(time, "clock_gettime_ns", lambda clock: read_ns(clock) + 10**9 * 86_400)

    assert store.powered_s < 3_600
