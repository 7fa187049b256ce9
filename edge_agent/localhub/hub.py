"""The local hub: one folder, one address, its doors and their life."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Literal

from edge_agent.errors import BadSettings, Fault
from edge_agent.localhub.admin import Admin, Door
from edge_agent.localhub.arrivals import ArrivalLog
from edge_agent.localhub.authority import Certificates, load_certificates, make_client
from edge_agent.localhub.connection import Connection
from edge_agent.localhub.faults import Faults
from edge_agent.localhub.http import serve_http
from edge_agent.localhub.identities import HUB_HOSTNAME, Gate, Identity, ModuleId, load_identities
from edge_agent.localhub.listeners import Listeners
from edge_agent.localhub.routes import parse_routes
from edge_agent.localhub.state import State
from edge_agent.localhub.switchboard import Switchboard
from edge_agent.localhub.workload import API_VERSION, Workload

PORT: Final = 8883
"""azure-iot-device connects to no other; several hubs take several addresses of 127.0.0.0/8."""
_LONGEST_SOCKET_PATH_BYTES: Final = 107
"""`sun_path` of unix(7) has 108 bytes, the last one is zero."""

_TLS_WITHIN_S: Final = 5.0
_LOOK_S: Final = 0.05

Way = Literal["connection_string", "workload"]
"""How a module gets its credentials: as Microsoft's simulator (iotedgehubdev) sets them, or as edgeAgent does."""
DirectWay = Literal["key", "certificate"]
"""How one that connects to IoT Hub itself proves who it is."""


class LocalHub(Faults):
    """A hub on `address`, port 8883, that keeps everything in `folder`; made again on that folder, it goes on.

    `routes` are edgeHub's; without any, everything goes to the cloud, which is the file of arrivals.
    It knows `device` itself and its `module`, the (device, module) pairs of `identities`, those that a route leads to,
    and those its folder has from before. The fault knobs of Faults are attributes of the hub. Raises BadSettings for a
    route that is none.
    """

    def __init__(
        self,
        folder: Path,
        address: str = "127.0.0.1",
        device: str = "demo-vehicle",
        module: str = "telematics",
        identities: Sequence[tuple[str, str]] = (),
        *,
        routes: Sequence[str] = (),
    ) -> None:
        self.folder, self.address = folder.absolute(), address
        self.arrivals_path = self.folder / "arrived.jsonl"
        self._module = ModuleId(device, module)
        self._routes = parse_routes(routes)
        sinks = (ModuleId(device, route.sink.module) for route in self._routes if route.sink)
        self._wanted = [self._module, ModuleId(device, ""), *(ModuleId(*pair) for pair in identities), *sinks]
        self._life: asyncio.Task[None] | None = None
        self._switchboard: Switchboard | None = None

    async def start(self) -> None:
        """Return when clients can connect; what the folder lacked was made.

        Raises BadSettings, DiskBusy, or PayloadRefused where the file of arrivals is none.
        """
        ready = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(partial(ready.set_result, None)), name="localhub")
        try:
            await asyncio.wait((self._life, ready), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._life.cancel()
            raise
        if self._life.done():
            await self.ended()

    async def stop(self) -> None:
        """Drop every connection and close everything; what has arrived stays in the folder."""
        if self._life is not None:
            self._life.cancel()
            await self.ended()

    async def ended(self) -> None:
        """Return when the hub was stopped; raises what broke it."""
        if self._life is not None:
            await asyncio.wait((self._life,))
            if not self._life.cancelled():
                self._life.result()

    @property
    def connected(self) -> frozenset[ModuleId]:
        """(device, module) of each client."""
        return self._switchboard.connected if self._switchboard else frozenset()

    @property
    def refusals(self) -> tuple[str, ...]:
        """The latest things the hub did not accept, oldest first, each a sentence with the client it is about."""
        return tuple(self._switchboard.refusals) if self._switchboard else ()

    def environment(self, way: Way, module: str | None = None) -> dict[str, str]:
        """What a module of the hub's device has in its environment; the hub must have been started once.

        Raises BadSettings for a module the hub does not know.
        """
        identity = self._identity(ModuleId(self._module.device, module or self._module.module))
        return self._simulated(identity) if way == "connection_string" else self._deployed(identity)

    def direct(self, module: str = "", way: DirectWay = "key") -> dict[str, str]:
        """What lets the hub's device, or a module of it, connect to the hub as to IoT Hub itself, without edgeHub.

        `HUB_CONNECTION_STRING` and `HUB_CA_FILE`; with a certificate `HUB_CERTIFICATE_FILE` and `HUB_KEY_FILE` too.
        Raises BadSettings for one the hub does not know.
        """
        identity = self._identity(ModuleId(self._module.device, module))
        names = f"HostName={self.address};DeviceId={identity.id.device}"
        names += f";ModuleId={module}" if module else ""
        variables = {"HUB_CA_FILE": str(self.folder / "ca.pem")}
        if way == "key":
            return variables | {"HUB_CONNECTION_STRING": f"{names};SharedAccessKey={identity.key}"}
        shown = make_client(self.folder, identity.id.text, datetime.now(UTC))
        return variables | {
            "HUB_CONNECTION_STRING": f"{names};x509=true",
            "HUB_CERTIFICATE_FILE": str(shown.certificate),
            "HUB_KEY_FILE": str(shown.key),
        }

    def _identity(self, wanted: ModuleId) -> Identity:
        if self._switchboard is None:
            raise AssertionError(f"the hub on {self.folder} was not started, so it has no identities yet")
        if wanted not in self._switchboard.known:
            name = wanted.module or wanted.device
            raise BadSettings([Fault("module", f"the hub on {self.folder} does not know {name!r}")])
        return self._switchboard.known[wanted]

    def drop_connections(self) -> None:
        """Drop every client now, without a word, as a tunnel does; they may come back at once."""
        if self._switchboard is not None:
            self._switchboard.drop_all("dropped, as the fault asks")

    def _simulated(self, identity: Identity) -> dict[str, str]:
        fields = (
            f"HostName={HUB_HOSTNAME}",
            f"GatewayHostName={self.address}",
            f"DeviceId={identity.id.device}",
            f"ModuleId={identity.id.module}",
            f"SharedAccessKey={identity.key}",
        )
        return {
            "EdgeHubConnectionString": ";".join(fields),
            "EdgeModuleCACertificateFile": str(self.folder / "ca.pem"),
        }

    def _deployed(self, identity: Identity) -> dict[str, str]:
        return {
            "IOTEDGE_IOTHUBHOSTNAME": HUB_HOSTNAME,
            "IOTEDGE_DEVICEID": identity.id.device,
            "IOTEDGE_MODULEID": identity.id.module,
            "IOTEDGE_GATEWAYHOSTNAME": self.address,
            "IOTEDGE_MODULEGENERATIONID": identity.generation,
            "IOTEDGE_WORKLOADURI": f"unix://{self._socket_path()}",
            "IOTEDGE_APIVERSION": API_VERSION,
        }

    async def _live(self, ready: Callable[[], None]) -> None:
        """The hub from start to stop; cancelling it closes everything."""
        socket_path = self._socket_path()
        with _owned(self.folder), ArrivalLog(self.arrivals_path) as arrivals:
            certificates = load_certificates(self.folder, [self.address], datetime.now(UTC))
            known = load_identities(self.folder / "identities.json", self._wanted)
            gate = Gate(known, (HUB_HOSTNAME, self.address))
            self._switchboard = Switchboard(gate, State(self.folder / "state.json"), arrivals, self._routes)
            async with Listeners() as listeners:
                with _as_bad_settings(f"{self.address}:{PORT}"):
                    await self._open_doors(listeners, self._switchboard, certificates)
                try:
                    await listeners.serve(ready)
                finally:
                    Door.remove(self.folder)
                    socket_path.unlink(missing_ok=True)

    async def _open_doors(self, listeners: Listeners, switchboard: Switchboard, certificates: Certificates) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(certificates.server, certificates.server_key)
        # A client may prove who it is by a certificate of the same authority; most come with a token instead.
        tls.verify_mode = ssl.CERT_OPTIONAL
        tls.load_verify_locations(certificates.authority)
        await listeners.bind_tcp("localhub-mqtt", self.address, PORT, partial(self._converse, switchboard, tls))

        workload = Workload(self._module.device, switchboard.known, certificates.authority.read_text(), self)
        await listeners.bind_unix("localhub-workload", self._socket_path(), partial(serve_http, answer=workload.answer))

        admin = Admin(switchboard, self, secrets.token_urlsafe())
        port = await listeners.bind_tcp("localhub-admin", self.address, 0, partial(serve_http, answer=admin.answer))
        Door(self.address, port, admin.token).write(self.folder)

    async def _converse(
        self,
        switchboard: Switchboard,
        tls: ssl.SSLContext,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        # What the client says first belongs to TLS: nothing of it may be read before.
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # the transport of a client reads and writes
        while self.mute_accept:  # noqa: ASYNC110  a knob is an attribute, which tells nobody
            await asyncio.sleep(_LOOK_S)
        if await _shaken_hands(writer, tls):
            await Connection(reader, writer, switchboard, self).serve()

    def _socket_path(self) -> Path:
        path = self.folder / "workload.sock"
        length = len(os.fsencode(path))
        if length > _LONGEST_SOCKET_PATH_BYTES:
            reason = f"a unix socket's path has at most {_LONGEST_SOCKET_PATH_BYTES} bytes, this one has {length}"
            raise BadSettings([Fault(str(path), f"{reason}; choose a folder with a shorter path")])
        return path


async def serve(hub: LocalHub, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Run the hub until `stop` is set, or until it breaks; then its error is raised. `ready` is told once it runs."""
    await hub.start()
    ready()
    ends = (
        asyncio.create_task(stop.wait(), name="localhub-stop"),
        asyncio.create_task(hub.ended(), name="localhub-ended"),
    )
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await hub.stop()


async def _shaken_hands(writer: asyncio.StreamWriter, tls: ssl.SSLContext) -> bool:
    """Whether the client speaks TLS and took the hub's certificate; who did not has gone."""
    try:
        await writer.start_tls(tls, ssl_handshake_timeout=_TLS_WITHIN_S)
    except (OSError, ValueError):  # among them ssl.SSLError; ValueError from a transport that was closed meanwhile
        return False
    return True


@contextlib.contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """The folder, made where missing, is this process's alone; the system frees it when the process is killed."""
    with _as_bad_settings(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with _as_bad_settings(folder):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _as_bad_settings(place: object) -> Iterator[None]:
    try:
        yield
    except BlockingIOError as error:
        raise BadSettings([Fault(str(place), "another hub runs on this folder")]) from error
    except OSError as error:
        raise BadSettings([Fault(str(place), f"cannot be used: {error.strerror or error}")]) from error
