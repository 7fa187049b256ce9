import base64
import hashlib
import hmac
import json

import pytest

from edge_agent.errors import LocalHubRefused
from edge_agent.localhub.http import Request
from edge_agent.localhub.identities import Identity, ModuleId
from edge_agent.localhub.workload import Workload

KEY = b"k" * 32
AGENT = ModuleId("v1", "agent")
OTHER = ModuleId("v2", "elsewhere")
WORKLOAD = Workload(
    "v1",
    {one: Identity(one, base64.b64encode(KEY).decode(), "637 1") for one in (AGENT, OTHER)},
    "-----BEGIN CERTIFICATE-----",
)


def request_to(method: str, path: tuple[str, ...], body: object = None, api_version: bool = True) -> Request:
    return Request(method, path, {"api-version": "x"} if api_version else {}, {}, json.dumps(body).encode())


async def test_the_trust_bundle_is_the_authority() -> None:
    answer = await WORKLOAD.answer(request_to("GET", ("trust-bundle",)))
    assert answer == {"certificate": "-----BEGIN CERTIFICATE-----"}


async def test_data_is_signed_with_the_key_of_the_module() -> None:
    body = {"keyId": "primary", "algo": "HMACSHA256", "data": base64.b64encode(b"res\n1").decode()}
    answer = await WORKLOAD.answer(request_to("POST", ("modules", "agent", "genid", "637 1", "sign"), body))
    assert answer == {"digest": base64.b64encode(hmac.new(KEY, b"res\n1", hashlib.sha256).digest()).decode()}


SIGN = ("modules", "agent", "genid", "637 1", "sign")
GOOD = {"keyId": "primary", "algo": "HMACSHA256", "data": ""}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (request_to("GET", ("trust-bundle",), api_version=False), 400),
        (request_to("POST", ("trust-bundle",)), 404),
        (request_to("POST", ("modules", "agent", "genid", "other", "sign"), GOOD), 404),
        (request_to("POST", ("modules", "unknown", "genid", "637 1", "sign"), GOOD), 404),
        (request_to("POST", ("modules", "elsewhere", "genid", "637 1", "sign"), GOOD), 404),
        (request_to("POST", SIGN, {**GOOD, "algo": "HMACMD5"}), 400),
        (request_to("POST", SIGN, {**GOOD, "keyId": "secondary"}), 400),
        (request_to("POST", SIGN, {**GOOD, "data": "*"}), 400),
        (request_to("POST", SIGN, {}), 400),
        (request_to("POST", SIGN, []), 400),
        (request_to("POST", SIGN, 7), 400),
    ],
)
async def test_what_the_daemon_would_refuse_is_refused(request_: Request, status: int) -> None:
    with pytest.raises(LocalHubRefused) as refusal:
        await WORKLOAD.answer(request_)
    assert refusal.value.status == status
