"""The only wiring: settings to adapters, adapters to the bridge, until SIGTERM."""

import asyncio
import random
import signal
import socket

from calendar_bridge import __version__, events, http
from calendar_bridge.bridge import Bridge
from calendar_bridge.clock import SystemClock
from calendar_bridge.credentials import ManagedIdentity, SharedAccess
from calendar_bridge.entra import Entra
from calendar_bridge.errors import BadSettings
from calendar_bridge.events import Log
from calendar_bridge.folder import Folder
from calendar_bridge.follower import World
from calendar_bridge.graph import Graph
from calendar_bridge.iothub import IotHub
from calendar_bridge.keyvault import RESOURCE as VAULT
from calendar_bridge.keyvault import KeyVault
from calendar_bridge.ports import Clock, Credential, Grants, Http
from calendar_bridge.settings import Settings
from calendar_bridge.web import serve

IOT_HUBS = "https://iothubs.azure.net"


async def run(settings: Settings, log: Log, stop: asyncio.Event) -> None:
    """Serve and follow until `stop`. Raises Fatal."""
    clock = SystemClock()
    with _listener(settings) as opened:
        async with http.opened() as web:
            consents = _consents(settings, web, clock)
            grants = _grants(settings, web, clock)
            world = _world(settings, web, clock, log)
            known = await grants.all()
            async with asyncio.TaskGroup() as group:
                bridge = Bridge(group, world, consents, grants)
                group.create_task(serve(bridge, opened, log, stop), name="web")
                bridge.follow(known)
                events.bridge_started(log, version=__version__, port=opened.getsockname()[1], grants=len(known))
                await stop.wait()
                bridge.stop()
    events.bridge_stopped(log)


async def until_told(settings: Settings, log: Log) -> None:
    """`run` until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    await run(settings, log, stop)


def _world(settings: Settings, web: Http, clock: Clock, log: Log) -> World:
    graph = Graph(web, clock, settings.graph_url, f"{_public(settings)}/notifications")
    hub_url = settings.iot_hub if "://" in settings.iot_hub else f"https://{settings.iot_hub}"
    twins = IotHub(web, clock, _hub_credential(settings, web), hub_url, settings.module)
    return World(graph, graph, twins, clock, log, random.random)


def _consents(settings: Settings, web: Http, clock: Clock) -> Entra:
    return Entra(
        web,
        clock,
        f"{settings.login_url}/{settings.tenant}/oauth2/v2.0",
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value(),
        redirect_url=f"{_public(settings)}/linked",
    )


def _grants(settings: Settings, web: Http, clock: Clock) -> Grants:
    if settings.grants_folder is not None:
        return Folder(settings.grants_folder)
    return KeyVault(web, clock, _identity(settings, web, VAULT), str(settings.key_vault).rstrip("/"))


def _hub_credential(settings: Settings, web: Http) -> Credential:
    if settings.iot_hub_key is None:
        return _identity(settings, web, IOT_HUBS)
    host = settings.iot_hub.rpartition("://")[2]
    return SharedAccess(host, settings.iot_hub_policy, settings.iot_hub_key.get_secret_value())


def _identity(settings: Settings, web: Http, resource: str) -> Credential:
    if not settings.identity_endpoint:
        raise BadSettings("there is no managed identity here: give the container one, or a desk's settings")
    return ManagedIdentity(web, settings.identity_endpoint, settings.identity_header.get_secret_value(), resource)


def _public(settings: Settings) -> str:
    return str(settings.public_url).rstrip("/")


def _listener(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.address, settings.port))
    except OSError as error:
        raise BadSettings(f"{settings.address} port {settings.port} cannot be served: {error.strerror}") from error
