"""The way through IoT Edge, or to IoT Hub itself: Microsoft's SDK, one client object a connection.

The SDK's own reconnecting is off. A client that met trouble keeps messages it reported as failed and sends them
later, completes a publish with the PUBACK of another, waits for ever on a lost answer and does not subscribe again
(azure-iot-device 2.14.0); a new object does none of it. So each connection gets a new one with time limits around
every call, and any trouble ends it.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from azure.iot.device import X509, Message, MethodRequest, MethodResponse, exceptions
from azure.iot.device.aio import IoTHubDeviceClient, IoTHubModuleClient
from azure.iot.device.common.pipeline.pipeline_thread import invoke_on_pipeline_thread_nowait
from azure.iot.device.custom_typing import TwinPatch
from azure.iot.device.iothub.aio.async_clients import handle_result
from azure.iot.device.iothub.edge_hsm import IoTEdgeError

from edge_agent import events
from edge_agent.errors import BadSettings, CredentialsRefused, EnvelopeRefused, HubUnreachable
from edge_agent.events import Log
from edge_agent.ports import Inbox
from edge_agent.records import Envelope, MethodAnswer
from edge_agent.uplink.credentials import Credentials, EdgeEnvironment, HubCertificate, HubKey
from edge_agent.uplink.edge_environment import judge_environment
from edge_agent.uplink.inbound import Inbound, MethodCall, Patch
from edge_agent.uplink.mqtt_door import causes_of, silenced
from edge_agent.uplink.paho_shim import send_ends_at_once, spare_paho_copies, tell_paho_of_tls_ends
from edge_agent.uplink.properties import message_id_of, properties_of
from edge_agent.uplink.sdk_thread import SdkThread
from edge_agent.uplink.sends import Answer, Sends
from edge_agent.uplink.threads import Threads

T = TypeVar("T")

MESSAGE_CAP_BYTES = 240 * 1024
"""Payload and properties. edgeHub closes the connection on an MQTT packet above 262 144 bytes, topic included."""


_IN_THE_ENVIRONMENT = EdgeEnvironment()


class HubSaidNo(HubUnreachable):
    """The hub answered a twin request with a status that is not success."""


FAILURES: dict[type[Exception], type[HubUnreachable]] = {
    exceptions.OperationCancelled: HubUnreachable,
    exceptions.OperationTimeout: HubUnreachable,
    exceptions.ClientError: HubUnreachable,
    exceptions.ConnectionFailedError: HubUnreachable,
    exceptions.ConnectionDroppedError: HubUnreachable,
    exceptions.NoConnectionError: HubUnreachable,
    exceptions.CredentialError: CredentialsRefused,
    exceptions.ServiceError: HubSaidNo,
}
"""What the SDK raises, and what it means here."""

_SDK_ERRORS = tuple(FAILURES)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the SDK may take, in seconds, before the connection is given up."""

    create_s: float = 8.0
    connect_s: float = 7.0
    """with `shutdown_s` and the first waits under 10 s; at four round trips it is enough for one of 1.7 s"""
    subscribe_s: float = 6.0
    twin_s: float = 6.0
    send_s: float = 6.0
    method_s: float = 20.0
    """the agent's own answer; the caller in the cloud gives up after 30 s by default"""
    shutdown_s: float = 1.0
    """one in order takes milliseconds, and one that met a mute hub does not end in 3 s either"""
    undisposed: int = 6
    """clients that will not shut down, before only a new process helps; one that waits for a CONNACK does not
    either, until paho gives up after the keep-alive"""


Client = IoTHubModuleClient | IoTHubDeviceClient


class IotEdge:
    """edgeHub, as the process environment names it, or the hub that the credentials name.

    Raises BadSettings where the environment is incomplete.
    """

    def __init__(
        self,
        log: Log,
        *,
        output: str = "telemetry",
        keep_alive_s: int = 20,
        model_id: str = "",
        token_s: int = 3600,
        credentials: Credentials = _IN_THE_ENVIRONMENT,
        limits: Limits | None = None,
    ) -> None:
        """`token_s`: how long a signed token is valid; 120 s before its end the SDK connects anew with another.

        That ends the session, as every change of its connection does, and the next one has a new client object.
        """
        if isinstance(credentials, EdgeEnvironment) and (faults := judge_environment(os.environ)):
            raise BadSettings(faults)
        tell_paho_of_tls_ends()
        spare_paho_copies()
        send_ends_at_once()
        for name in ("azure.iot.device", "paho"):
            silenced(name)
        self._log = log
        self._output = output
        self._keep_alive_s = keep_alive_s
        self._model_id = model_id
        self._token_s = token_s
        self._credentials = credentials
        self._limits = limits or Limits()
        self._threads = Threads(
            "iotedge",
            lambda count: events.session_undisposed(log, count=count),
            shutdown_s=self._limits.shutdown_s,
            undisposed=self._limits.undisposed,
        )

    async def connect(self, inbox: Inbox) -> "IotEdgeSession":
        """As `ports.Uplink`. Patches and methods are served while the session's `lost()` is awaited."""
        thread = self._threads.begin()
        client: Client | None = None
        try:
            client = await _within("client, for want of credentials,", self._create(thread), self._limits.create_s)
            session = IotEdgeSession(
                thread,
                client,
                inbox,
                partial(self._dispose, thread, client),
                output=self._output,
                limits=self._limits,
                log=self._log,
            )
            await session.open()
        except BaseException:
            await self._dispose(thread, client)
            raise
        return session

    async def _create(self, thread: SdkThread) -> Client:
        def create() -> Client:
            return _maker(self._credentials, self._token_s)(
                connection_retry=False,
                auto_connect=False,
                # The whole twin is read after each connect; the SDK's own way gets stuck on one lost answer.
                ensure_desired_properties=False,
                keep_alive=self._keep_alive_s,
                # Where it begins with "dtmi" the SDK announces it as the model's id (its IoTHubMQTTTranslationStage).
                product_info=self._model_id,
            )

        try:
            return await thread.call(create)
        except (OSError, ValueError, KeyError) as error:
            if any(isinstance(cause, OSError | IoTEdgeError) for cause in causes_of(error)):
                raise HubUnreachable(_reason(error)) from error
            raise CredentialsRefused(_reason(error)) from error

    async def _dispose(self, thread: SdkThread, client: Client | None) -> None:
        """End a client, alive or not."""
        await self._threads.end(thread, None if client is None else client.shutdown())


class IotEdgeSession:
    """One client object, from its first connect to its end."""

    def __init__(
        self,
        thread: SdkThread,
        client: Client,
        inbox: Inbox,
        close: Callable[[], Awaitable[None]],
        *,
        output: str,
        limits: Limits,
        log: Log,
    ) -> None:
        self._thread = thread
        self._client = client
        self._inbox = inbox
        self._close = close
        self._output = output
        self._limits = limits
        self._log = log
        # The one thread that the pipelines of all clients of the process share.
        self._sends = Sends(invoke_on_pipeline_thread_nowait, limit_s=limits.send_s)
        self._inbound = Inbound(inbox, self.report, log=log, method_limit_s=limits.method_s)

    async def open(self) -> None:
        """Connect, subscribe, then fetch the twin: no patch falls between. Raises as `Uplink.connect`."""
        limits = self._limits
        await _within("connection", self._thread.run(self._client.connect()), limits.connect_s)
        await _within("subscription", self._thread.call(self._listen), limits.subscribe_s)
        twin = await _within("twin", self._thread.run(self._client.get_twin()), limits.twin_s)
        if not self._client.connected:  # it went before anyone listened for that
            raise HubUnreachable("the connection was lost at once")
        await self.report(await self._inbox.document(json.dumps(twin)))

    async def send(self, envelope: Envelope) -> None:
        """As `ports.Session`."""
        message = _message(envelope, self._output)
        with _as_ours("acknowledgement", self._limits.send_s):
            error = await self._sends.send(partial(self._begin, message))
            if error is not None:
                await handle_result(_Ended(error))  # type: ignore[arg-type]  # it awaits no more than `completion()`

    async def report(self, patch: str) -> bool:
        """As `ports.Session`; an empty patch is not sent. One that the hub refuses is told, and the session goes on."""
        if not (properties := json.loads(patch)):
            return True
        answer = self._thread.run(self._client.patch_twin_reported_properties(properties))
        try:
            await _within("answer to the reported properties", answer, self._limits.twin_s)
        except HubSaidNo as error:
            events.report_refused(self._log, reason=error.reason)
            return False
        return True

    async def lost(self) -> str:
        """As `ports.Session`; meanwhile what the hub says is handed to the inbox and answered."""
        return await self._inbound.serve()

    async def close(self) -> None:
        """As `ports.Session`."""
        self._sends.end()
        await self._close()

    def _begin(self, message: Message, answered: Answer) -> None:
        """What `client.send_message` comes to in the end (2.14.0), without the two threads it takes for each message.

        1 KB messages, 16 in flight, to the local hub: 3 600 a second, and 1 850 by that way. What else is done there is
        done here: the limit to the size by `_message`, the translation of errors by the same function.
        """
        pipeline = self._client._mqtt_pipeline  # noqa: SLF001  tests/uplink/test_iotedge.py holds it to that release
        pipeline.send_message(message, callback=lambda error=None: answered(error))  # type: ignore[no-untyped-call]

    def _listen(self) -> None:
        """Set the SDK's callbacks; it waits for a SUBACK in each setter and calls them on threads of its own."""
        # The SDK calls it without an argument; its annotation says one, None.
        self._client.on_connection_state_change = self._state_changed  # type: ignore[assignment]
        self._client.on_twin_desired_properties_patch_received = self._patched
        self._client.on_method_request_received = self._called

    def _state_changed(self) -> None:
        # Any change: a client that the SDK reconnects by itself, to renew its token, is no new object.
        self._inbound.lose("the connection was lost")

    def _patched(self, patch: TwinPatch) -> None:
        self._inbound.hear(Patch(json.dumps(patch)))

    def _called(self, request: MethodRequest) -> None:
        self._inbound.hear(MethodCall(request.name, json.dumps(request.payload), partial(self._reply, request)))

    async def _reply(self, request: MethodRequest, answer: MethodAnswer) -> None:
        response = MethodResponse.create_from_method_request(request, answer.status, json.loads(answer.payload))
        reply = self._thread.run(self._client.send_method_response(response))
        await _within("acknowledgement of a method's answer", reply, self._limits.send_s)


def _maker(credentials: Credentials, token_s: int) -> Callable[..., Client]:
    """What makes a client that proves itself so; both raise OSError or ValueError. Reads files."""
    match credentials:
        case EdgeEnvironment():
            return partial(IoTHubModuleClient.create_from_edge_environment, sastoken_ttl=token_s)
        case HubKey(text, authority):
            kind: type[Client] = IoTHubModuleClient if credentials.module else IoTHubDeviceClient
            return partial(kind.create_from_connection_string, text, sastoken_ttl=token_s, **_trusting(authority))
        case HubCertificate(hostname, device, module, certificate, key, authority):
            shown = X509(str(certificate), str(key))  # type: ignore[no-untyped-call]  # typed in its docstring only
            named = {"module_id": module} if module else {}
            of: type[Client] = IoTHubModuleClient if module else IoTHubDeviceClient
            return partial(of.create_from_x509_certificate, shown, hostname, device, **named, **_trusting(authority))


def _trusting(authority: Path | None) -> dict[str, str]:
    return {} if authority is None else {"server_verification_cert": authority.read_text()}


def _message(envelope: Envelope, output: str) -> Message:
    key = envelope.key
    message = Message(  # type: ignore[no-untyped-call]  # typed in the SDK's docstring only
        envelope.payload,
        message_id=message_id_of(key),
        content_type=envelope.content_type,
        content_encoding=envelope.content_encoding,
        output_name=output,
    )
    message.custom_properties = properties_of(envelope)
    texts = (*message.custom_properties, *message.custom_properties.values())
    if (size := len(envelope.payload) + len("".join(texts).encode())) > MESSAGE_CAP_BYTES:
        raise EnvelopeRefused(key.boot, key.seq, f"{size} bytes, a message may have {MESSAGE_CAP_BYTES}")
    return message


async def _within(what: str, work: Awaitable[T], limit_s: float) -> T:
    """What `work` returns; what the SDK raises, or no answer in time, as our errors."""
    with _as_ours(what, limit_s):
        async with asyncio.timeout(limit_s):
            return await work


@contextmanager
def _as_ours(what: str, limit_s: float) -> Iterator[None]:
    """What the SDK raises, a TimeoutError and the end of the client as our errors."""
    try:
        yield
    except TimeoutError as error:
        raise HubUnreachable(f"no {what} within {limit_s:g} s") from error
    except ConnectionAbortedError as error:
        raise HubUnreachable(str(error)) from error
    except _SDK_ERRORS as error:
        raise _translated(error) from error


@dataclass(frozen=True, slots=True)
class _Ended:
    """A send that failed, as `handle_result` asks for it, which raises what `client.send_message` would."""

    error: Exception

    async def completion(self) -> None:
        raise self.error


def _translated(error: Exception) -> HubUnreachable:
    """Our error for one of the SDK's, which wraps what the hub refused in a ClientError, "Unexpected failure"."""
    told = error.__cause__ if isinstance(error.__cause__, exceptions.ServiceError) else error
    ours = next(FAILURES[kind] for kind in type(told).__mro__ if kind in FAILURES)
    return ours(_reason(error))


def _reason(error: BaseException) -> str:
    """The outermost and the innermost message, where they differ: what failed, and why."""
    texts = [text for cause in causes_of(error) if (text := str(cause))]
    return ": ".join(dict.fromkeys((texts[0], texts[-1]))) if texts else type(error).__name__
