"""Opening what the bridge sealed for this car: X25519, HKDF-SHA256, AES-256-GCM (docs/cabin-api.md, `calendar/1`).

Each item is sealed by a fresh ephemeral key to the key that this car made, so that who reads the twin at the hub sees
sizes and times of sync alone. It does not say who sealed it: whoever can swap the reported public key, or write the
twin, can put items in. With the private key gone, nothing that was sealed to it can be opened again.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cabin.errors import MessageRejected

KEY_BYTES = 32
TAG_BYTES = 16
INFO = b"cabin calendar/1"
NONCE = bytes(12)
"""Each key seals once, so it need not differ."""
SEALED_CHARS = 4096
"""A string in a twin may have no more (Microsoft Learn, "Understand and use device twins")."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One item as the twin has it."""

    profile: str
    key: str
    version: int
    until_s: int
    """second of the Unix epoch at which it is gone, whatever happens"""
    text: str
    """base64url without padding"""


class CarKey:
    """The car's own key pair; the private half never leaves it."""

    def __init__(self, private: bytes) -> None:
        """`private` is 32 bytes, as `fresh` made them. Raises ValueError."""
        self._private = X25519PrivateKey.from_private_bytes(private)
        self.public = self._private.public_key().public_bytes_raw()
        """32 bytes"""

    @classmethod
    def fresh(cls) -> "CarKey":
        """A new one."""
        return cls(X25519PrivateKey.generate().private_bytes_raw())

    @property
    def private(self) -> bytes:
        """32 bytes, for the store alone."""
        return self._private.private_bytes_raw()

    @property
    def public_text(self) -> str:
        """As it is reported: base64url without padding."""
        return base64.urlsafe_b64encode(self.public).rstrip(b"=").decode()

    @property
    def id(self) -> str:
        """The first 8 hexadecimal digits of SHA-256 of the public key."""
        return hashlib.sha256(self.public).hexdigest()[:8]

    def open(self, sealed: Sealed) -> bytes:
        """The plain item. Raises MessageRejected, which tells nothing of what is in it."""
        place = f"calendar.{sealed.profile}.{sealed.key}"
        if len(sealed.text) > SEALED_CHARS:
            raise MessageRejected(place, f"has more than {SEALED_CHARS} characters")
        try:
            blob = base64.b64decode(sealed.text + "=" * (-len(sealed.text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise MessageRejected(place, "is not base64url") from error
        if len(blob) < KEY_BYTES + TAG_BYTES:
            raise MessageRejected(place, "is too short to be sealed")
        theirs = blob[:KEY_BYTES]
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(theirs))
            return _cipher(shared, theirs, self.public).decrypt(NONCE, blob[KEY_BYTES:], bound_to(sealed))
        except (InvalidTag, ValueError) as error:  # ValueError: a point of small order
            raise MessageRejected(place, "was not sealed to this car's key, or was changed") from error


def seal(plain: bytes, about: Sealed, car_public: bytes) -> Sealed:
    """Sealed anew, as `about` is, whose text does not matter: for a car that gives up the key it was sealed to."""
    ephemeral = X25519PrivateKey.generate()
    ours = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(car_public))
    blob = ours + _cipher(shared, ours, car_public).encrypt(NONCE, plain, bound_to(about))
    return replace(about, text=base64.urlsafe_b64encode(blob).rstrip(b"=").decode())


def _cipher(shared: bytes, ephemeral_public: bytes, car_public: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), KEY_BYTES, ephemeral_public + car_public, INFO).derive(shared))


def bound_to(sealed: Sealed) -> bytes:
    """What the seal holds besides the item: another profile, key, version or time makes it invalid."""
    parts = (sealed.profile, sealed.key, str(sealed.version), str(sealed.until_s))
    return b"\0".join(part.encode() for part in parts)
