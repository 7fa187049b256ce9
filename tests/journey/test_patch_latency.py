"""From a desired patch at the hub's door to the first samples of the rule it brings, over TLS and the real SDK.

`pytest -s tests/journey/test_patch_latency.py` shows the figures.
"""

import sys
import time
from datetime import datetime
from pathlib import Path
from statistics import quantiles

import pytest

from tests.journey.line import (
    VEHICLE,
    AgentProcess,
    agent_process,
    buses_variable,
    desire,
    document,
    local_hub,
    until,
)
from tests.journey.recordings import write_drive

ADDRESS = "127.0.0.98"
PATCHES = 60
SECONDS = 60.0
RULE = {"kind": "on_change", "signals": ["*"], "batch": {"max_age_s": 0.1}}
"""its batches are sealed in the tick in which they begin, or soon after; when they are is told"""
PROMISED_MS = 500

pytestmark = [pytest.mark.slow, pytest.mark.timed, pytest.mark.timeout(90)]


async def sealed_ms(agent: AgentProcess, rule: str) -> float:
    """When the first batch of a rule was sealed, by the agent's own clock."""

    def sealed() -> list[dict[str, object]]:
        return [each for each in agent.events("policy.batch_sealed") if each["rule"] == rule]

    await until(lambda: bool(sealed()))
    assert int(str(sealed()[0]["samples"])) > 0
    return datetime.fromisoformat(str(sealed()[0]["timestamp"])).timestamp() * 1000


async def test_a_new_rule_has_its_first_samples_soon_after_its_patch(tmp_path: Path) -> None:
    variables = {
        "BUSES": buses_variable(VEHICLE),
        "REPLAY_LOG": str(write_drive(tmp_path / "drive.log", seed=5, seconds=SECONDS)),
        "REPLAY_SPEED": "1",
    }
    waited_ms = []
    async with local_hub(tmp_path / "hub", ADDRESS) as hub:
        await desire(hub.folder, document(rule=RULE))
        async with agent_process(tmp_path, variables | hub.environment("connection_string")) as agent:
            before = "rule"
            await sealed_ms(agent, before)
            await agent.told("uplink.link_up")
            for number in range(PATCHES):
                rule = f"rule{number}"
                patched_ms = time.time() * 1000
                await desire(hub.folder, {"rules": {before: None, rule: RULE}})
                waited_ms.append(await sealed_ms(agent, rule) - patched_ms)
                before = rule
            agent.terminate()
            assert await agent.ended() == 0
            assert agent.alarms() == []
            assert agent.events("twin.document_applied")[-1]["version"] == PATCHES + 2

    cuts = quantiles(waited_ms, n=100, method="inclusive")
    sys.stdout.write(
        f"\nof {PATCHES} patches: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, max {max(waited_ms):.0f} ms\n"
    )
    assert cuts[49] < PROMISED_MS
    assert max(waited_ms) < 4 * PROMISED_MS  # others may have the processor for a while; a lost second shows still
