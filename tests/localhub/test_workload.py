import asyncio
import base64
import hashlib
import hmac
import json

import pytest

from edge_agent.errors import LocalHubRefused
from edge_agent.localhub.faults import Faults
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


VECTOR = base64.b64encode(bytes(12)).decode()


def conversion(act: str, generation: str = "637 1", module: str = "agent", **body: object) -> Request:
    body = {"initializationVector": VECTOR, **body}
    return request_to("POST", ("modules", module, "genid", generation, act), body)


async def test_what_was_encrypted_can_be_decrypted() -> None:
    plaintext = base64.b64encode(b"secret").decode()
    encrypted = await WORKLOAD.answer(conversion("encrypt", plaintext=plaintext))
    assert encrypted.keys() == {"ciphertext"}
    assert await WORKLOAD.answer(conversion("decrypt", ciphertext=encrypted["ciphertext"])) == {"plaintext": plaintext}


async def test_no_other_module_and_no_later_one_of_the_name_can_decrypt() -> None:
    encrypted = await WORKLOAD.answer(conversion("encrypt", plaintext=""))
    again = Workload("v1", {AGENT: Identity(AGENT, base64.b64encode(KEY).decode(), "638")}, "")
    with pytest.raises(LocalHubRefused) as refusal:
        await again.answer(conversion("decrypt", "638", ciphertext=encrypted["ciphertext"]))
    assert refusal.value.status == 500


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
        (conversion("encrypt"), 400),
        (conversion("encrypt", plaintext="*"), 400),
        (conversion("encrypt", plaintext=7), 400),
        (conversion("encrypt", plaintext="", initializationVector=""), 500),
        (conversion("decrypt", ciphertext="", initializationVector="*"), 400),
        (conversion("decrypt", ciphertext=""), 500),
        (conversion("decrypt", "other", ciphertext=""), 404),
        (conversion("decrypt", module="unknown", ciphertext=""), 404),
    ],
)
async def test_what_the_daemon_would_refuse_is_refused(request_: Request, status: int) -> None:
    with pytest.raises(LocalHubRefused) as refusal:
        await WORKLOAD.answer(request_)
    assert refusal.value.status == status


async def test_it_fails_and_falls_silent_where_it_was_made_to() -> None:
    faults = Faults()
    workload = Workload("v1", {}, "-----BEGIN CERTIFICATE-----", faults)
    bundle = request_to("GET", ("trust-bundle",))
    faults.workload_status = 500
    with pytest.raises(LocalHubRefused) as refusal:
        await workload.answer(bundle)
    assert refusal.value.status == 500
    faults.workload_status = None
    faults.mute_workload = True
    asked = asyncio.create_task(workload.answer(bundle), name="asked")
    await asyncio.wait((asked,), timeout=0.2)
    assert not asked.done()
    faults.mute_workload = False
    assert await asyncio.wait_for(asked, 5) == {"certificate": "-----BEGIN CERTIFICATE-----"}
