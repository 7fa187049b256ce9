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


def test_a_limit_counts_beside_what_is_allowed_whichever_came_first_and_leaves_the_rest_as_it_is() -> None:
    allowance = Allowance(Terms(unmetered=False))
    allowance.limit(2)
    assert allowance.terms == Terms(last_priority=2, unmetered=False)
    allowance.allow(Terms(last_priority=0))
    assert allowance.terms == Terms(last_priority=0)
    allowance.allow(LESS)
    assert allowance.terms == Terms(last_priority=2)
    allowance.limit(-1)
    assert allowance.terms == Terms(last_priority=-1)
    allowance.limit(9)
    assert allowance.terms == LESS
