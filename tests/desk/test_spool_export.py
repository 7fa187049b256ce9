import csv
import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.desk.show import lines_of
from edge_agent.desk.spool_entries import Selection
from edge_agent.desk.spool_export import Exported, Form, export
from edge_agent.desk.spool_folder import SpoolFolder
from edge_agent.errors import FileRefused
from edge_agent.records import Acked, Envelope
from edge_agent.spool.at_rest import AtRest
from edge_agent.spool.framing import file_header
from edge_agent.spool.key_sources import KeyFile
from edge_agent.spool.naming import StreamName
from edge_agent.spool.opening import open_store
from edge_agent.spool.reading import read_payloads
from tests.desk.spools import BATCHES, envelope, everything, filled, flip, left
from tests.spool.batches import NOON_NS
from tests.spool.parts import Ear


def no_key(_: Envelope) -> None:
    return None


def exported(
    spool: Path, to: Path, form: Form = "jsonl", selection: Selection | None = None, *, force: bool = False
) -> Exported:
    folder = SpoolFolder(spool)
    return export(folder, selection or Selection(), to, form, force=force, decrypt=no_key, progress=lambda _: None)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return left(tmp_path / "spool", *BATCHES)


def test_payloads_come_as_the_lines_that_would_be_sent(spool: Path, tmp_path: Path) -> None:
    done = exported(spool, tmp_path / "out")

    assert (done.batches, done.samples, done.captures, done.warnings) == (5, 6, 1, [])
    lines = (tmp_path / "out" / "payloads.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [0, 2, 3, 4]
    assert list(read_payloads(lines[0], "a")) == list(read_payloads(envelope(BATCHES[0], 1).payload, "a"))
    assert len(list(lines_of(tmp_path / "out" / "payloads.jsonl", batches=True))) == 4


def test_frames_come_as_logs(spool: Path, tmp_path: Path) -> None:
    exported(spool, tmp_path / "out")

    (log,) = (tmp_path / "out" / "captures").iterdir()
    assert log.name == "000001-000000001-idle.log"
    assert log.read_text().splitlines()[0] == "(1800000000.000000) can0 001#0000000000000000"


def test_samples_come_as_a_table_a_signal(spool: Path, tmp_path: Path) -> None:
    done = exported(spool, tmp_path / "out", "csv")

    assert done.samples == 6
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["Cell.Voltage.csv", "Motion.Speed.csv", "Motion.Torque.csv", "captures"]
    rows = list(csv.DictReader((tmp_path / "out" / "Motion.Speed.csv").read_text().splitlines()))
    assert [(row["t_ns"], row["rule"]) for row in rows] == [
        (str(NOON_NS), "idle"),
        (str(NOON_NS + 1_000_000), "idle"),
        (str(NOON_NS + 2_000_000), "trip"),
    ]


def test_only_what_is_meant_and_waits_is_exported(tmp_path: Path) -> None:
    store = filled(tmp_path / "spool", *BATCHES)
    store.settle(store.lease(1)[0].key, Acked())
    store.close()

    assert exported(tmp_path / "spool", tmp_path / "all").batches == 4
    done = exported(tmp_path / "spool", tmp_path / "some", selection=Selection(rules=frozenset({"idle", "trip"})))
    assert (done.batches, done.captures) == (2, 1)


def test_a_spool_that_an_agent_holds_is_exported_and_left_as_it_is(tmp_path: Path) -> None:
    store = filled(tmp_path / "spool", *BATCHES)
    before = everything(tmp_path / "spool")

    assert exported(tmp_path / "spool", tmp_path / "out").batches == 5

    assert everything(tmp_path / "spool") == before
    store.append([envelope(replace(BATCHES[0], seq=9), 1)])
    store.close()


def test_what_is_damaged_is_named_and_the_rest_comes_out(spool: Path, tmp_path: Path) -> None:
    flip(spool / "5-0000000000.seg", 300)

    done = exported(spool, tmp_path / "out")

    assert done.batches == 4
    assert done.warnings[0].startswith("5-0000000000.seg: ")
    assert done.warnings[1:] == ["cannot be read any more: batch 1/0 to 1/0"]
    assert done.sentence() == "4 batches exported, 1 of them frames, 3 samples; 2 warnings of damage"


def test_a_segment_of_a_later_format_is_named_and_left_out(spool: Path, tmp_path: Path) -> None:
    newer = bytearray(file_header(StreamName(5)))
    newer[8] = 9
    newer[12:] = zlib.crc32(newer[:12]).to_bytes(4, "little")
    (spool / "5-0000000007.seg").write_bytes(newer)

    done = exported(spool, tmp_path / "out")

    assert done.batches == 5
    assert done.warnings == ["5-0000000007.seg: is of a later release's format and was not read"]


def test_a_payload_that_is_none_is_named_and_left_out(tmp_path: Path) -> None:
    store = filled(tmp_path / "spool", BATCHES[0])
    store.append(
        [replace(envelope(BATCHES[3], 1), payload=b"{}\n"), replace(envelope(BATCHES[4], 1), schema="candump/1")]
    )
    store.close()

    done = exported(tmp_path / "spool", tmp_path / "out")

    assert done.batches == 1
    assert [warning.split(":")[0] for warning in done.warnings] == ["batch 1/3 line 1", "batch 1/4 line 1"]


def key_file(folder: Path, key: bytes) -> KeyFile:
    """A file as an agent's key lies in one."""
    path = folder / f"{key[:1].hex()}.key"
    path.write_bytes(key)
    path.chmod(0o600)
    return KeyFile(path)


def encrypted_spool(folder: Path, key: KeyFile) -> Path:
    """A spool of two batches; the second came after its agent was told to encrypt."""
    left(folder, BATCHES[0])
    store = open_store(folder, cap_bytes=10_000_000, segment_bytes=100_000, log=Ear(), at_rest=AtRest(key))
    store.append([envelope(BATCHES[3], store.boot.boot)])
    store.close()
    return folder


def test_what_is_encrypted_is_counted_and_read_with_its_key(tmp_path: Path) -> None:
    key, other = key_file(tmp_path, bytes(range(32))), key_file(tmp_path, bytes([7]) * 32)
    folder = SpoolFolder(encrypted_spool(tmp_path / "spool", key))

    without = exported(folder.path, tmp_path / "without")
    wrong, right = (
        export(
            folder,
            Selection(),
            tmp_path / name,
            "jsonl",
            force=False,
            decrypt=one.key().decrypted,
            progress=lambda _: None,
        )
        for name, one in (("wrong", other), ("right", key))
    )

    assert (without.batches, without.encrypted) == (wrong.batches, wrong.encrypted) == (1, 1)
    assert "; 1 encrypted, not readable without the right --key-file" in without.sentence()
    assert (right.batches, right.samples, right.encrypted) == (2, 4, 0)


def test_nothing_is_overwritten_unless_forced(spool: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exported(spool, out)
    (out / "payloads.jsonl").write_text("mine")
    (out / "notes").write_text("mine")

    with pytest.raises(FileRefused, match="is there already; name a new folder, or replace its files with --force"):
        exported(spool, out)
    assert (out / "payloads.jsonl").read_text() == "mine"

    exported(spool, out, force=True)
    assert ((out / "payloads.jsonl").read_text() != "mine", (out / "notes").read_text()) == (True, "mine")


def test_a_file_is_no_folder_to_export_to_even_when_forced(spool: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()

    with pytest.raises(FileRefused, match="is there already"):
        exported(spool, tmp_path / "out", force=True)


def test_an_empty_folder_may_be_exported_to(spool: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    assert exported(spool, tmp_path / "out").batches == 5


def test_what_cannot_be_written_is_named_and_leaves_nothing(spool: Path, tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be written: No such file or directory"):
        exported(spool, tmp_path / "absent" / "out")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["spool"]


def test_the_bytes_read_are_told_up_to_the_last(spool: Path, tmp_path: Path) -> None:
    told: list[int] = []
    folder = SpoolFolder(spool)

    export(folder, Selection(), tmp_path / "out", "csv", force=False, decrypt=no_key, progress=told.append)

    assert told == sorted(told)
    assert told[-1] == folder.total_bytes
