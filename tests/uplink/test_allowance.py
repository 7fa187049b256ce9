import asyncio

from edge_agent.records import ANYTHING, Terms
from edge_agent.uplink.allowance import Allowance

LESS = Terms(last_priority=4)


async def test_whoever_waits_is_woken_by_other_terms_and_by_those_alone() -> None:
    allowance = Allowance()
    waiting = asyncio.create_task(allowance.changed(ANYTHING), name="waiting")
    await asyncio.sleep(0)
    allowance.allow(ANYTHING)
    await asyncio.sleep(0)
    assert not waiting.done()

    allowance.allow(LESS)
    await waiting

    assert allowance.terms == LESS


async def test_a_change_before_anyone_waited_is_not_missed() -> None:
    allowance = Allowance()
    allowance.allow(LESS)

    await asyncio.wait_for(allowance.changed(ANYTHING), 1)
