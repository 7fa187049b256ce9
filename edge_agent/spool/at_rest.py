"""Payloads encrypted on disk, with AES-256-GCM and one data key a vehicle.

Encrypted is the payload. What the spool itself must know stays readable: boot and sequence, priority, lane, the rule's
name, schema and content type, when it was appended, how long it is. So is what a lost range tells.

    encrypted payload = 4 bytes of the key's name | 12 bytes nonce | ciphertext | 16 bytes tag

The name, the beginning of the key's SHA-256, tells a record of another key from a damaged one. The tag also binds the
boot, the sequence, the priority, the purposes and the readable fields that go with the envelope, so that no record can
be passed off as another. The CRC of the record covers what is on disk, so damage is found without the key.

Nonces are random. Counted ones would hang on the state of this folder, which can be lost or set back to an older copy
while the key lives on, and one repeat under GCM betrays both payloads. NIST SP 800-38D (8.3) allows 2**32 random nonces
a key: at ten batches a second, day and night, 13 years. So the key is never changed for its age, and there is no
rotation: for a new key, let the spool run empty, then take the old one away.
"""

import hashlib
import json
import os
from dataclasses import replace
from typing import Protocol

from edge_agent.records import Envelope

KEY_BYTES = 32
_NAME_BYTES, _NONCE_BYTES, _TAG_BYTES = 4, 12, 16
OVERHEAD_BYTES = _NAME_BYTES + _NONCE_BYTES + _TAG_BYTES
"""by which encrypting makes a payload longer"""
_LAYOUT = 1


class DataKey:
    """256 bits, and what is done with them."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise AssertionError(f"a data key has {KEY_BYTES} bytes, not {len(key)}")
        # 7 MB, for which a spool that encrypts nothing has no use.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._name = hashlib.sha256(key).digest()[:_NAME_BYTES]
        self._cipher = AESGCM(key)
        self._not_authentic = InvalidTag

    def encrypted(self, envelope: Envelope) -> Envelope:
        """With the payload as it may lie on disk, `OVERHEAD_BYTES` longer."""
        # Waits on a device that has just started until the kernel has gathered enough to be random (getrandom(2)).
        nonce = os.urandom(_NONCE_BYTES)
        payload = self._cipher.encrypt(nonce, envelope.payload, _bound(envelope))
        return replace(envelope, payload=self._name + nonce + payload)

    def fits(self, envelope: Envelope) -> bool:
        """Whether this key encrypted it, or damage makes it look so."""
        return envelope.payload.startswith(self._name)

    def decrypted(self, envelope: Envelope) -> Envelope | None:
        """As it was before `encrypted`; None where it is damaged, another's, or of another key."""
        body = envelope.payload[_NAME_BYTES:]
        nonce, ciphertext = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        if not self.fits(envelope) or len(ciphertext) < _TAG_BYTES:
            return None
        try:
            return replace(envelope, payload=self._cipher.decrypt(nonce, ciphertext, _bound(envelope)))
        except self._not_authentic:
            return None


class KeySource(Protocol):
    """Where the data key comes from."""

    def key(self) -> DataKey:
        """The vehicle's key. Blocking. Raises KeyUnavailable where it may come later, BadSettings where it will not."""


class AtRest:
    """What a spool does with payloads: with no source, nothing; with one, it waits until the key is there."""

    def __init__(self, source: KeySource | None = None) -> None:
        self._source = source
        self._key: DataKey | None = None

    @property
    def encrypts(self) -> bool:
        """Whether payloads are to be encrypted."""
        return self._source is not None

    @property
    def waits(self) -> bool:
        """Whether payloads are to be encrypted and the key is not here yet."""
        return self._source is not None and self._key is None

    def fetch_key(self) -> None:
        """Get the key if it is wanted and not here. Blocking. Raises KeyUnavailable or BadSettings."""
        if self._source is not None and self._key is None:
            self._key = self._source.key()

    def encrypted(self, envelope: Envelope) -> Envelope:
        """As it is to lie on disk; after `fetch_key`."""
        if self.waits:
            raise AssertionError("nothing may be written before the key is here")
        return envelope if self._key is None else self._key.encrypted(envelope)

    def has_key_of(self, envelope: Envelope) -> bool:
        """Whether an encrypted envelope is of the key that is here."""
        return self._key is not None and self._key.fits(envelope)

    def decrypted(self, envelope: Envelope) -> Envelope | None:
        """As it was before it was encrypted; None where it is damaged, or `has_key_of` it is false."""
        return None if self._key is None else self._key.decrypted(envelope)


def _bound(envelope: Envelope) -> bytes:
    """What the tag holds together with the payload: all that leaves the spool beside it."""
    key = envelope.key
    fields: list[str | int] = [
        _LAYOUT,
        key.boot,
        key.seq,
        envelope.priority,
        envelope.lane.value,
        envelope.upload.value,
    ]
    fields += [envelope.rule, envelope.schema, envelope.content_type, envelope.content_encoding]
    if envelope.purposes is not None:
        fields.append(int(envelope.purposes))
    return json.dumps(fields).encode()
