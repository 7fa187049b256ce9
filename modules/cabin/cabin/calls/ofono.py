"""Calls through a phone's hands-free profile: oFono, or PipeWire in its place, on the system's D-Bus.

The number is dialled, and the conference id is sent as tones once the call is active: nobody has to answer a prompt
while driving. Interfaces are those of oFono's doc/{manager,modem,voicecallmanager,voicecall}-api.txt.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError

from cabin import events
from cabin.errors import CallFailed
from cabin.events import Log

SERVICE: Final = "org.ofono"
MANAGER, MODEM = "org.ofono.Manager", "org.ofono.Modem"
CALLS, CALL = "org.ofono.VoiceCallManager", "org.ofono.VoiceCall"
BUS: Final = "org.freedesktop.DBus"
ACTIVE, ENDED = "active", "disconnected"
WELCOME_S: Final = 4.0
"""for the bridge's welcome, before it listens to tones"""
ACTIVE_S: Final = 60.0
"""a bridge that has not taken the call by then will not"""
REPLY_S: Final = 10.0
AGAIN_S: Final = 5.0
WATCHED: Final = (
    f"type='signal',sender='{SERVICE}'",
    f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{SERVICE}'",
)
REASONS: Final = {
    "org.ofono.Error.InProgress": "the phone is busy",
    "org.ofono.Error.InvalidFormat": "the phone does not take this number",
    "org.ofono.Error.NotImplemented": "the phone cannot do that",
}


@dataclass(frozen=True, slots=True)
class Begun:
    """A call that the phone has begun."""

    path: str
    tones: str
    at_s: float


class OfonoDialer:
    """Implements `ports.Dialer`; the first modem that makes voice calls is the phone.

    `dial` returns when the phone dials; the rest is done, and told, by `run`. While the phone has another call none is
    made, for oFono would put that one on hold.
    """

    def __init__(
        self, log: Log, *, welcome_s: float = WELCOME_S, active_s: float = ACTIVE_S, again_s: float = AGAIN_S
    ) -> None:
        self._log = log
        self._welcome_s, self._active_s, self._again_s = welcome_s, active_s, again_s
        self._bus: MessageBus | None = None
        self._phone: str | None = None
        """object path of the modem"""
        self._calls: dict[str, str] = {}
        """path -> state of every call that the phone has"""
        self._own: str | None = None
        self._doing = "idle"
        self._begun: asyncio.Queue[Begun] = asyncio.Queue(1)
        self._modems_changed = asyncio.Event()
        self._calls_changed = asyncio.Event()

    @property
    def state(self) -> str:
        """As `ports.Dialer`; `active` until the call has ended, whoever ended it."""
        return "none" if self._phone is None else self._doing

    async def run(self) -> None:
        """As `ports.Dialer`; a bus or an oFono that goes is waited for."""
        is_told = False
        while True:
            try:
                await self._connect()
                is_told = False
                await self._watch()
            except (CallFailed, OSError, EOFError, DBusFastError) as error:
                if not is_told:
                    events.phone_bus_lost(self._log, reason=type(error).__name__)
                is_told = True
            finally:
                await self.close()
            await asyncio.sleep(self._again_s)

    async def dial(self, number: str, tones: str) -> None:
        """As `ports.Dialer`."""
        phone = self._phone
        if phone is None:
            raise CallFailed("no phone is connected")
        if self._doing == "dialing" or self._calls:
            raise CallFailed("the phone is busy")
        self._doing = "dialing"
        at_s = asyncio.get_running_loop().time()
        try:
            [path] = await self._asked(phone, CALLS, "Dial", "ss", number, "")
        except BaseException as error:
            self._fail(error.reason if isinstance(error, CallFailed) else "it was given up")
            raise
        self._own = path
        self._calls.setdefault(path, "dialing")
        self._begun.put_nowait(Begun(path, tones, at_s))

    async def close(self) -> None:
        """As `ports.Dialer`."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.disconnect()
        self._lose_phone()

    async def _connect(self) -> None:
        # dbus-fast reads DBUS_SYSTEM_BUS_ADDRESS, as every client of a system bus does.
        self._bus = await MessageBus(bus_type=BusType.SYSTEM, auth_timeout=REPLY_S).connect()
        self._bus.add_message_handler(self._hear)
        for rule in WATCHED:
            await self._asked("/org/freedesktop/DBus", BUS, "AddMatch", "s", rule, of=BUS)

    async def _watch(self) -> None:
        """Until the bus goes."""
        assert self._bus is not None, "connected before"  # noqa: S101
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._look_for_phone(), name="calls.phone"),
                group.create_task(self._follow_calls(), name="calls.call"),
            ]
            try:
                await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast does not say None
            finally:
                for task in tasks:
                    task.cancel()

    async def _look_for_phone(self) -> None:
        while True:
            self._modems_changed.clear()
            try:
                await self._find_phone()
            except CallFailed:  # oFono is not there, or is going
                self._lose_phone()
            await self._modems_changed.wait()

    async def _find_phone(self) -> None:
        [modems] = await self._asked("/", MANAGER, "GetModems")
        phones = [path for path, properties in modems if CALLS in _value(properties.get("Interfaces"), [])]
        if not phones:
            self._lose_phone()
        elif self._phone not in phones:
            self._lose_phone()
            [calls] = await self._asked(phones[0], CALLS, "GetCalls")
            self._calls = {path: _value(properties.get("State"), "") for path, properties in calls}
            self._phone = phones[0]
            events.phone_found(self._log)

    async def _follow_calls(self) -> None:
        while True:
            begun = await self._begun.get()
            try:
                await self._put_through(begun)
            except CallFailed as error:
                self._fail(error.reason)
            else:
                events.call_made(self._log, waited_s=asyncio.get_running_loop().time() - begun.at_s)

    async def _put_through(self, begun: Begun) -> None:
        """Wait until somebody takes the call, and send the tones."""
        try:
            async with asyncio.timeout(self._active_s):
                while self._state_of(begun.path) != ACTIVE:
                    await self._call_change()
        except TimeoutError as error:
            await self._asked(begun.path, CALL, "Hangup")
            raise CallFailed("nobody took the call") from error
        self._doing = "active"
        if not begun.tones:
            return
        try:
            async with asyncio.timeout(self._welcome_s):
                while self._state_of(begun.path):
                    await self._call_change()
        except TimeoutError:
            await self._asked(self._phone or "/", CALLS, "SendTones", "s", begun.tones)

    def _state_of(self, path: str) -> str:
        """Raises CallFailed where it has ended."""
        state = self._calls.get(path, ENDED)
        if state == ENDED:
            raise CallFailed("the call ended before its tones were sent")
        return state

    async def _call_change(self) -> None:
        self._calls_changed.clear()
        await self._calls_changed.wait()

    def _hear(self, message: Message) -> None:
        """Every message of the bus; signals alone are of interest."""
        if message.message_type is not MessageType.SIGNAL:
            return
        match message.interface, message.member, message.body:
            case "org.ofono.VoiceCall", "PropertyChanged", ["State", Variant() as state] if message.path:
                self._note(message.path, _value(state, ENDED))
            case "org.ofono.VoiceCallManager", "CallAdded", [str() as path, dict() as properties]:
                self._note(path, _value(properties.get("State"), "dialing"))
            case "org.ofono.VoiceCallManager", "CallRemoved", [str() as path]:
                self._note(path, ENDED)
            case "org.freedesktop.DBus", "NameOwnerChanged", [_, _, ""]:
                self._lose_phone()
            case "org.freedesktop.DBus" | "org.ofono.Manager" | "org.ofono.Modem", _, _:
                self._modems_changed.set()

    def _note(self, path: str, state: str) -> None:
        if state != ENDED:
            self._calls[path] = state
        else:
            self._calls.pop(path, None)
            if path == self._own:
                self._own = None
                self._doing = "idle" if self._doing == "active" else self._doing
        self._calls_changed.set()

    def _fail(self, reason: str) -> None:
        self._doing = "failed"
        if self._own is not None and self._calls.get(self._own) != ACTIVE:
            self._note(self._own, ENDED)
        events.call_failed(self._log, reason=reason)

    def _lose_phone(self) -> None:
        if self._phone is not None:
            events.phone_gone(self._log)
        self._phone = self._own = None
        self._calls = {}
        self._doing = "failed" if self._doing == "dialing" else "idle"
        self._calls_changed.set()

    async def _asked(
        self, path: str, interface: str, member: str, signature: str = "", *body: str, of: str = SERVICE
    ) -> list[Any]:
        """What is answered. Raises CallFailed."""
        if self._bus is None:
            raise CallFailed("the phone has gone")
        question = Message(
            destination=of, path=path, interface=interface, member=member, signature=signature, body=list(body)
        )
        try:
            async with asyncio.timeout(REPLY_S):
                answer = await self._bus.call(question)
        except (OSError, EOFError, DBusFastError) as error:  # a TimeoutError is an OSError
            raise CallFailed("the phone did not answer") from error
        if answer is None or answer.message_type is MessageType.ERROR:
            raise CallFailed(REASONS.get(str(answer and answer.error_name), "the phone refused"))
        return list(answer.body)


def _value(variant: Variant | None, otherwise: Any) -> Any:
    """What a property holds, of the type that its interface says."""
    return variant.value if variant is not None else otherwise
