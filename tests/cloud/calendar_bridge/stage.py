"""The whole bridge around one driver, over real HTTP to the fakes, by a clock that is set."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from calendar_bridge import http
from calendar_bridge.access import Access
from calendar_bridge.credentials import SharedAccess
from calendar_bridge.entra import Entra
from calendar_bridge.follower import Follower, World
from calendar_bridge.graph import Graph
from calendar_bridge.iothub import IotHub
from calendar_bridge.ports import Grants, Http
from calendar_bridge.records import Grant
from tests.cloud.calendar_bridge.car import Car
from tests.cloud.calendar_bridge.fake_azure import POLICY_KEY, FakeHub
from tests.cloud.calendar_bridge.fake_graph import FakeGraph
from tests.cloud.calendar_bridge.mailbox import Shown, shown_to_the_driver
from tests.cloud.calendar_bridge.web_server import WebServer

NOON_S = 1_795_348_800.0
"""2026-11-22T12:00:00Z"""
VEHICLE, PROFILE, HOST = "demo-vehicle", "p1", "hub.example"


@dataclass(slots=True)
class SetClock:
    s: float = NOON_S

    def now_s(self) -> float:
        return self.s


class Stage:
    def __init__(self, server: WebServer, web: Http, folder: Grants) -> None:
        self.server, self.web, self.grants = server, web, folder
        self.clock = SetClock()
        self.graph, self.hub, self.car = FakeGraph(server), FakeHub(server, HOST), Car()
        self.graph.validates = False
        self.hub.desired[VEHICLE] = {"schema_version": 1, "market": "strict"}
        self.hub.reported[VEHICLE] = {"calendar": {"key": self.car.key.public_text}}
        self.follower = self.restarted()

    def restarted(self) -> Follower:
        """Another process, with the grant as it was kept."""
        grant = Grant("g1", VEHICLE, PROFILE, self.car.key.public_text, self.graph.refresh_token)
        self.access = Access(grant, self.consents, self.grants)
        self.follower = Follower(self.access, self.world, "g1.secret", first_s=self.clock.s)
        return self.follower

    @property
    def consents(self) -> Entra:
        return Entra(
            self.web,
            self.clock,
            f"{self.server.url}/common/oauth2/v2.0",
            client_id="client",
            client_secret="client-secret",  # noqa: S106  the fake's
            redirect_url="https://bridge.example/linked",
        )

    @property
    def world(self) -> World:
        graph = Graph(self.web, self.clock, self.graph.url, "http://127.0.0.1:1/notifications")
        twins = IotHub(self.web, self.clock, SharedAccess(HOST, "service", POLICY_KEY), self.server.url, "cabin")
        return World(graph, graph, twins, self.clock, structlog.get_logger(), lambda: 0.5)

    async def settle(self) -> None:
        """A notification comes; retries are waited for by setting the clock."""
        self.follower.notified("g1.secret", "")
        for _ in range(40):
            await self.follower.step()
            if not (self.follower.schedule.sync.retries or self.follower.schedule.subscribe.retries):
                if self.follower.schedule.next_deadline() > self.clock.s:
                    return
            else:
                self.clock.s = max(self.clock.s, self.follower.schedule.next_deadline())
        raise AssertionError("it does not come to rest")

    def shown(self) -> list[Shown]:
        return self.car.shows(self.hub.desired[VEHICLE], PROFILE, self.clock.s)

    def expected(self) -> list[Shown]:
        return shown_to_the_driver(self.graph.appointments, self.clock.s)


@asynccontextmanager
async def stage(grants: Grants) -> AsyncIterator[Stage]:
    with WebServer().running() as server:
        async with http.opened() as web:
            yield Stage(server, web, grants)
