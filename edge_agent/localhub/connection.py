"""One client's connection: MQTT packets in and out, from its CONNECT to its end."""

import asyncio
import contextlib
from typing import Final, NoReturn

from edge_agent.errors import DiskBusy, DocumentRefused, PacketRefused
from edge_agent.localhub import topics
from edge_agent.localhub.faults import DropHow, Faults
from edge_agent.localhub.identities import ModuleId, announced_model
from edge_agent.localhub.packets import (
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketReader,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    encode,
)
from edge_agent.localhub.switchboard import MethodResult, Switchboard
from edge_agent.localhub.twins import JsonObject, compact

_CONNECT_WITHIN_S: Final = 10.0
_FLUSH_WITHIN_S: Final = 1.0
_UNREAD_BYTES: Final = 4 * 1024 * 1024
"""A client that leaves this much unread is dropped: 32 twins at their limit, four times over."""
_READ_BYTES: Final = 256 * 1024
_WRONG_PROTOCOL, _NOT_AUTHORISED = 1, 5


class Hangup(Exception):  # noqa: N818  an end, not an error
    """The hub ends this connection. `gently`: what was written before still goes out."""

    def __init__(self, reason: str = "", *, gently: bool = True) -> None:
        self.reason, self.gently = reason, gently
        super().__init__(reason)


class Connection:
    """Speaks with one client until either side has enough; who calls `serve` closes the connection after it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, switchboard: Switchboard, faults: Faults
    ) -> None:
        self._reader, self._writer = reader, writer
        self._switchboard, self._faults = switchboard, faults
        self._packets = PacketReader(faults.longest_packet_bytes)
        self._who = "a client before its CONNECT"
        self._filters: frozenset[str] = frozenset()
        self._remembered = False
        self._telemetry = 0
        self._last_packet_id = 0
        self._silence_s: float | None = _CONNECT_WITHIN_S
        self._delayed: set[asyncio.TimerHandle] = set()

    async def serve(self) -> None:
        """Serve the client to its end, which is written down where the client is at fault."""
        try:
            await self._converse()
        except Hangup as end:
            self._note(end.reason)
            if end.gently:
                await self._flush()
        except (PacketRefused, DiskBusy) as error:
            self._note(str(error))
        except TimeoutError:
            self._note("was silent for longer than its keep-alive allows")
        except OSError:
            pass  # the client went away without a DISCONNECT, as a car in a tunnel does; it may come back
        finally:
            for timer in self._delayed:
                timer.cancel()

    def deliver(self, topic: str, payload: bytes) -> int | None:
        """As `switchboard.Line`."""
        if not any(topics.matches(wanted, topic) for wanted in self._filters):
            return None
        self._last_packet_id = self._last_packet_id % 0xFFFF + 1
        self._send(Publish(topic, payload, qos=1, packet_id=self._last_packet_id))
        return self._last_packet_id

    def hang_up(self, reason: str) -> None:
        """Drop the connection at once."""
        self._note(reason)
        self._writer.transport.abort()

    async def _converse(self) -> None:
        module = await self._welcome()
        self._switchboard.plug_in(module, self)
        try:
            while True:
                self._take(module, await self._next_packet())
        finally:
            self._switchboard.unplug(module, self)

    async def _next_packet(self) -> Packet:
        while (packet := self._packets.next_packet()) is None:
            async with asyncio.timeout(self._silence_s):
                # Acknowledgements wait here for a client that does not read; nobody else waits with them.
                await self._writer.drain()
                data = await self._reader.read(self._gulp_bytes())
            if not data or self._writer.is_closing():
                raise Hangup
            self._packets.feed(data)
            if self._faults.bytes_per_s:
                await asyncio.sleep(len(data) / self._faults.bytes_per_s)
        return packet

    def _gulp_bytes(self) -> int:
        """What may be read at once: on a slow link about a tenth of a second's worth."""
        slow = self._faults.bytes_per_s
        return _READ_BYTES if slow is None else max(1, min(_READ_BYTES, int(slow / 10)))

    async def _welcome(self) -> ModuleId:
        """The module that has connected and was answered."""
        connect = await self._next_packet()
        if not isinstance(connect, Connect):
            raise Hangup("the first packet is not a CONNECT")
        self._who = connect.client_id
        # MQTT 3.1.1, section 3.1.2.10: one and a half times the keep-alive; 0 is none.
        self._silence_s = 1.5 * connect.keepalive_s or None
        while self._faults.no_connack:
            await self._next_packet()
        module = self._admitted(connect)
        session = self._recalled(module, connect)
        self._filters, self._remembered = session or frozenset(), not connect.clean_session
        self._switchboard.state.keep_filters(module, self._filters if self._remembered else None)
        self._switchboard.state.keep_model_id(module, announced_model(connect))
        self._send(Connack(session is not None, 0))
        return module

    def _admitted(self, connect: Connect) -> ModuleId:
        if self._faults.refuse_code is not None:
            self._refuse(self._faults.refuse_code, f"refused with code {self._faults.refuse_code}, as the fault asks")
        # azure-iot-device's MQTT client answers code 1 by coming again with MQTT 3.1 (`MQIsdp`, level 3).
        if (connect.protocol, connect.level) != ("MQTT", 4):
            self._refuse(_WRONG_PROTOCOL, f"speaks {connect.protocol} {connect.level}, not MQTT 4")
        module = self._switchboard.admit(connect, _certified(self._writer))
        if isinstance(module, str):
            self._refuse(_NOT_AUTHORISED, module)
        return module

    def _refuse(self, code: int, reason: str) -> NoReturn:
        self._send(Connack(session_present=False, code=code))
        raise Hangup(reason)

    def _recalled(self, module: ModuleId, connect: Connect) -> frozenset[str] | None:
        if connect.clean_session or self._faults.forget_sessions:
            return None
        return self._switchboard.state.filters(module)

    def _take(self, module: ModuleId, packet: Packet) -> None:
        match packet:
            case Publish():
                self._published(module, packet)
            case Puback(packet_id):
                # Only a message to an input is sent again: a client reads its twin when it comes back.
                self._switchboard.acknowledged(module, packet_id)
            case Subscribe(packet_id, asked):
                self._subscribed(module, self._filters | {name for name, _ in asked})
                if not self._faults.no_suback:
                    self._send(Suback(packet_id, tuple(min(qos, 1) for _, qos in asked)))
                self._switchboard.forward(module)
            case Unsubscribe(packet_id, filters):
                self._subscribed(module, self._filters - set(filters))
                self._send(Unsuback(packet_id))
            case Pingreq():
                self._send(Pingresp())
            case Disconnect():
                raise Hangup
            case _:
                raise Hangup(f"a {type(packet).__name__.upper()} is not for the server")

    def _subscribed(self, module: ModuleId, filters: frozenset[str]) -> None:
        for name in sorted(filters - self._filters):
            if not topics.is_for_a_module(name, *module):
                self._note(f"subscribed to {name!r}, where a module is never told anything")
        self._filters = filters
        if self._remembered:
            self._switchboard.state.keep_filters(module, filters)

    def _published(self, module: ModuleId, packet: Publish) -> None:
        match topics.said(packet.topic):
            case topics.Telemetry(device, name, properties):
                if (device, name) != module:
                    raise Hangup(f"sent telemetry in the name of {device}/{name}")
                self._take_telemetry(module, properties, packet)
                return
            case topics.TwinWanted(request):
                self._acknowledge(packet)
                self._answer_twin(topics.twin_answer(request, 200), self._switchboard.twin(module).document())
            case topics.TwinReported(request):
                self._acknowledge(packet)
                self._take_report(module, request, packet.payload)
            case topics.MethodAnswered(request, status):
                self._acknowledge(packet)
                payload = packet.payload.decode(errors="replace")
                self._switchboard.answered(module, request, MethodResult(status, payload))
            case None:
                self._note(f"published to {packet.topic!r}, which an IoT hub does not know")
                self._acknowledge(packet)

    def _take_telemetry(self, module: ModuleId, properties: dict[str, str], packet: Publish) -> None:
        self._telemetry += 1
        how = self._faults.drop_how if self._telemetry == self._faults.drop_after else None
        if how is DropHow.ABORT:
            raise Hangup(f"dropped at message {self._telemetry}, as the fault asks", gently=False)
        self._switchboard.take_telemetry(module, properties, packet.payload)
        if how is None:
            self._acknowledge_late(packet)
            return
        acknowledgement = encode(Puback(packet.packet_id)) if packet.qos else b""
        self._writer.write({DropHow.HALF_ACK: acknowledgement[:2], DropHow.AFTER_ACK: acknowledgement}.get(how, b""))
        raise Hangup(f"dropped at message {self._telemetry}, as the fault asks", gently=how is not DropHow.BEFORE_ACK)

    def _acknowledge_late(self, packet: Publish) -> None:
        if self._faults.never_ack:
            return
        if self._faults.ack_delay_s > 0:
            loop = asyncio.get_running_loop()
            self._delayed = {timer for timer in self._delayed if timer.when() > loop.time()}
            self._delayed.add(loop.call_later(self._faults.ack_delay_s, self._acknowledge, packet))
        else:
            self._acknowledge(packet)

    def _acknowledge(self, packet: Publish) -> None:
        if packet.qos:
            self._send(Puback(packet.packet_id))

    def _take_report(self, module: ModuleId, request: str, patch: bytes) -> None:
        try:
            version = self._switchboard.report(module, patch)
        except DocumentRefused as error:
            self._note(f"reported properties refused: {error}")
            self._answer_twin(topics.twin_answer(request, 400))
        else:
            self._answer_twin(topics.twin_answer(request, 204, version))

    def _answer_twin(self, topic: str, document: JsonObject | None = None) -> None:
        if not self._faults.no_twin_reply:
            self.deliver(topic, compact(document).encode() if document is not None else b"")

    def _send(self, packet: Packet) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(encode(packet))
        if self._writer.transport.get_write_buffer_size() > _UNREAD_BYTES:
            self.hang_up(f"left more than {_UNREAD_BYTES} bytes unread")

    async def _flush(self) -> None:
        """Close so that what was written still goes out, if the client reads it soon."""
        self._writer.close()
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_FLUSH_WITHIN_S):
                await self._writer.wait_closed()

    def _note(self, reason: str) -> None:
        if reason:
            self._switchboard.refused(self._who, reason)


def _certified(writer: asyncio.StreamWriter) -> str | None:
    """Common name of the client's certificate, which TLS has verified; None where it showed none."""
    shown = writer.get_extra_info("peercert") or {}
    names = [value for group in shown.get("subject", ()) for kind, value in group if kind == "commonName"]
    return names[0] if names else None
