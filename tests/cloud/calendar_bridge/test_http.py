import pytest

from calendar_bridge import http
from calendar_bridge.errors import Unreachable
from tests.cloud.calendar_bridge.web_server import Reply, WebServer


async def test_where_nobody_answers_the_host_is_told_and_not_the_address() -> None:
    async with http.opened() as web:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be asked: ConnectError") as refused:
            await web.ask("GET", "http://127.0.0.1:1/secret?token=x", {})
    assert "token" not in str(refused.value)


async def test_an_answer_that_has_no_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_BODY", 10)
    with WebServer().running() as server:
        server.routes["/"] = lambda _: Reply(200, "x" * 100)
        async with http.opened() as web:
            with pytest.raises(Unreachable, match="too large"):
                await web.ask("GET", server.url, {})


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with WebServer().running() as server:
        server.routes["/"] = lambda _: Reply(302, None, {"Location": "http://elsewhere.example"})
        async with http.opened() as web:
            assert (await web.ask("GET", server.url, {})).status == 302
