from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.records import Envelope, EnvelopeKey, Lane, Upload
from edge_agent.spool.at_rest import KEY_BYTES, OVERHEAD_BYTES, AtRest, DataKey
from edge_agent.spool.key_sources import KeyFile
from tests.spool.parts import sealed

KEY = DataKey(bytes(range(KEY_BYTES)))
OTHER = DataKey(bytes(KEY_BYTES))

ELSEWHERE = {
    "of another boot": {"key": EnvelopeKey(2, 7)},
    "of another sequence": {"key": EnvelopeKey(1, 8)},
    "of another priority": {"priority": 2},
    "of another lane": {"lane": Lane.HOT},
    "of another upload": {"upload": Upload.UNMETERED},
    "of another rule": {"rule": "other"},
    "of another schema": {"schema": "rows/1"},
    "of another content type": {"content_type": "text/plain"},
    "of another encoding": {"content_encoding": ""},
}


@given(payload=st.binary(max_size=200), rule=st.text(max_size=8))
def test_what_was_encrypted_comes_back_and_is_not_to_be_read_before(payload: bytes, rule: str) -> None:
    envelope = replace(sealed(1, 7), payload=payload, rule=rule)
    on_disk = KEY.encrypted(envelope)

    assert len(on_disk.payload) == len(payload) + OVERHEAD_BYTES
    assert len(payload) < 4 or payload not in on_disk.payload
    assert KEY.fits(on_disk)
    assert KEY.decrypted(on_disk) == envelope


@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_record_cannot_be_passed_off_as_another(changes: dict[str, object]) -> None:
    moved = replace(KEY.encrypted(sealed(1, 7)), **changes)  # type: ignore[arg-type]  # of Envelope's own fields

    assert KEY.fits(moved)
    assert KEY.decrypted(moved) is None


@given(at=st.integers(0, OVERHEAD_BYTES + 99), bit=st.integers(0, 7))
def test_one_changed_bit_is_seen(at: int, bit: int) -> None:
    on_disk = KEY.encrypted(sealed(1, 7, size=100))
    payload = bytearray(on_disk.payload)
    payload[at] ^= 1 << bit

    assert KEY.decrypted(replace(on_disk, payload=bytes(payload))) is None


@given(length=st.integers(0, OVERHEAD_BYTES - 1))
def test_a_payload_too_short_to_be_encrypted_is_none(length: int) -> None:
    on_disk = KEY.encrypted(sealed(1, 7))

    assert KEY.decrypted(replace(on_disk, payload=on_disk.payload[:length])) is None


def test_no_two_records_have_one_nonce() -> None:
    assert len({KEY.encrypted(sealed(1, 7)).payload for _ in range(100)}) == 100


def test_another_key_is_told_from_damage() -> None:
    on_disk = KEY.encrypted(sealed(1, 7))

    assert not OTHER.fits(on_disk)
    assert OTHER.decrypted(on_disk) is None


def test_without_a_source_everything_stays_as_it_is() -> None:
    at_rest, envelope = AtRest(), sealed(1, 7)
    at_rest.fetch_key()

    assert not at_rest.encrypts
    assert not at_rest.waits
    assert at_rest.encrypted(envelope) is envelope
    assert not at_rest.has_key_of(KEY.encrypted(envelope))
    assert at_rest.decrypted(KEY.encrypted(envelope)) is None


def test_nothing_is_written_before_the_key_is_here(tmp_path: Path) -> None:
    path, envelope = tmp_path / "key", sealed(1, 7)
    at_rest = AtRest(KeyFile(path))
    waited = at_rest.waits

    assert waited
    with pytest.raises(AssertionError, match="before the key"):
        at_rest.encrypted(envelope)

    path.touch(mode=0o600)
    path.write_bytes(bytes(range(KEY_BYTES)))
    at_rest.fetch_key()

    assert not at_rest.waits
    on_disk: Envelope = at_rest.encrypted(envelope)
    assert at_rest.has_key_of(on_disk)
    assert at_rest.decrypted(on_disk) == KEY.decrypted(on_disk) == envelope


def test_a_key_has_256_bits() -> None:
    with pytest.raises(AssertionError, match="32 bytes, not 16"):
        DataKey(bytes(16))
