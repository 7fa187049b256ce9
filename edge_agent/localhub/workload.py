"""The workload API, as the IoT Edge daemon offers it to a module: trust bundle, signing, encrypting and decrypting.

As azure-iot-device 2.14.0 asks for it (iothub/edge_hsm.py) and iotedge answers
(edgelet/api/workloadVersion_2020_07_07.yaml). The daemon encrypts for all modules with one key of the device, and
binds what it encrypted to the module and its generation; here the key is made of the module's, which gives the same.
"""

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge_agent.errors import LocalHubRefused
from edge_agent.localhub.faults import Faults
from edge_agent.localhub.http import Request
from edge_agent.localhub.identities import Identity, ModuleId
from edge_agent.localhub.sas import sign
from edge_agent.localhub.twins import JsonObject

API_VERSION: Final = "2020-07-07"

_SHORTEST_VECTOR_BYTES: Final = 8
_LONGEST_VECTOR_BYTES: Final = 128
"""what OpenSSL takes for AES-GCM through `cryptography`"""
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Workload:
    """Answers for the modules of one device."""

    device: str
    known: Mapping[ModuleId, Identity]
    trust_bundle: str
    """PEM"""
    faults: Faults = field(default_factory=Faults)

    async def answer(self, request: Request) -> JsonObject:
        """The body of a 200. Raises LocalHubRefused."""
        while self.faults.mute_workload:  # noqa: ASYNC110  a knob is an attribute, which tells nobody
            await asyncio.sleep(_LOOK_S)
        if self.faults.workload_status is not None:
            raise LocalHubRefused(self.faults.workload_status, "it was made to fail")
        if "api-version" not in request.query:
            raise LocalHubRefused(400, "no api-version")
        match request.method, request.path:
            case "GET", ("trust-bundle",):
                return {"certificate": self.trust_bundle}
            case "POST", ("modules", module, "genid", generation, "sign"):
                return {"digest": sign(self._key(module, generation), _data(request.body))}
            case "POST", ("modules", module, "genid", generation, "encrypt"):
                plaintext, vector = _to_convert(request.body, "plaintext")
                return {"ciphertext": _text(self._cipher(module, generation).encrypt(vector, plaintext, b""))}
            case "POST", ("modules", module, "genid", generation, "decrypt"):
                ciphertext, vector = _to_convert(request.body, "ciphertext")
                return {"plaintext": _text(_decrypted(self._cipher(module, generation), vector, ciphertext))}
        raise LocalHubRefused(404, f"nothing at {request.method} /{'/'.join(request.path)}")

    def _key(self, module: str, generation: str) -> str:
        identity = self.known.get(ModuleId(self.device, module))
        if identity is None or identity.generation != generation:
            raise LocalHubRefused(404, f"module {module!r} of generation {generation!r} is not known")
        return identity.key

    def _cipher(self, module: str, generation: str) -> AESGCM:
        secret = f"{self._key(module, generation)}/{module}/{generation}"
        return AESGCM(hashlib.sha256(secret.encode()).digest())


def _decrypted(cipher: AESGCM, vector: bytes, ciphertext: bytes) -> bytes:
    try:
        return cipher.decrypt(vector, ciphertext, b"")
    except InvalidTag as error:
        # As the daemon answers, whose key service does not say what was wrong (module/data/decrypt.rs).
        raise LocalHubRefused(500, "could not decrypt") from error


def _to_convert(body: bytes, name: str) -> tuple[bytes, bytes]:
    """`{name: "<base64>", "initializationVector": "<base64>"}`: the data and the vector."""
    try:
        fields = json.loads(body)
        data, vector = (base64.b64decode(fields[key], validate=True) for key in (name, "initializationVector"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise LocalHubRefused(400, f"not a request to encrypt or decrypt: {error!r}") from error
    if not _SHORTEST_VECTOR_BYTES <= len(vector) <= _LONGEST_VECTOR_BYTES:
        raise LocalHubRefused(500, f"an initialization vector of {len(vector)} bytes cannot be used")
    return data, vector


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _data(body: bytes) -> bytes:
    """What is to be signed: `{"keyId": "primary", "algo": "HMACSHA256", "data": "<base64>"}`."""
    try:
        fields = json.loads(body)
        if (fields["keyId"], fields["algo"]) != ("primary", "HMACSHA256"):
            raise LocalHubRefused(400, "only the primary key and HMACSHA256 can sign")
        return base64.b64decode(fields["data"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError) as error:
        raise LocalHubRefused(400, f"not a request to sign: {error!r}") from error
