"""The whole process: a phone links, Graph tells of a change, the car shows it; over real sockets."""

import asyncio
import http.client
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from calendar_bridge.app import run
from calendar_bridge.errors import BadSettings
from calendar_bridge.settings import Settings, from_environment
from tests.cloud.calendar_bridge.car import Car
from tests.cloud.calendar_bridge.fake_azure import POLICY_KEY, FakeHub
from tests.cloud.calendar_bridge.fake_graph import FakeGraph
from tests.cloud.calendar_bridge.mailbox import Appointment, shown_to_the_driver
from tests.cloud.calendar_bridge.stage import PROFILE, VEHICLE
from tests.cloud.calendar_bridge.web_server import WebServer

ADDRESS, PORT = "127.0.0.143", 8443


class Town:
    """A phone, a car, Graph, and the bridge between them."""

    def __init__(self, server: WebServer, folder: Path) -> None:
        self.graph, self.car = FakeGraph(server), Car()
        self.hub = FakeHub(server, server.url.removeprefix("http://"))
        self.hub.desired[VEHICLE] = {}
        self.hub.reported[VEHICLE] = {"calendar": {"key": self.car.key.public_text}}
        self.folder = folder
        self.settings = Settings.model_validate(
            {
                "public_url": f"http://{ADDRESS}:{PORT}",
                "client_id": "client",
                "client_secret": "client-secret",
                "tenant": "common",
                "iot_hub": server.url,
                "iot_hub_key": POLICY_KEY,
                "grants_folder": folder,
                "address": ADDRESS,
                "port": PORT,
                "graph_url": self.graph.url,
                "login_url": server.url,
            }
        )

    async def ask(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] = {}
    ) -> tuple[int, dict[str, str], str]:
        def asked() -> tuple[int, dict[str, str], str]:
            connection = http.client.HTTPConnection(ADDRESS, PORT, timeout=5)
            try:
                connection.request(method, path, body, {"Connection": "close", **headers})
                answer = connection.getresponse()
                return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
            finally:
                connection.close()

        return await asyncio.to_thread(asked)

    async def link(self) -> tuple[int, str]:
        """Scan the code, sign in, come back."""
        code = f"/link?vehicle={VEHICLE}&profile={PROFILE}&key={self.car.key.public_text}"
        status, headers, _ = await self.ask("GET", code)
        assert status == 303
        cookie = headers["set-cookie"].partition(";")[0]
        assert {"httponly", "secure", "samesite=lax"} <= set(headers["set-cookie"].lower().split("; "))
        state = self.graph.sign_in(headers["location"])
        status, _, text = await self.ask("GET", f"/linked?state={state}&code=code-1", headers={"Cookie": cookie})
        return status, text

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110  another process would be asked the same way
                await asyncio.sleep(0.01)

    def shows_all(self, now_s: float) -> bool:
        return self.car.shows(self.hub.desired[VEHICLE], PROFILE, now_s) == shown_to_the_driver(
            self.graph.appointments, now_s
        )


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    with WebServer().running() as server:
        town, stop = Town(server, tmp_path), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(run(town.settings, structlog.get_logger(), stop), name="bridge")
            await town.until(lambda: running.done() or _listens())
            yield town
            stop.set()


def _listens() -> bool:
    connection = http.client.HTTPConnection(ADDRESS, PORT, timeout=1)
    try:
        connection.connect()
    except OSError:
        return False
    finally:
        connection.close()
    return True


async def test_a_driver_links_the_calendar_and_changes_reach_the_car(town: Town) -> None:

    now_s = time.time()
    soon = datetime.fromtimestamp(int(now_s), UTC) + timedelta(hours=2)
    town.graph.put(Appointment("e1", start=soon))
    assert await town.link() == (200, "Your calendar is linked. Your next meetings are on their way to the car.")
    await town.until(lambda: bool(town.graph.subscriptions) and town.shows_all(now_s))

    town.graph.put(Appointment("e2", subject="New", start=soon))
    state = str(next(iter(town.graph.subscriptions.values()))["clientState"])
    with capture_logs() as logs:
        assert await asyncio.to_thread(town.graph.tell, {"clientState": "guess", "changeType": "created"}) == 202
        assert await asyncio.to_thread(town.graph.tell, {"clientState": state, "changeType": "created"}) == 202
        await town.until(lambda: town.shows_all(now_s))
    assert [log["event"] for log in logs if log["log_level"] == "warning"] == ["notify.notification_refused"]

    assert len(list(town.folder.iterdir())) == 1
    assert await town.link() == (200, "Your calendar is linked. Your next meetings are on their way to the car.")
    assert len(list(town.folder.iterdir())) == 1  # the one before is forgotten


async def test_a_link_that_cannot_be_is_refused_in_words(town: Town) -> None:
    assert (await town.ask("GET", "/link?vehicle=v&profile=p&key=short"))[0] == 400
    assert (await town.ask("GET", "/linked?error=access_denied"))[2].startswith("the sign-in was given up")
    assert (await town.ask("GET", "/linked?state=x&code=y"))[0] == 400
    town.hub.reported[VEHICLE] = {"calendar": {"key": "another"}}
    assert await town.link() == (400, "the car has another key by now: scan the code again")
    assert list(town.folder.iterdir()) == []


async def test_what_is_not_of_graph_is_refused(town: Town) -> None:
    assert (await town.ask("POST", "/notifications", "no json"))[0] == 400
    assert (await town.ask("POST", "/notifications", '{"value": 1}'))[0] == 400
    assert (await town.ask("POST", "/notifications", "x" * 300_000))[0] == 400
    assert (await town.ask("POST", "/notifications", '{"value": [{}, 1]}'))[0] == 202
    status, headers, text = await town.ask("POST", "/notifications?validationToken=%3Cb%3E%20%26%20%C3%BC")
    assert (status, text, headers["x-content-type-options"]) == (200, "<b> & ü", "nosniff")
    assert headers["content-type"].startswith("text/plain")
    assert (await town.ask("GET", "/health"))[0] == 200
    assert (await town.ask("GET", "/else"))[0] == 404


def test_settings_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIENT_ID", "GRANTS_FOLDER", "KEY_VAULT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadSettings, match="CLIENT_ID"):
        from_environment()
    for name in ("PUBLIC_URL", "CLIENT_ID", "CLIENT_SECRET", "IOT_HUB"):
        monkeypatch.setenv(name, "https://bridge.example")
    with pytest.raises(BadSettings, match="KEY_VAULT, or GRANTS_FOLDER"):
        from_environment()
