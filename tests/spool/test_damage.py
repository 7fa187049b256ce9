"""A small spool, damaged in every way at every place, and what a start makes of it."""

import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edge_agent.disk import Disk
from edge_agent.records import Acked, Envelope, EnvelopeKey, Refused, Upload
from edge_agent.spool.framing import scan
from edge_agent.spool.opening import open_store
from edge_agent.spool.store import Store
from tests.spool.parts import Ear, named, sealed

Damaged = tuple[str, bytes]
"""which file of the spool, and what it holds now"""

TELLING = {
    "spool.segment_damaged",
    "spool.segments_missing",
    "spool.segment_set_aside",
    "spool.state_lost",
    "spool.tail_cut",
}


class Hasty(Disk):
    """The real disk, and nobody waits until it has written: no power is cut here, and there are thousands of starts."""

    def fdatasync(self, descriptor: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


def store_in(folder: Path, log: Ear) -> Store:
    # Big enough that nothing goes for want of room, with segments of four records.
    return open_store(folder, cap_bytes=64_000, segment_bytes=700, disk=Hasty(), log=log)


@dataclass(frozen=True)
class Spool:
    """A folder as an agent left it, and what became of each batch that was ever appended."""

    files: dict[str, bytes]
    ever: dict[EnvelopeKey, Envelope]
    """what was appended"""
    held: frozenset[EnvelopeKey]
    """what was neither delivered nor refused"""
    boot: int

    def lay_out(self, folder: Path, name: str, content: bytes | None) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "refused").mkdir(parents=True)
        for path, whole in self.files.items():
            data = content if path == name else whole
            if data is not None:
                (folder / path).write_bytes(data)


@pytest.fixture(scope="module")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    """Two boots, both kinds of link, some batches delivered out of order, one refused and told by a batch on disk."""
    folder = tmp_path_factory.mktemp("seed") / "spool"
    ever: dict[EnvelopeKey, Envelope] = {}
    gone: set[EnvelopeKey] = set()
    for _ in range(2):
        store = store_in(folder, Ear())
        for seq in range(12):
            upload = Upload.UNMETERED if seq % 3 == 0 else Upload.ANY
            one = replace(sealed(store.boot.boot, seq, 3 if seq % 4 else 7, 40), upload=upload)
            ever[one.key] = one
            store.append([one])
        leased = store.lease(5)
        for envelope in leased[1:4]:
            store.settle(envelope.key, Acked())
        gone |= {envelope.key for envelope in leased[1:]}
        store.settle(leased[4].key, Refused("too big"))
        teller = sealed(store.boot.boot, 12, 3, 40, tells=store.append([]).owed)
        store.append([teller])
        ever[teller.key] = replace(teller, tells=())
        boot = store.boot.boot
        store.close()
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in {".seg", ".json"}}
    return Spool(files, ever, frozenset(ever.keys() - gone), boot)


def flips(spool: Spool, every: int, start: int = 0) -> Iterator[Damaged]:
    """One bit of each `every`-th byte."""
    chosen = random.Random(1)  # noqa: S311  the same damage each time
    for name, whole in spool.files.items():
        for at in range(start, len(whole), every):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << chosen.randrange(8)
            yield name, bytes(damaged)


def cuts(spool: Spool, every: int) -> Iterator[Damaged]:
    """The file ends at each length."""
    for name, whole in spool.files.items():
        yield from ((name, whole[:size]) for size in range(0, len(whole), every))


def cuts_behind_a_record(spool: Spool) -> Iterator[Damaged]:
    """The file ends right behind a record, or its header: what is left looks whole."""
    for name, whole in spool.files.items():
        if name.endswith(".seg"):
            yield from ((name, whole[: item.start]) for item in scan(whole))


def blocks(spool: Spool) -> Iterator[Damaged]:
    """A block of a disk is zero, or noise, or another file's."""
    chosen = random.Random(2)  # noqa: S311  the same damage each time
    others = b"".join(spool.files.values())
    for name, whole in spool.files.items():
        for at in range(0, len(whole), 256):
            size = min(512, len(whole) - at)
            start = chosen.randrange(len(others) - size)
            for block in (bytes(size), chosen.randbytes(size), others[start : start + size]):
                yield name, whole[:at] + block + whole[at + size :]


def judge(spool: Spool, folder: Path, name: str) -> None:
    """Nothing delivered differs, and nothing is missing untold."""
    log = Ear()
    store = store_in(folder, log)
    got = {envelope.key: envelope for envelope in store.lease(10**6)}
    told = set(named(store.append([]).owed)) | {key for ranges in store.owed.told.values() for key in named(ranges)}
    assert store.boot.boot == spool.boot + 1
    for key, envelope in got.items():
        # A stale block of another stream may bring a batch that is whole; it is sent as one of the stream it lies in.
        assert envelope == replace(spool.ever[key], priority=envelope.priority, upload=envelope.upload)
    missing = spool.held - got.keys() - told
    assert not missing or TELLING.intersection(event for _level, event in log.heard), (name, missing, log.heard)
    store.close()


def judge_all(spool: Spool, folder: Path, damages: Iterable[Damaged]) -> None:
    for name, content in damages:
        spool.lay_out(folder, name, content)
        judge(spool, folder, name)


@pytest.mark.parametrize("start", [0, 11, 23])
def test_a_flipped_bit_loses_nothing_untold(spool: Spool, tmp_path: Path, start: int) -> None:
    judge_all(spool, tmp_path / "spool", flips(spool, 31, start))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_flipped_bit_in_any_byte_loses_nothing_untold(spool: Spool, tmp_path: Path) -> None:
    judge_all(spool, tmp_path / "spool", flips(spool, 1))


def test_a_file_that_ends_anywhere_loses_nothing_untold(spool: Spool, tmp_path: Path) -> None:
    judge_all(spool, tmp_path / "spool", cuts(spool, 61))


def test_records_cut_off_the_end_of_any_segment_are_missed(spool: Spool, tmp_path: Path) -> None:
    damages = list(cuts_behind_a_record(spool))

    assert damages
    judge_all(spool, tmp_path / "spool", damages)


def test_a_block_of_zeros_or_noise_or_another_file_loses_nothing_untold(spool: Spool, tmp_path: Path) -> None:
    judge_all(spool, tmp_path / "spool", blocks(spool))


def test_a_file_that_is_gone_loses_nothing_untold(spool: Spool, tmp_path: Path) -> None:
    for name in spool.files:
        spool.lay_out(tmp_path / "spool", name, None)
        judge(spool, tmp_path / "spool", name)
