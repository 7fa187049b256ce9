import json
from asyncio import to_thread
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_agent.errors import BadSettings, KeyUnavailable, WorkloadRefused
from edge_agent.localhub.hub import LocalHub
from edge_agent.spool.at_rest import KEY_BYTES
from edge_agent.spool.key_sources import KeyFile, WrappedKey
from edge_agent.spool.workload import WorkloadApi
from tests.localhub.conftest import address
from tests.spool.parts import Ear, sealed

__all__ = ["address"]


def key_file(path: Path, content: bytes = bytes(KEY_BYTES), mode: int = 0o600) -> KeyFile:
    path.write_bytes(content)
    path.chmod(mode)
    return KeyFile(path)


def test_the_same_file_gives_the_same_key(tmp_path: Path) -> None:
    source = key_file(tmp_path / "key")

    assert source.key().decrypted(source.key().encrypted(sealed(1, 7))) == sealed(1, 7)


def test_a_file_that_is_not_there_may_come(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match="key: No such file"):
        KeyFile(tmp_path / "key").key()


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o640, 0o644, 0o620])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(BadSettings, match=f"^SPOOL_KEY_FILE: .*key: others may .*mode 0{mode:o}.: chmod 600 it$"):
        key_file(tmp_path / "key", mode=mode).key()


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_file_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(BadSettings, match=f"a key has 32 bytes, this file has {length}$"):
        key_file(tmp_path / "key", bytes(length)).key()


@pytest.fixture
async def hub(tmp_path: Path, address: str) -> AsyncIterator[LocalHub]:
    hub = LocalHub(tmp_path / "hub", address)
    await hub.start()
    yield hub
    await hub.stop()


def daemon_of(hub: LocalHub) -> WorkloadApi:
    variables = hub.environment("workload")
    return WorkloadApi(
        variables["IOTEDGE_WORKLOADURI"],
        variables["IOTEDGE_APIVERSION"],
        variables["IOTEDGE_MODULEID"],
        variables["IOTEDGE_MODULEGENERATIONID"],
    )


async def test_a_key_is_made_once_and_is_on_disk_only_wrapped(tmp_path: Path, hub: LocalHub) -> None:
    source = WrappedKey(tmp_path / "spool.key", daemon_of(hub), Ear())
    first = await to_thread(source.key)
    kept = source.path.read_bytes()

    assert (await to_thread(source.key)).decrypted(first.encrypted(sealed(1, 7))) == sealed(1, 7)
    assert source.path.read_bytes() == kept
    assert source.path.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(kept)) == {"initializationVector", "ciphertext"}


async def test_while_the_daemon_is_down_the_key_may_come(tmp_path: Path, hub: LocalHub) -> None:
    source = WrappedKey(tmp_path / "spool.key", daemon_of(hub), Ear())
    await to_thread(source.key)
    kept = source.path.read_bytes()
    await hub.stop()

    with pytest.raises(KeyUnavailable, match=r"workload.sock does not answer"):
        await to_thread(source.key)
    assert source.path.read_bytes() == kept


@dataclass
class Daemon:
    """Wraps by adding its secret; refuses what was wrapped with another, and the first `refusals` of anything."""

    secret: bytes
    refusals: int = 0
    unwraps: bool = True

    def encrypt(self, plaintext: bytes, initialization_vector: bytes) -> bytes:
        if self.secret == b"":
            raise WorkloadRefused(500, "no key service")
        return self.secret + initialization_vector + plaintext

    def decrypt(self, ciphertext: bytes, initialization_vector: bytes) -> bytes:
        self.refusals -= 1
        prefix = self.secret + initialization_vector
        if self.refusals >= 0 or not self.unwraps or not ciphertext.startswith(prefix):
            raise WorkloadRefused(500, "could not decrypt")
        return ciphertext.removeprefix(prefix)


def test_a_key_that_the_daemon_can_never_unwrap_is_kept_and_another_takes_over(tmp_path: Path) -> None:
    path, ear = tmp_path / "spool.key", Ear()
    old = WrappedKey(path, Daemon(b"device"), ear).key().encrypted(sealed(1, 7))
    kept = path.read_bytes()

    new = WrappedKey(path, Daemon(b"device provisioned anew"), ear).key()

    assert not new.fits(old)
    assert ear.alarms() == ["spool.key_replaced"]
    (aside,) = tmp_path.glob("spool.key.*")
    assert aside.read_bytes() == kept
    aside.rename(path)
    assert WrappedKey(path, Daemon(b"device"), ear).key().decrypted(old) == sealed(1, 7)


def test_a_damaged_file_is_kept_and_another_key_takes_over(tmp_path: Path) -> None:
    path = tmp_path / "spool.key"
    for content in (b"", b"[]", b"{}", b'{"initializationVector": 1, "ciphertext": "*"}', b"\xff"):
        path.write_bytes(content)
        key = WrappedKey(path, Daemon(b"device"), Ear()).key()
        assert WrappedKey(path, Daemon(b"device"), Ear()).key().fits(key.encrypted(sealed(1, 7)))
    assert len(list(tmp_path.glob("spool.key.*"))) == 5


def test_a_daemon_that_was_only_coming_up_costs_no_key(tmp_path: Path) -> None:
    path, ear = tmp_path / "spool.key", Ear()
    old = WrappedKey(path, Daemon(b"device"), ear).key().encrypted(sealed(1, 7))

    assert WrappedKey(path, Daemon(b"device", refusals=1), ear).key().fits(old)
    assert ear.alarms() == []


def test_no_key_is_taken_that_could_not_be_had_again(tmp_path: Path) -> None:
    path = tmp_path / "spool.key"

    with pytest.raises(KeyUnavailable, match="does not unwrap"):
        WrappedKey(path, Daemon(b"device", unwraps=False), Ear()).key()
    with pytest.raises(KeyUnavailable, match="no key service"):
        WrappedKey(path, Daemon(b""), Ear()).key()
    with pytest.raises(KeyUnavailable, match="No such file"):
        WrappedKey(tmp_path / "nowhere" / "spool.key", Daemon(b"device"), Ear()).key()
    assert not path.exists()
