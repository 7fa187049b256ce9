import pytest

from calendar_bridge import http
from calendar_bridge.credentials import ManagedIdentity, SharedAccess
from calendar_bridge.errors import BadSettings, Unreachable
from tests.cloud.calendar_bridge.fake_azure import POLICY_KEY, signed
from tests.cloud.calendar_bridge.stage import NOON_S
from tests.cloud.calendar_bridge.web_server import Asked, Reply, WebServer


async def test_a_shared_access_signature_is_for_one_hub_and_one_hour() -> None:
    text = await SharedAccess("hub.example", "service", POLICY_KEY).authorization(NOON_S)

    assert signed(text, "hub.example")
    assert not signed(text, "other.example")
    assert f"&se={int(NOON_S) + 3600}&" in text


def test_a_key_that_is_none_is_a_bad_setting() -> None:
    with pytest.raises(BadSettings):
        SharedAccess("hub.example", "service", "no key!")


async def test_a_managed_identity_is_asked_again_only_before_its_token_ends() -> None:
    def token(asked: Asked) -> Reply:
        assert asked.headers["x-identity-header"] == "header"
        assert asked.query == {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}
        return Reply(200, {"access_token": f"t{len(server.asked)}", "expires_on": str(int(NOON_S) + 3600)})

    with WebServer().running() as server:
        server.routes["/msi/token"] = token
        async with http.opened() as web:
            identity = ManagedIdentity(web, f"{server.url}/msi/token", "header", "https://vault.azure.net")
            said = [await identity.authorization(NOON_S + seconds) for seconds in (0, 3200, 3400)]
            assert said == ["Bearer t1", "Bearer t1", "Bearer t2"]
            server.routes["/msi/token"] = lambda _: Reply(200, {"access_token": 1})
            with pytest.raises(Unreachable):
                await identity.authorization(NOON_S + 9999)
