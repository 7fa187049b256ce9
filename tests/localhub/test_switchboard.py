import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.errors import DocumentRefused, LocalHubRefused
from edge_agent.localhub.arrivals import ArrivalLog
from edge_agent.localhub.identities import Gate, ModuleId, load_identities
from edge_agent.localhub.state import State
from edge_agent.localhub.switchboard import MethodResult, Switchboard

AGENT, CABIN, STRANGER = ModuleId("v1", "agent"), ModuleId("v1", "cabin"), ModuleId("v1", "stranger")


class Recorder:
    """A line that keeps what it is given; the real one is in test_connection."""

    def __init__(self, *, listens: bool = True) -> None:
        self.listens = listens
        self.delivered: list[tuple[str, bytes]] = []
        self.hung_up: list[str] = []

    def deliver(self, topic: str, payload: bytes) -> int | None:
        self.delivered.append((topic, payload))
        return len(self.delivered) if self.listens else None

    def hang_up(self, reason: str) -> None:
        self.hung_up.append(reason)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Switchboard]:
    with ArrivalLog(tmp_path / "arrived.jsonl") as arrivals:
        known = load_identities(tmp_path / "identities.json", [AGENT, CABIN])
        yield Switchboard(Gate(known), State(tmp_path / "state.json"), arrivals, ())


def test_a_desired_patch_reaches_its_module_and_no_other(board: Switchboard) -> None:
    agent, cabin = Recorder(), Recorder()
    board.plug_in(AGENT, agent)
    board.plug_in(CABIN, cabin)
    twin = board.desire(AGENT, '{"a": 1, "b": null}')
    assert agent.delivered == [("$iothub/twin/PATCH/properties/desired/?$version=2", b'{"a":1,"b":null,"$version":2}')]
    assert cabin.delivered == []
    assert twin.desired.document() == {"a": 1, "$version": 2}


def test_a_change_while_nobody_is_connected_is_in_the_twin_and_not_queued(board: Switchboard) -> None:
    board.desire(AGENT, '{"a": 1}')
    agent = Recorder()
    board.plug_in(AGENT, agent)
    assert agent.delivered == []
    assert board.twin(AGENT).desired.properties == {"a": 1}


def test_a_refused_patch_changes_nothing(board: Switchboard) -> None:
    with pytest.raises(DocumentRefused):
        board.desire(AGENT, '{"a": [null]}')
    with pytest.raises(DocumentRefused):
        board.report(AGENT, b"[]")
    assert board.twin(AGENT).document() == {"desired": {"$version": 1}, "reported": {"$version": 1}}


async def test_a_module_that_is_not_known_is_404(board: Switchboard) -> None:
    with pytest.raises(LocalHubRefused, match="404: module v1/stranger is not known"):
        board.twin(STRANGER)
    with pytest.raises(LocalHubRefused, match="404"):
        board.desire(STRANGER, "{}")
    with pytest.raises(LocalHubRefused, match="404"):
        await board.invoke(STRANGER, "ping", b"null", timeout_s=1)


async def test_a_method_nobody_listens_for_is_404_and_an_unanswered_one_504(board: Switchboard) -> None:
    with pytest.raises(LocalHubRefused, match="404: module v1/agent does not listen for methods"):
        await board.invoke(AGENT, "ping", b"null", timeout_s=1)
    board.plug_in(AGENT, Recorder(listens=False))
    with pytest.raises(LocalHubRefused, match="404"):
        await board.invoke(AGENT, "ping", b"null", timeout_s=1)
    board.plug_in(AGENT, Recorder())
    with pytest.raises(LocalHubRefused, match=r"504: method 'ping' was not answered within 0\.01 s"):
        await board.invoke(AGENT, "ping", b"null", timeout_s=0.01)
    with pytest.raises(LocalHubRefused, match="413"):
        await board.invoke(AGENT, "ping", bytes(128 * 1024 + 1), timeout_s=1)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{bad", "not JSON: Expecting property name enclosed in double quotes at line 1 column 2"),
        (b"", "not JSON: Expecting value at line 1 column 1"),
        (b"9" * 4301, "a number of more than 4,300 digits at line 1 column 1"),
        (b'"\xff"', "not UTF-8 at byte 1"),
    ],
)
async def test_a_call_with_what_is_no_json_is_refused_at_once(board: Switchboard, payload: bytes, reason: str) -> None:
    line = Recorder()
    board.plug_in(AGENT, line)
    with pytest.raises(LocalHubRefused, match=f"400: the payload: {reason}$"):
        await board.invoke(AGENT, "ping", payload, timeout_s=0)
    assert not line.delivered


async def test_only_the_module_that_was_asked_can_answer_and_only_once(board: Switchboard) -> None:
    line = Recorder()
    board.plug_in(AGENT, line)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(board.invoke(AGENT, "ping", b"7", timeout_s=5), name="call")
        await asyncio.sleep(0)
        ((topic, payload),) = line.delivered
        request = topic.removeprefix("$iothub/methods/POST/ping/?$rid=")
        board.answered(CABIN, request, MethodResult(200, '"forged"'))
        board.answered(AGENT, request, MethodResult(207, '"pong"'))
        board.answered(AGENT, request, MethodResult(200, '"again"'))
    assert payload == b"7"
    assert call.result() == MethodResult(207, '"pong"')
    assert [text.split(":")[0] for text in board.refusals] == ["v1/cabin", "v1/agent"]


def test_a_line_that_was_taken_over_does_not_unplug_its_successor(board: Switchboard) -> None:
    first, second = Recorder(), Recorder()
    board.plug_in(AGENT, first)
    board.plug_in(AGENT, second)
    assert first.hung_up == ["a second connection with the same client id took over"]
    board.unplug(AGENT, first)
    assert board.connected == {AGENT}
    board.unplug(AGENT, second)
    assert board.connected == frozenset()
