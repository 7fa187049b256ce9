"""A private bus with an oFono on it that has a phone, and does what a test says.

dbus-fast reads D-Bus signatures from the annotations, which no type checker can: hence what is ignored here.
"""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dbus_fast import BusType, DBusError, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_signal

CONFIG = """<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy>
</busconfig>"""


@contextmanager
def private_bus(folder: Path) -> Iterator[str]:
    """Its address, once it listens; it ends with the block."""
    socket, config = folder / "bus", folder / "bus.conf"
    config.write_text(CONFIG.format(socket=socket))
    daemon = subprocess.Popen(  # noqa: S603
        ["/usr/bin/dbus-daemon", f"--config-file={config}", "--nofork", "--print-address=1"],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    assert daemon.stdout is not None
    try:
        yield daemon.stdout.readline().decode().strip()
    finally:
        daemon.terminate()
        daemon.wait(5)
        daemon.stdout.close()
        socket.unlink(missing_ok=True)


class Manager(ServiceInterface):
    def __init__(self, phone: "Phone") -> None:
        super().__init__("org.ofono.Manager")
        self.phone = phone

    @dbus_method()
    def GetModems(self) -> "a(oa{sv})":  # type: ignore  # noqa: F722, N802, PGH003
        return [["/hfp/phone", {"Interfaces": Variant("as", self.phone.interfaces)}]]


class Modem(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.ofono.Modem")

    @dbus_signal()
    def PropertyChanged(self, name: "s", value: "v") -> "sv":  # type: ignore  # noqa: F821, N802, PGH003
        return [name, value]


class Call(ServiceInterface):
    def __init__(self, phone: "Phone") -> None:
        super().__init__("org.ofono.VoiceCall")
        self.phone = phone

    @dbus_method()
    def Hangup(self) -> None:  # noqa: N802
        self.phone.heard.append("Hangup")
        self.phone.end()

    @dbus_signal()
    def PropertyChanged(self, name: "s", value: "v") -> "sv":  # type: ignore  # noqa: F821, N802, PGH003
        return [name, value]


class VoiceCallManager(ServiceInterface):
    def __init__(self, phone: "Phone") -> None:
        super().__init__("org.ofono.VoiceCallManager")
        self.phone = phone

    @dbus_method()
    def GetCalls(self) -> "a(oa{sv})":  # type: ignore  # noqa: F722, N802, PGH003
        return [[path, {"State": Variant("s", state)}] for path, state in self.phone.calls.items()]

    @dbus_method()
    def Dial(self, number: "s", hide: "s") -> "o":  # type: ignore  # noqa: F821, N802, PGH003
        assert not hide, "the caller's number is shown as the phone's owner has set it"
        if self.phone.refuses:
            raise DBusError(self.phone.refuses, "no")
        self.phone.heard.append(f"Dial {number}")
        return self.phone.begin()

    @dbus_method()
    def SendTones(self, tones: "s") -> None:  # type: ignore  # noqa: F821, N802, PGH003
        self.phone.heard.append(f"SendTones {tones} while {self.phone.calls.get(self.phone.path, 'gone')}")

    @dbus_signal()
    def CallAdded(self, path: "o", properties: "a{sv}") -> "oa{sv}":  # type: ignore  # noqa: F722, F821, N802, PGH003
        return [path, properties]

    @dbus_signal()
    def CallRemoved(self, path: "o") -> "o":  # type: ignore  # noqa: F821, N802, PGH003
        return path


class Phone:
    """What is connected over Bluetooth; `heard` is what was asked of it, in order."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.calls: dict[str, str] = {}
        self.refuses = ""
        """the error with which a call is refused"""
        self.interfaces = ["org.ofono.VoiceCallManager"]
        self.path = ""
        self._count = 0
        self._bus: MessageBus | None = None

    async def connect(self, address: str) -> None:
        """oFono comes to the bus."""
        self._bus = bus = await MessageBus(bus_address=address, bus_type=BusType.SYSTEM).connect()
        self._modem, self._manager = Modem(), VoiceCallManager(self)
        bus.export("/", Manager(self))
        bus.export("/hfp/phone", self._modem)
        bus.export("/hfp/phone", self._manager)
        await bus.request_name("org.ofono")

    async def disconnect(self) -> None:
        """oFono leaves it."""
        if self._bus is not None:
            self._bus.disconnect()
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    def come_and_go(self, *, here: bool) -> None:
        """The phone is in reach, or not."""
        self.interfaces = ["org.ofono.VoiceCallManager"] if here else []
        self._modem.PropertyChanged("Interfaces", Variant("as", self.interfaces))

    def begin(self) -> str:
        assert self._bus is not None
        self._count += 1
        self.path = f"/hfp/phone/voicecall{self._count:02}"
        self.calls[self.path] = "dialing"
        self._call = Call(self)
        self._bus.export(self.path, self._call)
        asyncio.get_running_loop().call_soon(self._manager.CallAdded, self.path, {"State": Variant("s", "dialing")})
        return self.path

    def turn(self, state: str) -> None:
        """The call rings, or is taken."""
        self.calls[self.path] = state
        self._call.PropertyChanged("State", Variant("s", state))

    def end(self) -> None:
        """Either side hangs up."""
        self.turn("disconnected")
        del self.calls[self.path]
        self._manager.CallRemoved(self.path)
