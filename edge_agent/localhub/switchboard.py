"""Joins each module to its own twin, methods and messages, and to no other's: every route starts at a ModuleId."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from edge_agent.errors import JsonRefused, LocalHubRefused
from edge_agent.localhub import topics
from edge_agent.localhub.arrivals import ArrivalLog
from edge_agent.localhub.identities import Gate, ModuleId
from edge_agent.localhub.inputs import Inputs, Message
from edge_agent.localhub.packets import Connect
from edge_agent.localhub.routes import Input, Route
from edge_agent.localhub.state import State
from edge_agent.localhub.twins import Twin, compact, parse_patch
from edge_agent.written_json import read_json

_REFUSALS_KEPT: Final = 200
LONGEST_METHOD_BYTES: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class MethodResult:
    """A module's answer to a direct method: its own status and a JSON text."""

    status: int
    payload: str


class Line(Protocol):
    """The connection of one module."""

    def deliver(self, topic: str, payload: bytes) -> int | None:
        """Send a message with QoS 1; its packet id, or None where the module has not subscribed to the topic."""

    def hang_up(self, reason: str) -> None:
        """Drop the connection at once, for a reason that is told."""


class Switchboard:
    """Who is connected, and what passes between the modules and the hub's books."""

    def __init__(self, gate: Gate, state: State, arrivals: ArrivalLog, routes: Sequence[Route]) -> None:
        self.known = gate.known
        self._gate = gate
        self.state = state
        self.messages = 0
        self.body_bytes = 0
        self.refusals: deque[str] = deque(maxlen=_REFUSALS_KEPT)
        self._arrivals = arrivals
        self._lines: dict[ModuleId, Line] = {}
        self._asked: dict[tuple[ModuleId, str], asyncio.Future[MethodResult]] = {}
        self._calls = 0
        self._routes = routes
        self._inputs: defaultdict[ModuleId, Inputs] = defaultdict(Inputs)

    @property
    def connected(self) -> frozenset[ModuleId]:
        """The modules with a connection."""
        return frozenset(self._lines)

    def admit(self, connect: Connect, certified: str | None) -> ModuleId | str:
        """As `identities.Gate.admit`, now."""
        return self._gate.admit(connect, certified, time.time())

    def refused(self, who: str, reason: str) -> None:
        """Write down what the hub did not accept, as a sentence."""
        self.refusals.append(f"{who}: {reason}")

    def plug_in(self, module: ModuleId, line: Line) -> None:
        """The module talks through this line from now on; the line it had before is dropped."""
        before = self._lines.get(module)
        self._lines[module] = line
        if before is not None:
            before.hang_up("a second connection with the same client id took over")
        self._inputs[module].connection_lost()
        self.forward(module)

    def unplug(self, module: ModuleId, line: Line) -> None:
        """The line is gone; nothing happens where the module already has another."""
        if self._lines.get(module) is line:
            del self._lines[module]

    def drop_all(self, reason: str) -> None:
        """Drop every connection at once."""
        for line in tuple(self._lines.values()):
            line.hang_up(reason)

    def take_telemetry(self, module: ModuleId, properties: Mapping[str, str], body: bytes) -> None:
        """Write a message down, and pass it on, as the routes say. Raises DiskBusy; then it did not arrive."""
        sinks = [route.sink for route in self._routes if route.fits(module.module, properties)]
        if not sinks:
            self.refused(module.text, "sent a message that no route takes: dropped")
        if None in sinks:
            self._arrivals.append(module, properties, body, time.time_ns() // 1_000_000)
        for sink in dict.fromkeys(sinks):
            if sink is not None:
                self._queue(module, sink, properties, body)
        self.messages += 1
        self.body_bytes += len(body)

    def _queue(self, sender: ModuleId, sink: Input, properties: Mapping[str, str], body: bytes) -> None:
        to = ModuleId(sender.device, sink.module)
        # Who it is from, as edgeHub says it: connection device and module.
        bag = {**properties, "$.cdid": sender.device, "$.cmid": sender.module}
        topic = topics.module_input(*to, sink.name, bag)
        self._inputs[to].add(Message(topic, body, time.monotonic()))
        self.forward(to)

    def forward(self, module: ModuleId) -> None:
        """Send the module what waits for its inputs, where it is connected and listens."""
        if module in self._lines:
            self._inputs[module].send(self._lines[module].deliver, time.monotonic())

    def acknowledged(self, module: ModuleId, packet_id: int) -> None:
        """The module has a message that was sent to it."""
        self._inputs[module].acknowledged(packet_id)
        self.forward(module)

    def twin(self, module: ModuleId) -> Twin:
        """The module's twin. Raises LocalHubRefused (404) for a module that is not known."""
        self._must_know(module)
        return self.state.twin(module)

    def report(self, module: ModuleId, patch: bytes) -> int:
        """Patch the reported properties; returns their new version. Raises DocumentRefused."""
        twin = self.state.twin(module).with_reported(parse_patch(patch))
        self.state.keep_twin(module, twin)
        return twin.reported.version

    def desire(self, module: ModuleId, patch: str | bytes) -> Twin:
        """Patch the desired properties and tell the module, if it listens: a change is not queued for later.

        Raises DocumentRefused, or LocalHubRefused (404) for a module that is not known.
        """
        changes = parse_patch(patch)
        twin = self.twin(module).with_desired(changes)
        self.state.keep_twin(module, twin)
        if module in self._lines:
            body = compact({**changes, "$version": twin.desired.version}).encode()
            self._lines[module].deliver(topics.desired_patch(twin.desired.version), body)
        return twin

    async def invoke(self, module: ModuleId, name: str, payload: bytes, timeout_s: float) -> MethodResult:
        """Call a direct method.

        Raises LocalHubRefused: 400 the payload is no JSON, 404 not connected or not listening, 504 no answer in time.
        """
        self._must_know(module)
        if len(payload) > LONGEST_METHOD_BYTES:
            raise LocalHubRefused(413, f"{len(payload)} bytes; a direct method takes {LONGEST_METHOD_BYTES}")
        try:  # azure-iot-device ends on what is no JSON where nobody hears it, and nothing would answer
            read_json(payload)
        except JsonRefused as error:
            raise LocalHubRefused(400, f"the payload: {error}") from error
        self._calls += 1
        request = str(self._calls)
        line = self._lines.get(module)
        if line is None or line.deliver(topics.method_request(name, request), payload) is None:
            raise LocalHubRefused(404, f"module {module.device}/{module.module} does not listen for methods")
        answer: asyncio.Future[MethodResult] = asyncio.get_running_loop().create_future()
        self._asked[module, request] = answer
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError as error:
            raise LocalHubRefused(504, f"method {name!r} was not answered within {timeout_s:g} s") from error
        finally:
            del self._asked[module, request]

    def answered(self, module: ModuleId, request: str, result: MethodResult) -> None:
        """A module answers; an answer nobody waits for any more is written down and dropped."""
        waiting = self._asked.get((module, request))
        if waiting is None or waiting.done():
            self.refused(module.text, f"answered method call {request!r}, which nobody awaits")
        else:
            waiting.set_result(result)

    def _must_know(self, module: ModuleId) -> None:
        if module not in self.known:
            raise LocalHubRefused(404, f"module {module.device}/{module.module} is not known")
