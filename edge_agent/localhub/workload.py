"""The workload API, as the IoT Edge daemon offers it to a module: the trust bundle, and signing with the module's key.

As azure-iot-device 2.14.0 asks for it (iothub/edge_hsm.py) and iotedge answers
(edgelet/api/workloadVersion_2020_07_07.yaml).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_agent.errors import LocalHubRefused
from edge_agent.localhub.http import Request
from edge_agent.localhub.identities import Identity, ModuleId
from edge_agent.localhub.sas import sign
from edge_agent.localhub.twins import JsonObject

API_VERSION: Final = "2020-07-07"


@dataclass(frozen=True, slots=True)
class Workload:
    """Answers for the modules of one device."""

    device: str
    known: Mapping[ModuleId, Identity]
    trust_bundle: str
    """PEM"""

    async def answer(self, request: Request) -> JsonObject:
        """The body of a 200. Raises LocalHubRefused."""
        if "api-version" not in request.query:
            raise LocalHubRefused(400, "no api-version")
        match request.method, request.path:
            case "GET", ("trust-bundle",):
                return {"certificate": self.trust_bundle}
            case "POST", ("modules", module, "genid", generation, "sign"):
                return {"digest": sign(self._key(module, generation), _data(request.body))}
        raise LocalHubRefused(404, f"nothing at {request.method} /{'/'.join(request.path)}")

    def _key(self, module: str, generation: str) -> str:
        identity = self.known.get(ModuleId(self.device, module))
        if identity is None or identity.generation != generation:
            raise LocalHubRefused(404, f"module {module!r} of generation {generation!r} is not known")
        return identity.key


def _data(body: bytes) -> bytes:
    """What is to be signed: `{"keyId": "primary", "algo": "HMACSHA256", "data": "<base64>"}`."""
    try:
        fields = json.loads(body)
        if (fields["keyId"], fields["algo"]) != ("primary", "HMACSHA256"):
            raise LocalHubRefused(400, "only the primary key and HMACSHA256 can sign")
        return base64.b64decode(fields["data"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError) as error:
        raise LocalHubRefused(400, f"not a request to sign: {error!r}") from error
