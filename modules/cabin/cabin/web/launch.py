"""How the head unit's own browser proves itself: a token in a file that only its user reads, for a cookie."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

COOKIE: Final = "cabin"
_TOKEN_FILE: Final = "launch_token"  # noqa: S105  a name
_KEY_FILE: Final = "session_key"
_BYTES: Final = 32


class Launch:
    """Tokens for cookies, kept in `folder` with mode 0600.

    A token is good once: new at each start, and as soon as one was redeemed the file has the next, so that a browser
    that was restarted comes in again. A cookie stays good over restarts of the cabin, for its page comes back by
    itself; it ends when `session_key` is deleted. Raises OSError where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = _kept_key(folder / _KEY_FILE)
        self._token = ""
        self._renew()

    def redeem(self, token: str) -> str | None:
        """The cookie's value, or None for a token that is not the file's."""
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return None
        self._renew()
        name = secrets.token_urlsafe(_BYTES)
        return f"{name}.{self._signed(name)}"

    def knows(self, cookie: str) -> bool:
        """Whether this value came from `redeem`, of this start or an earlier one."""
        name, _, signature = cookie.partition(".")
        return hmac.compare_digest(signature.encode(), self._signed(name).encode())

    def _signed(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()

    def _renew(self) -> None:
        token = secrets.token_urlsafe(_BYTES)
        _write_private(self._folder / _TOKEN_FILE, token.encode() + b"\n")
        self._token = token


def _kept_key(path: Path) -> bytes:
    kept = path.read_bytes() if path.exists() else b""
    if len(kept) == _BYTES:
        return kept
    key = secrets.token_bytes(_BYTES)
    _write_private(path, key)
    return key


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
