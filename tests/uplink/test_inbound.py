"""Patches and methods from foreign threads are served in order; what cannot be served ends the session."""

import asyncio
import json

from edge_agent.errors import HubUnreachable
from edge_agent.records import MethodAnswer
from edge_agent.uplink.inbound import Inbound, MethodCall, Patch
from tests.uplink.fakes import Recorder, Told


class Line:
    """What goes back to the hub."""

    def __init__(self) -> None:
        self.reported: list[str] = []
        self.answers: list[MethodAnswer] = []
        self.broken = False

    async def report(self, patch: str) -> None:
        if self.broken:
            raise HubUnreachable("no answer")
        self.reported.append(patch)

    async def reply(self, answer: MethodAnswer) -> None:
        self.answers.append(answer)


def inbound(inbox: Recorder, line: Line, log: Told | None = None) -> Inbound:
    return Inbound(inbox, line.report, log=log or Told(), method_limit_s=0.05)


def patch(version: int) -> Patch:
    return Patch(json.dumps({"$version": version}))


async def test_what_is_heard_on_another_thread_is_served_in_order() -> None:
    inbox, line, log = Recorder(), Line(), Told()
    served = inbound(inbox, line, log)

    def speak() -> None:
        for version in range(10):
            served.hear(patch(version))
        served.hear(MethodCall("ping", "{}", line.reply))

    async with asyncio.TaskGroup() as group:
        serving = group.create_task(served.serve(), name="serve")
        await asyncio.to_thread(speak)
        async with asyncio.timeout(5):
            while not line.answers:  # noqa: ASYNC110  what other threads do has no event here
                await asyncio.sleep(0.01)
        served.lose("enough")
    assert await serving == "enough"
    assert [each["$version"] for each in inbox.patches] == list(range(10))
    assert len(line.reported) == 10
    assert log.fields("uplink.method_called") == [{"name": "ping", "status": 200}]


async def test_the_first_reason_for_the_loss_is_told() -> None:
    served = inbound(Recorder(), Line())
    served.lose("the connection was lost")
    served.lose("closed")
    assert await served.serve() == "the connection was lost"


async def test_a_report_that_fails_ends_the_session() -> None:
    inbox, line = Recorder(), Line()
    line.broken = True
    served = inbound(inbox, line)
    served.hear(patch(1))
    assert await served.serve() == "no answer"


async def test_more_than_can_be_kept_ends_the_session_rather_than_losing_a_patch() -> None:
    served = inbound(Recorder(), Line())
    for version in range(65):
        served.hear(patch(version))
    await asyncio.sleep(0)
    assert "64 patches" in await served.serve()


async def test_a_method_without_an_answer_in_time_is_answered_for_the_inbox() -> None:
    inbox, line = Recorder(), Line()
    inbox.method_delay_s = 60.0
    served = inbound(inbox, line)
    served.hear(MethodCall("ping", "{}", line.reply))
    async with asyncio.TaskGroup() as group:
        group.create_task(served.serve(), name="serve")
        async with asyncio.timeout(5):
            while not line.answers:  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(0.01)
        served.lose("enough")
    assert line.answers == [MethodAnswer(504, '{"error": "no answer within 0.05 s"}')]
