"""The direct methods of a running agent: who answers each, and what the driver's consent leaves untold."""

import json
from collections.abc import Awaitable, Callable, Mapping

from edge_agent.head_unit.door import CabinDoor
from edge_agent.sift import Sift
from edge_agent.tap.latest import Latest
from edge_agent.twin.methods import Answer, Method, all_flushed, latest_values, snapshot_taken


def methods_of(
    sift: Sift,
    latest: Latest,
    trials: Callable[[object], Awaitable[Answer]],
    cabin: CabinDoor,
    status: Callable[[], Answer],
) -> Mapping[str, Method]:
    """By name. `trials` tries rules on frames of the past, `status` says how the agent is."""

    def latest_told(payload: object) -> Answer:
        cabin.judge_telling()
        return latest_values(payload, latest.values(), with_places=cabin.may_tell_places)

    async def tried(payload: object) -> Answer:
        cabin.judge_telling(json.dumps(payload))  # of a condition it tells whether it was true
        return await trials(payload)

    return {
        "status": lambda _: status(),
        "latest": latest_told,
        "snapshot": lambda payload: snapshot_taken(payload, sift.snapshot_rules, sift.snapshot),
        "flush": lambda payload: all_flushed(payload, sift.flush),
        "rules.test": tried,
    }
