"""The cabin's own module identity at edgeHub: its twin and its direct methods, by Microsoft's SDK.

The SDK's own reconnecting is off. A client that met trouble waits for ever on a lost answer and does not subscribe
again (azure-iot-device 2.14.0); a new object does neither. So each connection gets a new one, each call a thread of its
own and a time limit, and any trouble ends the connection. The SDK may hand over two patches in the wrong order, for it
calls back from four threads; the twin's versions tell.
"""

import asyncio
import contextlib
import functools
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any, Final, TypeVar

from azure.iot.device import IoTHubModuleClient, MethodRequest, MethodResponse, exceptions
from azure.iot.device.custom_typing import TwinPatch
from azure.iot.device.iothub.edge_hsm import IoTEdgeError
from paho.mqtt.client import Client as PahoClient  # type: ignore[import-untyped]  # paho 1 ships no types

from cabin import events
from cabin.errors import HubUnreachable, HubWedged
from cabin.events import Log
from cabin.ports import TwinInbox

T = TypeVar("T")

WAITING: Final = 64
"""patches and calls not yet served; more of them end the connection, and the next reads the whole twin"""
FIRST_S: Final = 0.2
CAP_S: Final = 30.0
HEALTHY_S: Final = 10.0
"""a connection that lived so long begins the waits anew"""
REFUSALS: Final = (
    exceptions.OperationCancelled,
    exceptions.OperationTimeout,
    exceptions.ClientError,
    exceptions.ConnectionFailedError,
    exceptions.ConnectionDroppedError,
    exceptions.NoConnectionError,
    exceptions.CredentialError,
    exceptions.ServiceError,
    IoTEdgeError,
    OSError,
    ValueError,
    KeyError,
)
"""What the SDK raises; it all means that there is no connection for now."""


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds, for one step; a step that takes longer ends the connection."""

    create_s: float = 8.0
    connect_s: float = 8.0
    subscribe_s: float = 6.0
    twin_s: float = 6.0
    method_s: float = 20.0
    """the cabin's own answer; the caller in the cloud gives up after 30 s by default"""
    shutdown_s: float = 1.0
    hung: int = 12
    """calls that never returned, before only a new process helps"""


class Hub:
    """Keeps a connection, and tells the inbox what the hub says."""

    def __init__(self, inbox: TwinInbox, log: Log, *, keep_alive_s: int = 60, limits: TimeLimits | None = None) -> None:
        _tell_paho_of_tls_ends()
        for name in ("azure.iot.device", "paho"):
            # What they warn of reaches us as an exception and is told once, without what a twin holds.
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._inbox = inbox
        self._log = log
        self._keep_alive_s = keep_alive_s
        self._limits = limits or TimeLimits()
        self._hung: list[Thread] = []
        self.connected = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Raises HubWedged, in a group, where only a new process helps."""
        async with asyncio.TaskGroup() as group:
            staying = group.create_task(self._stay_connected(), name="hub.connection")
            await stop.wait()
            staying.cancel()

    async def _stay_connected(self) -> None:
        loop = asyncio.get_running_loop()
        retry_num = 0
        while True:
            began = loop.time()
            try:
                async with self._client() as client:
                    reason = await self._conversation(client)
            except HubUnreachable as error:
                reason = error.reason
            finally:
                self.connected = False
            retry_num = 0 if loop.time() - began >= HEALTHY_S else retry_num
            wait_s = min(CAP_S, FIRST_S * 2.0 ** min(retry_num, 10)) * (0.5 + random.random())  # noqa: S311  # jitter
            events.hub_lost(self._log, reason=reason, retry_num=retry_num, waited_s=wait_s)
            retry_num += 1
            await asyncio.sleep(wait_s)

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[IoTHubModuleClient]:
        """A new one, which is shut down whatever happened."""
        self._hung = [thread for thread in self._hung if thread.is_alive()]
        if len(self._hung) >= self._limits.hung:
            raise HubWedged(len(self._hung))
        create = partial(
            IoTHubModuleClient.create_from_edge_environment,
            connection_retry=False,
            auto_connect=False,
            # The whole twin is read after each connect; the SDK's own way gets stuck on one lost answer.
            ensure_desired_properties=False,
            keep_alive=self._keep_alive_s,
        )
        client: IoTHubModuleClient = await self._called("client", create, self._limits.create_s)
        try:
            yield client
        finally:
            with contextlib.suppress(HubUnreachable):
                await self._called("shutdown", client.shutdown, self._limits.shutdown_s)

    async def _conversation(self, client: IoTHubModuleClient) -> str:
        """Connect, subscribe, then read the twin, so that no patch falls between; returns why it ended."""
        limits, heard = self._limits, _Heard()
        await self._called("connection", client.connect, limits.connect_s)
        await self._called("subscription", partial(_listen, client, heard), limits.subscribe_s)
        twin = await self._called("twin", client.get_twin, limits.twin_s)
        await self._report(client, await self._inbox.document(json.dumps(twin)))
        if not client.connected:  # it went before anyone listened for that
            return "the connection was lost at once"
        self.connected = True
        events.hub_connected(self._log)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_until_lost(self._serve(client, heard), heard), name="hub.inbox"),
                group.create_task(_until_lost(self._tell_news(client), heard), name="hub.news"),
            ]
            await heard.lost.wait()
            for task in tasks:
                task.cancel()
        return heard.reason

    async def _serve(self, client: IoTHubModuleClient, heard: "_Heard") -> None:
        while True:
            match await heard.waiting.get():
                case MethodRequest() as request:
                    await self._answer(client, request)
                case patch:
                    await self._report(client, await self._inbox.patch(json.dumps(patch)))

    async def _tell_news(self, client: IoTHubModuleClient) -> None:
        while True:
            await self._report(client, await self._inbox.news())

    async def _report(self, client: IoTHubModuleClient, patch: str) -> None:
        """One that the hub refuses is told, and the connection goes on."""
        if not (properties := json.loads(patch)):
            return
        try:
            await self._called(
                "answer", partial(client.patch_twin_reported_properties, properties), self._limits.twin_s
            )
        except HubUnreachable as error:
            # The SDK wraps what the hub said in a ClientError, "Unexpected failure".
            told = error.__cause__ and error.__cause__.__cause__
            if not isinstance(told, exceptions.ServiceError):
                raise
            events.report_refused(self._log, reason=error.reason)

    async def _answer(self, client: IoTHubModuleClient, request: MethodRequest) -> None:
        try:
            async with asyncio.timeout(self._limits.method_s):
                status, text = await self._inbox.method(request.name, json.dumps(request.payload))
        except TimeoutError:
            status, text = 504, json.dumps({"error": f"no answer within {self._limits.method_s:g} s"})
        events.method_called(self._log, name=request.name[:64], status=status)
        response = MethodResponse.create_from_method_request(request, status, json.loads(text))
        await self._called("acknowledgement", partial(client.send_method_response, response), self._limits.twin_s)

    async def _called(self, what: str, call: Callable[[], T], limit_s: float) -> T:
        """What it returns. Raises HubUnreachable for what the SDK raises, and for no answer in time."""
        thread, outcome = _begun(what, call)
        try:
            async with asyncio.timeout(limit_s):
                return await outcome
        except TimeoutError as error:
            self._hung.append(thread)
            raise HubUnreachable(f"no {what} within {limit_s:g} s") from error
        except REFUSALS as error:
            raise HubUnreachable(f"{what}: {error or type(error).__name__}") from error


class _Heard:
    """What the SDK's threads bring over, and that the connection is gone."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.waiting: asyncio.Queue[MethodRequest | TwinPatch] = asyncio.Queue(WAITING)
        self.lost = asyncio.Event()
        self.reason = ""

    def say(self, said: MethodRequest | TwinPatch) -> None:
        """From any thread."""
        self._bring(partial(self._keep, said))

    def lose(self) -> None:
        """From any thread; any change is one: a client that the SDK reconnects by itself is no new object."""
        self._bring(partial(self.end, "the connection was lost"))

    def end(self, reason: str) -> None:
        """On the loop; the first reason counts."""
        self.reason = self.reason or reason
        self.lost.set()

    def _bring(self, act: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it everyone who would hear
            self._loop.call_soon_threadsafe(act)

    def _keep(self, said: MethodRequest | TwinPatch) -> None:
        if self.waiting.full():
            self.end(f"{WAITING} patches and calls wait to be served")
        else:
            self.waiting.put_nowait(said)


def _listen(client: IoTHubModuleClient, heard: _Heard) -> None:
    """Set the SDK's callbacks; it waits for a SUBACK in each setter."""
    # The SDK calls it without an argument; its annotation says one, None.
    client.on_connection_state_change = heard.lose  # type: ignore[assignment]
    client.on_twin_desired_properties_patch_received = heard.say
    client.on_method_request_received = heard.say


async def _until_lost(work: Awaitable[None], heard: _Heard) -> None:
    try:
        await work
    except HubUnreachable as error:
        heard.end(error.reason)


def _begun(what: str, call: Callable[[], T]) -> tuple[Thread, "asyncio.Future[T]"]:
    """A call on a thread of its own: one that never returns keeps neither the loop nor the process from ending."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def tell(how: Callable[[Any], None], result: object) -> None:
        if not outcome.done():
            how(result)

    def work() -> None:
        try:
            told = partial(tell, outcome.set_result, call())
        except Exception as error:  # noqa: BLE001  it is raised where the call is awaited
            told = partial(tell, outcome.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(told)

    thread = Thread(target=work, name=f"hub-{what}", daemon=True)
    thread.start()
    return thread, outcome


def _tell_paho_of_tls_ends() -> None:
    """Have paho 1 hear that TLS ended a connection; once a process.

    `Client._packet_write` catches ConnectionError alone, and `ssl.SSLEOFError` is none: it ends paho's thread without a
    word, and the SDK says "connected" for ever (azure-iot-sdk-python #989, paho.mqtt.python #637). paho 2 handles it.
    """
    if hasattr(PahoClient._sock_send, "__wrapped__"):  # noqa: SLF001  there is no other way
        return
    for name in ("_sock_send", "_sock_recv"):
        setattr(PahoClient, name, _resetting(getattr(PahoClient, name)))


def _resetting(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def wrapped(self: PahoClient, argument: Any) -> Any:  # whatever paho passes goes through untouched
        try:
            return call(self, argument)
        except (BlockingIOError, ConnectionError):
            raise
        except OSError as error:
            raise ConnectionResetError(str(error)) from error

    return wrapped
