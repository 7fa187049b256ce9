"""One meeting, sealed as a calendar's bridge does it (docs/cabin-api.md, `calendar/1`)."""

import base64
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

INFO = b"cabin calendar/1"
KEY_BYTES = 32


def sealed(
    item: Mapping[str, object], car_key: str, *, profile: str, name: str, until_s: int, version: int = 1
) -> Mapping[str, object]:
    """An entry of the cabin's twin; `car_key` as the cabin reports it, base64url without padding."""
    car = base64.urlsafe_b64decode(car_key + "=" * (-len(car_key) % 4))
    own = X25519PrivateKey.generate()
    public = own.public_key().public_bytes_raw()
    shared = own.exchange(X25519PublicKey.from_public_bytes(car))
    key = HKDF(SHA256(), KEY_BYTES, public + car, INFO).derive(shared)
    bound = b"\0".join(part.encode() for part in (profile, name, str(version), str(until_s)))
    # The key seals once, so the nonce need not differ.
    text = AESGCM(key).encrypt(bytes(12), json.dumps(item, ensure_ascii=False).encode(), bound)
    return {"n": version, "u": until_s, "s": base64.urlsafe_b64encode(public + text).rstrip(b"=").decode()}
