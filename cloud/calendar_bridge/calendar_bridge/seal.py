"""Sealing an item for one car: X25519, HKDF-SHA256, AES-256-GCM (docs/cabin-api.md, `calendar/1`)."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from calendar_bridge.errors import LinkRejected
from calendar_bridge.records import Item

KEY_BYTES = 32
INFO = b"cabin calendar/1"
NONCE = bytes(12)
"""Each key seals once, so it need not differ."""


class Sealer:
    """Seals to one car's public key."""

    def __init__(self, car_key: str) -> None:
        """`car_key` is base64url of 32 bytes. Raises LinkRejected."""
        self._car = public_bytes(car_key)
        self._public = X25519PublicKey.from_public_bytes(self._car)

    def seal(self, item: Item, *, profile: str, version: int, ephemeral: bytes | None = None) -> str:
        """`s` of the twin's item. `ephemeral` is a fresh private key but in tests.

        Raises LinkRejected for a key with which nothing can be kept secret (a point of small order).
        """
        own = X25519PrivateKey.from_private_bytes(ephemeral) if ephemeral else X25519PrivateKey.generate()
        public = own.public_key().public_bytes_raw()
        try:
            shared = own.exchange(self._public)
        except ValueError as error:
            raise LinkRejected("the car's key is not one") from error
        key = HKDF(SHA256(), KEY_BYTES, public + self._car, INFO).derive(shared)
        bound = b"\0".join(part.encode() for part in (profile, item.key, str(version), str(item.until_s)))
        return base64.urlsafe_b64encode(public + AESGCM(key).encrypt(NONCE, item.plain, bound)).rstrip(b"=").decode()


def public_bytes(car_key: str) -> bytes:
    """Raises LinkRejected where it is not base64url of 32 bytes."""
    try:
        raw = base64.b64decode(car_key + "=" * (-len(car_key) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise LinkRejected("the car's key is not base64url") from error
    if len(raw) != KEY_BYTES:
        raise LinkRejected(f"the car's key must have {KEY_BYTES} bytes")
    return raw
