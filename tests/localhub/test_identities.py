import base64
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.errors import BadSettings
from edge_agent.localhub.identities import HUB_HOSTNAME, Gate, Identity, ModuleId, announced_model, load_identities
from edge_agent.localhub.packets import Connect
from edge_agent.localhub.sas import make_token

AGENT, CABIN = ModuleId("v1", "agent"), ModuleId("v1", "cabin")
KEY = base64.b64encode(b"k" * 32).decode()
KNOWN = {AGENT: Identity(AGENT, KEY, "1")}
NOW_S = 1000.0


def connect_of(module: ModuleId, key: str = KEY, resource: str | None = None, expiry_s: int = 2000) -> Connect:
    resource = resource or f"{HUB_HOSTNAME}/devices/{module.device}/modules/{module.module}"
    return Connect(
        client_id="/".join(module),
        username=f"{HUB_HOSTNAME}/{module.device}/{module.module}/?api-version=2019-10-01&DeviceClientType=x",
        password=make_token(resource, key, expiry_s).encode(),
    )


def test_identities_are_made_once_and_kept_private(tmp_path: Path) -> None:
    path = tmp_path / "identities.json"
    first = load_identities(path, [AGENT])
    second = load_identities(path, [CABIN, AGENT, CABIN])
    assert path.stat().st_mode & 0o777 == 0o600
    assert second[AGENT] == first[AGENT]
    assert second.keys() == {AGENT, CABIN}
    assert second[AGENT].key != second[CABIN].key
    assert load_identities(path, []) == second


@pytest.mark.parametrize("text", ["", "[]", '{"modules": 1}', '{"modules": [{"device": "d"}]}', "{" * 9])
def test_a_file_that_is_not_a_list_of_identities_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "identities.json"
    path.write_text(text)
    with pytest.raises(BadSettings, match=r"identities\.json: not a list of identities"):
        load_identities(path, [AGENT])


@pytest.mark.parametrize(
    ("query", "model_id"),
    [
        ("api-version=1&model-id=dtmi%3Acom%3Aexample%3Avehicle%3B1", "dtmi:com:example:vehicle;1"),
        ("api-version=1", ""),
    ],
)
def test_a_client_announces_its_model_in_its_user_name(query: str, model_id: str) -> None:
    assert announced_model(replace(connect_of(AGENT), username=f"{HUB_HOSTNAME}/v1/agent/?{query}")) == model_id
    assert announced_model(replace(connect_of(AGENT), username=None)) == ""


def test_a_known_module_with_its_own_token_is_admitted() -> None:
    assert Gate(KNOWN).admit(connect_of(AGENT), None, NOW_S) == AGENT


@pytest.mark.parametrize(
    ("connect", "reason"),
    [
        (connect_of(CABIN), "module v1/cabin is not known"),
        (connect_of(AGENT, key=base64.b64encode(b"x").decode()), "signed with another key"),
        (connect_of(AGENT, resource=f"{HUB_HOSTNAME}/devices/v1/modules/cabin"), "the token is for"),
        (connect_of(AGENT, expiry_s=999), "the token expired at 999"),
        (replace(connect_of(AGENT), client_id="v1/cabin"), "client id 'v1/cabin' is not v1/agent"),
        (replace(connect_of(AGENT), username=f"{HUB_HOSTNAME}/v1/agent/?x=1"), "no api-version"),
        (replace(connect_of(AGENT), username="other.hub/v1/agent/?api-version=1"), "the hub 'other.hub' is not this"),
        (replace(connect_of(AGENT), username="v1"), "does not name a hub"),
        (Connect("v1/agent"), "does not name a hub"),
        (replace(connect_of(AGENT), password=None), "not a shared access signature"),
        (replace(connect_of(AGENT), password=b"\xff\xfe"), "not a shared access signature"),
    ],
)
def test_any_other_client_is_told_why_not(connect: Connect, reason: str) -> None:
    refusal = Gate(KNOWN).admit(connect, None, NOW_S)
    assert isinstance(refusal, str)
    assert reason in refusal
