"""The data key from a file, or wrapped by IoT Edge's workload API. Blocking.

    SPOOL_ENCRYPTION=file       SPOOL_KEY_FILE holds 32 random bytes: `(umask 077; head -c 32 /dev/urandom > FILE)`.
                                It is never made here: where a volume with the key is not mounted, a key made in its
                                place would be gone with the container, and all that it encrypted with it.
    SPOOL_ENCRYPTION=workload   made at first use, and kept in `spool.key` beside the spool as the daemon wrapped it:
                                {"initializationVector": "<base64>", "ciphertext": "<base64>"}

The daemon answers alike whether it cannot unwrap a key now or never can (500). So a refusal is put to the proof: a new
key is wrapped and unwrapped. If that works and the old key is refused again, it is lost to the daemon (the device was
provisioned anew, or the module created anew): its file is kept as `spool.key.NNNNNNNN` and the new key takes over. To
bring an old key back, stop the agent and give the file its name again.
"""

import base64
import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_agent import events
from edge_agent.durable import read_back, write_durably
from edge_agent.errors import BadSettings, Fault, KeyUnavailable, WorkloadRefused
from edge_agent.events import Log
from edge_agent.spool.at_rest import KEY_BYTES, DataKey

_VECTOR_BYTES = 12


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file that nobody but its owner may read or write."""

    path: Path

    def key(self) -> DataKey:
        """What is in the file. Raises KeyUnavailable where it cannot be read, BadSettings where it is no safe key."""
        try:
            mode = stat.S_IMODE(self.path.stat().st_mode)
            content = self.path.read_bytes()
        except OSError as error:
            raise KeyUnavailable(f"{self.path}: {error.strerror or error}") from error
        if mode & 0o077:
            raise _bad_key(self.path, f"others may read or write it (mode {mode:04o}): chmod 600 it")
        if len(content) != KEY_BYTES:
            raise _bad_key(self.path, f"a key has {KEY_BYTES} bytes, this file has {len(content)}")
        return DataKey(content)


class Wrapping(Protocol):
    """Encrypts with a key that stays where it is; `workload.WorkloadApi` does."""

    def encrypt(self, plaintext: bytes, initialization_vector: bytes) -> bytes:
        """Raises KeyUnavailable or WorkloadRefused."""

    def decrypt(self, ciphertext: bytes, initialization_vector: bytes) -> bytes:
        """Raises KeyUnavailable or WorkloadRefused."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key that is on disk only as the daemon wrapped it."""

    path: Path
    daemon: Wrapping
    log: Log

    def key(self) -> DataKey:
        """The key of `path`, or a new one where there is none that can be unwrapped. Raises KeyUnavailable."""
        try:
            kept = read_back(self.path)
            key = None if kept is None else self._unwrapped(kept)
            return DataKey(key or self._replaced(kept))
        except OSError as error:
            raise KeyUnavailable(f"{self.path}: {error.strerror or error}") from error

    def _replaced(self, kept: bytes | None) -> bytes:
        new = os.urandom(KEY_BYTES)
        wrapped = self._wrapped(new)
        if self._unwrapped(wrapped) != new:
            raise KeyUnavailable("the workload API wraps a key that it does not unwrap")
        if kept is not None:
            if old := self._unwrapped(kept):  # the daemon had only just come up
                return old
            aside = self.path.with_name(f"{self.path.name}.{hashlib.sha256(kept).hexdigest()[:8]}")
            write_durably(aside, kept)
            events.key_replaced(self.log, kept_as=str(aside))
        write_durably(self.path, wrapped)
        return new

    def _wrapped(self, key: bytes) -> bytes:
        vector = os.urandom(_VECTOR_BYTES)
        try:
            ciphertext = self.daemon.encrypt(key, vector)
        except WorkloadRefused as error:
            raise KeyUnavailable(str(error)) from error
        fields = {"initializationVector": vector, "ciphertext": ciphertext}
        return json.dumps({name: base64.b64encode(value).decode() for name, value in fields.items()}).encode()

    def _unwrapped(self, wrapped: bytes) -> bytes | None:
        """The key, or None where the daemon refuses or what is there is damaged."""
        try:
            fields = json.loads(wrapped)
            vector, ciphertext = (base64.b64decode(fields[name]) for name in ("initializationVector", "ciphertext"))
            key = self.daemon.decrypt(ciphertext, vector)
        except (WorkloadRefused, ValueError, LookupError, TypeError, RecursionError):
            return None
        return key if len(key) == KEY_BYTES else None


def _bad_key(path: Path, reason: str) -> BadSettings:
    return BadSettings([Fault("SPOOL_KEY_FILE", f"{path}: {reason}")])
