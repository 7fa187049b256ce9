"""A sealer of the tests' own, by docs/cabin-api.md; `python -m tests.cabin.calendar.sealing` writes vectors.json."""

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VECTORS = Path(__file__).parent / "vectors.json"
CAR_PRIVATE = bytes(range(32))
ITEMS = (
    {
        "title": "Quarterly review",
        "start": 1795370400,
        "end": 1795372200,
        "place": "Room 4",
        "who": "A. Example",
        "tel": "+496936505770",
        "id": "123456789",
        "link": "https://teams.example/l/meetup-join/19",
        "show": "busy",
    },
    {"title": "Müllabfuhr 🚛", "days": ["2026-11-22", "2026-11-22"]},
    {"title": "", "start": 1795370400, "end": 1795370400, "cancelled": True, "private": True},
)


def seal(
    plain: bytes,
    car_public: bytes,
    *,
    profile: str,
    key: str,
    version: int,
    until_s: int,
    ephemeral: bytes | None = None,
) -> str:
    """As the bridge does it; `ephemeral` only where the result has to be the same each time."""
    private = X25519PrivateKey.from_private_bytes(ephemeral) if ephemeral else X25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    shared = private.exchange(X25519PublicKey.from_public_bytes(car_public))
    secret = HKDF(SHA256(), 32, public + car_public, b"cabin calendar/1").derive(shared)
    bound = f"{profile}\0{key}\0{version}\0{until_s}".encode()
    return base64.urlsafe_b64encode(public + AESGCM(secret).encrypt(bytes(12), plain, bound)).rstrip(b"=").decode()


def compact(item: object) -> bytes:
    """JSON without spaces, as it is sealed."""
    return json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode()


def car_public() -> bytes:
    return X25519PrivateKey.from_private_bytes(CAR_PRIVATE).public_key().public_bytes_raw()


def vectors() -> list[dict[str, object]]:
    """Every value that another implementation needs to check itself."""
    made = []
    for number, item in enumerate(ITEMS, 1):
        ephemeral = bytes([number]) * 32
        about = {"profile": "p1", "key": f"k{number}", "version": number, "until_s": 1795971600 + number}
        sealed = seal(
            compact(item),
            car_public(),
            profile="p1",
            key=f"k{number}",
            version=number,
            until_s=1795971600 + number,
            ephemeral=ephemeral,
        )
        made.append({**about, "ephemeral_private": ephemeral.hex(), "plain": compact(item).decode(), "sealed": sealed})
    return made


if __name__ == "__main__":
    body = {"car_private": CAR_PRIVATE.hex(), "car_public": car_public().hex(), "items": vectors()}
    VECTORS.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n")
