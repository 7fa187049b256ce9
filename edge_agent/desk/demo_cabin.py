"""The head unit beside the demo: the cabin's process, a driver who uses its page, a phone, and a calendar's bridge.

The agent knows nothing of the cabin, and this knows it as any other would: by its command, its page's requests, its
twin at the hub and the words of docs/cabin-api.md.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_agent.desk.demo_broker import Running
from edge_agent.desk.demo_meeting import sealed
from edge_agent.errors import LocalHubAbsent
from edge_agent.localhub.admin_client import AdminClient
from edge_agent.localhub.identities import ModuleId, load_identities

MODULE, PROFILE = "cabin", "p1"
SIGNALS = {
    "speed": "Motion.VehicleSpeed",
    "gear": "Drive.Gear",
    "ignition": "Drive.Ready",
    "parking_brake": "Brake.ParkingBrake",
    "soc": "Battery.StateOfCharge",
    "odometer": "Trip.Odometer",
    "range": "Trip.Range",
    "outside": "Climate.OutsideTemperature",
}
TAPPED = (*SIGNALS.values(), "Motion.*", "Body.*")
START_S, ASK_S, LOOK_S = 10.0, 3.0, 0.1
MEETING_IN_S = 900
"""from when it is agreed: so far ahead that the page shows it all the time"""
NUMBER, CONFERENCE = "+493023125000", "123456789"
"""A number that Germany's regulator keeps for films and the like (Bundesnetzagentur, "drama numbers")."""

Tell = Callable[[str], None]


@dataclass
class HeadUnit:
    """A cabin that serves, and whoever sits before it."""

    home: Path
    port: int
    admin: AdminClient
    device: str
    tell: Tell
    cookie: str = ""
    heads: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """For somebody's browser: good once, as every launch of the head unit's own is."""
        token = (self.home / "launch_token").read_text().strip()
        return f"http://127.0.0.1:{self.port}/?launch={token}"

    async def greet(self) -> None:
        """The driver's own browser comes in; the next token is for whoever reads the screen."""
        token = (self.home / "launch_token").read_text().strip()
        _, heads = await self._ask("GET", f"/?launch={token}")
        self.cookie = heads.get("set-cookie", "").partition(";")[0]
        self.tell(f"the head unit's page: {self.page}")

    async def agree(self) -> None:
        """While the vehicle is parked: choose who drives, allow calendar and trips; then a meeting comes."""
        await self._until(lambda view: view["drive"] == "parked")
        for purpose in ("calendar", "trips"):
            answer = {"purpose": purpose, "answer": "YES", "text_id": f"{purpose}.en", "text_version": 1}
            await self._ask("POST", "/api/v1/consent", answer)
        self.tell("the driver has allowed calendar and trips")
        key = await self._key()
        start_s = int(time.time()) + MEETING_IN_S
        item = {"title": "Fleet review", "start": start_s, "end": start_s + 1800, "tel": NUMBER, "id": CONFERENCE}
        entry = sealed(item, key, profile=PROFILE, name="review", until_s=start_s + 3600)
        await self.desire({"calendar": {PROFILE: {"review": entry}}})
        await self._until(lambda view: bool(view["meetings"]))
        self.tell("a meeting came through the twin, sealed to the car's own key; the page shows it")

    async def join(self) -> None:
        """One tap while driving."""
        view = await self._until(lambda view: view["drive"] == "moving" and bool(view["meetings"]))
        self.tell(f"driving, the page shows {'no title' if view['meetings'][0]['title'] is None else 'a short title'}")
        await self._ask("POST", "/api/v1/dial", {"meeting": view["meetings"][0]["key"]})

    async def desire(self, patch: Mapping[str, object]) -> None:
        """Of the cabin's twin; again where the hub is away."""
        while True:
            with suppress(LocalHubAbsent):
                await asyncio.to_thread(self.admin.patch_desired, self.device, MODULE, json.dumps(patch))
                return
            await asyncio.sleep(LOOK_S)

    async def _key(self) -> str:
        """As soon as the cabin has reported it; the hub may be away meanwhile."""
        while True:
            with suppress(LocalHubAbsent):
                twin = json.loads(await asyncio.to_thread(self.admin.twin, self.device, MODULE))
                key = twin.get("reported", {}).get("calendar", {}).get("key")
                if isinstance(key, str):
                    return key
            await asyncio.sleep(LOOK_S)

    async def _until(self, is_so: Callable[[Any], bool]) -> Any:
        while True:
            body, _ = await self._ask("GET", "/api/v1/view")
            view = json.loads(body)
            if is_so(view):
                return view
            await asyncio.sleep(LOOK_S)

    async def _ask(self, method: str, path: str, body: object = None) -> tuple[bytes, Mapping[str, str]]:
        return await asyncio.to_thread(partial(self._asked, method, path, body))

    def _asked(self, method: str, path: str, body: object) -> tuple[bytes, Mapping[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ASK_S)
        origin = f"http://127.0.0.1:{self.port}"
        heads = {"Cookie": self.cookie, "Origin": origin, "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), heads)
            answer = connection.getresponse()
            return answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()


@asynccontextmanager
async def head_unit(
    home: Path, environment: Mapping[str, str], admin: AdminClient, device: str, *, broker: Running | None, tell: Tell
) -> AsyncIterator[HeadUnit | None]:
    """None, with the reason told, where there is no cabin or no broker for it; ends with the block.

    `environment` is what the hub gives to the agent; the hub must know the module `cabin` too.
    """
    if broker is None or find_spec("cabin") is None:
        tell("no head unit: it needs the module cabin (pip install ./modules/cabin) and a local MQTT broker")
        yield None
        return
    folder = home / "cabin"
    folder.mkdir(mode=0o700)
    async with _phone(folder / "tel", tell):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cabin", "run"),
            env={**os.environ, **_as_cabin(environment, home / "hub", device), **_variables(folder, broker)},
            stdout=asyncio.subprocess.PIPE,
        )
        reading = None
        try:
            port = await asyncio.wait_for(_port_of(process), START_S)
            reading = asyncio.create_task(_kept(process, home / "cabin.log"), name="events of the cabin")
            yield HeadUnit(folder, port, admin, device, tell)
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            if reading is not None:
                await reading


def _as_cabin(environment: Mapping[str, str], hub: Path, device: str) -> Mapping[str, str]:
    """The agent's variables, with the cabin's name and key for the agent's own."""
    identity = load_identities(hub / "identities.json", ())[ModuleId(device, MODULE)]
    own = {"ModuleId": MODULE, "SharedAccessKey": identity.key}
    fields = dict(part.split("=", 1) for part in environment["EdgeHubConnectionString"].split(";")) | own
    return {**environment, "EdgeHubConnectionString": ";".join(f"{name}={value}" for name, value in fields.items())}


def _variables(folder: Path, broker: Running) -> Mapping[str, str]:
    host, _, port = broker.address.partition(":")
    return {
        "CABIN_DATA_FOLDER": str(folder),
        "CABIN_WEB_PORT": "0",
        "CABIN_BROKER_HOST": host,
        "CABIN_BROKER_PORT": port,
        "CABIN_START_PROFILE": PROFILE,
        "CABIN_DIALER": "tel",
        "CABIN_TEL_SOCKET": str(folder / "tel"),
    }


@asynccontextmanager
async def _phone(socket: Path, tell: Tell) -> AsyncIterator[None]:
    """The head unit's platform, which is handed `tel:` addresses; it calls nobody."""

    async def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = (await reader.readline()).decode().strip()
        tell(f"the phone would call {address}")
        writer.write(b"ok\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(called, socket)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


async def _port_of(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None, "it is a pipe"  # noqa: S101
    async for line in process.stdout:
        event = json.loads(line.partition(b"] ")[2] or b"{}")
        if event.get("event") == "app.cabin_started":
            return int(event["port"])
    raise TimeoutError("the cabin did not start")


async def _kept(process: asyncio.subprocess.Process, log: Path) -> None:
    """What it tells from now on, beside the agent's log."""
    assert process.stdout is not None, "it is a pipe"  # noqa: S101
    with log.open("ab") as out:
        async for line in process.stdout:
            out.write(line)
