"""A store whose payloads are encrypted, over switching on and off, another key, damage, and a key that comes late."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.errors import BadSettings, DiskBusy
from edge_agent.records import Acked, Envelope, LostRange, Refused
from edge_agent.spool.at_rest import KEY_BYTES, AtRest
from edge_agent.spool.key_sources import KeyFile
from edge_agent.spool.opening import open_store
from edge_agent.spool.store import Store
from tests.spool.parts import Ear, named, sealed


def key_in(path: Path, fill: int = 1) -> AtRest:
    path.touch(mode=0o600)
    path.write_bytes(bytes([fill]) * KEY_BYTES)
    return AtRest(KeyFile(path))


class Vehicle:
    """Starts on one folder, one after another."""

    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / "spool"
        self.ear = Ear()
        self.store: Store | None = None
        self.seq = 0

    def start(self, at_rest: AtRest | None, cap_bytes: int = 1_000_000) -> Store:
        self.stop()
        self.ear, self.seq = Ear(), 0
        self.store = open_store(self.folder, cap_bytes=cap_bytes, segment_bytes=1_000, at_rest=at_rest, log=self.ear)
        return self.store

    def stop(self) -> None:
        if self.store is not None:
            self.store.close()
            self.store = None

    def append(self, count: int = 1, *, priority: int = 3, size: int = 100) -> list[Envelope]:
        assert self.store
        envelopes = [sealed(self.store.boot.boot, self.seq + one, priority, size) for one in range(count)]
        self.seq += count
        for envelope in envelopes:
            self.store.append([envelope])
        return envelopes

    def bytes_on_disk(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
def vehicle(tmp_path: Path) -> Iterator[Vehicle]:
    vehicle = Vehicle(tmp_path)
    yield vehicle
    vehicle.stop()


@pytest.fixture
def key(tmp_path: Path) -> AtRest:
    return key_in(tmp_path / "key")


def test_no_payload_is_on_disk_as_it_was_and_all_come_back(vehicle: Vehicle, key: AtRest) -> None:
    store = vehicle.start(key)
    sent = vehicle.append(30)

    assert b"<1/" not in vehicle.bytes_on_disk()
    assert b'"idle"' in vehicle.bytes_on_disk()  # the rule's name is readable: so the layout says
    store = vehicle.start(AtRest(KeyFile(vehicle.home / "key")))
    assert list(store.lease(100)) == sent
    assert vehicle.ear.alarms() == []


def test_what_was_plain_before_it_was_switched_on_is_still_delivered(vehicle: Vehicle, key: AtRest) -> None:
    vehicle.start(None)
    before = vehicle.append(5)
    store = vehicle.start(key)
    after = vehicle.append(5)

    assert set(store.lease(100)) == {*before, *after}


def test_what_is_refused_lies_encrypted_too(vehicle: Vehicle, key: AtRest) -> None:
    store = vehicle.start(key)
    (one,) = vehicle.append()
    store.lease(1)
    store.settle(one.key, Refused("for the test"))
    store.set_aside(sealed(1, 99))

    assert len(list((vehicle.folder / "refused").iterdir())) == 2
    assert b"<1/" not in vehicle.bytes_on_disk()


@pytest.mark.parametrize("other", [None, 2])
def test_without_its_key_a_batch_is_told_as_lost_and_stays(vehicle: Vehicle, key: AtRest, other: int | None) -> None:
    vehicle.start(key)
    locked = vehicle.append(30)
    files = len(list(vehicle.folder.glob("*.seg")))
    store = vehicle.start(None if other is None else key_in(vehicle.home / "other", other))
    readable = vehicle.append(5)

    assert files > 1
    assert list(store.lease(100)) == readable
    assert store.depth[0] == len(readable)
    assert vehicle.ear.alarms() == ["spool.segment_locked"] * files
    assert store.owed.to_tell() == (LostRange(1, 0, 29, "no_key"),)
    assert store.lease(100) == ()

    for envelope in readable:
        store.settle(envelope.key, Acked())
    for _ in range(2):  # with the range still owed, too
        store = vehicle.start(key)
        assert list(store.lease(100)) == locked
        store.give_back(envelope.key for envelope in locked)


def test_a_batch_that_was_to_tell_a_loss_and_is_locked_leaves_it_to_another(vehicle: Vehicle, key: AtRest) -> None:
    lost = LostRange(1, 7, 7, "cap")
    store = vehicle.start(key)
    store.owed.add([sealed(1, 7).key], "cap")
    store.append([sealed(1, 8, tells=(lost,))])
    assert store.owed.to_tell() == ()

    store = vehicle.start(None)
    assert store.lease(10) == ()
    assert set(store.owed.to_tell()) == {lost, LostRange(1, 8, 8, "no_key")}


def test_what_nobody_can_read_goes_first_when_room_is_needed(vehicle: Vehicle, key: AtRest) -> None:
    vehicle.start(key, cap_bytes=40_000)
    vehicle.append(100, priority=0)
    store = vehicle.start(None, cap_bytes=40_000)
    assert store.lease(1000) == ()
    locked = set(vehicle.folder.glob("*.seg"))

    kept = vehicle.append(120, priority=9)

    assert locked - set(vehicle.folder.glob("*.seg"))
    assert list(store.lease(1000)) == kept
    assert {one.why for one in store.owed.to_tell()} == {"no_key"}
    assert len(named(store.owed.to_tell())) == 100


def test_a_damaged_batch_is_told_from_one_without_its_key(vehicle: Vehicle, key: AtRest) -> None:
    store = vehicle.start(key)
    sent = vehicle.append(3)
    (path,) = vehicle.folder.glob("*.seg")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    assert list(store.lease(100)) == sent[:2]
    assert store.owed.to_tell() == (LostRange(1, 2, 2, "damaged"),)


def test_until_the_key_comes_nothing_is_written_or_read(vehicle: Vehicle) -> None:
    vehicle.start(None)
    before = vehicle.append(2)
    at_rest = AtRest(KeyFile(vehicle.home / "key"))
    store = vehicle.start(at_rest)

    assert vehicle.ear.alarms() == ["spool.key_awaited"]
    assert store.key_awaited
    with pytest.raises(DiskBusy, match=r"cannot be written: the spool's key is not here: .*No such file"):
        vehicle.append()
    assert store.lease(100) == ()
    store.set_aside(sealed(2, 0))
    assert not list((vehicle.folder / "refused").iterdir())
    assert "spool.refused_not_kept" in vehicle.ear.alarms()

    key_in(vehicle.home / "key")
    assert list(store.lease(100)) == before
    after = vehicle.append(2)
    assert list(store.lease(100)) == after
    assert b"<2/" not in vehicle.bytes_on_disk()


def test_a_key_that_others_can_read_ends_the_start(vehicle: Vehicle, key: AtRest) -> None:
    (vehicle.home / "key").chmod(0o644)

    with pytest.raises(BadSettings, match=r"SPOOL_KEY_FILE: .*chmod 600"):
        vehicle.start(key)


def test_every_file_of_the_folder_is_its_owners_alone(vehicle: Vehicle, key: AtRest) -> None:
    store = vehicle.start(key)
    (one,) = vehicle.append()
    store.lease(1)
    store.settle(one.key, Refused("for the test"))
    store.commit()

    paths = [vehicle.folder, *vehicle.folder.rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}
