"""Rules on trial: what they would have kept of frames of the past."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from edge_agent.errors import MethodRefused
from edge_agent.records import CloseReason, FrameBlock
from edge_agent.spool.columns import seal
from edge_agent.spool.header import Sender
from edge_agent.twin.trial import FIRST_BOOT, tried
from tests.test_sift import CATALOG, Bench, config, every_change, frames

SENDER = Sender("car", "agent")
BLOCKS = (frames((0, 7), (1, 7), (2, 8)), frames((1000, 9)))


def told(rules: object, blocks: Sequence[FrameBlock] = BLOCKS, *, expired: bool = False) -> Any:
    return tried({"rules": rules}, CATALOG, SENDER, blocks, expired=lambda: expired)


async def test_what_a_trial_tells_is_what_running_rules_keep() -> None:
    rules = {"a": every_change("M.A"), "both": every_change("M.*", purpose="trial")}
    bench = Bench()
    await bench.configs.put(config(0, **rules))
    for block in BLOCKS:
        await bench.frames.put(block)
    bench.frames.close()
    await bench.run()
    sealed = await bench.sealed()
    assert {batch.why for batch in sealed} == {CloseReason.STOPPED}
    kept = {batch.rule.name: batch.kept for batch in sealed}

    found = told(rules)

    assert found["frames"] == 4
    assert found["missing"] == []
    assert {name: rule["samples"] for name, rule in found["rules"].items()} == {"a": 4, "both": 8}
    assert {name: rule["kept"] for name, rule in found["rules"].items()} == kept == {"a": 3, "both": 6}
    assert {name: rule["batches"] for name, rule in found["rules"].items()} == {"a": 1, "both": 1}
    for batch in sealed:  # which say how healthy the bus was besides
        whole = len(seal(batch, SENDER, FIRST_BOOT, ()).payload)
        assert 0.5 * whole < found["rules"][batch.rule.name]["bytes"] <= whole


def test_a_rule_that_keeps_nothing_is_told_too() -> None:
    rules = {"never": {"kind": "event", "signals": ["M.A"], "when": "M.A > 100"}}

    assert told(rules)["rules"] == {"never": {"samples": 4, "kept": 0, "batches": 0, "bytes": 0}}


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (None, "the payload must be"),
        ({"rules": {}}, "the payload must be"),
        ({"rules": {"a": every_change("M.A")}, "more": 1}, "the payload must be"),
        ({"rules": {"a": every_change("M.Gone")}}, "rules.a.signals[0]: no signal 'M.Gone'"),
        ({"rules": {"a": {"kind": "perodic"}}}, "rules.a"),
        ({"rules": {str(i): every_change("M.Gone") for i in range(12)}}, "and 2 more"),
    ],
)
def test_what_is_no_map_of_rules_is_refused_with_the_place(payload: object, says: str) -> None:
    with pytest.raises(MethodRefused) as refused:
        tried(payload, CATALOG, SENDER, BLOCKS, expired=lambda: False)

    assert refused.value.status == 400
    assert says in refused.value.reason


def test_without_frames_there_is_nothing_to_try_rules_on() -> None:
    with pytest.raises(MethodRefused, match="no frames") as refused:
        told({"a": every_change("M.A")}, ())
    assert refused.value.status == 404


def test_it_ends_when_its_time_is_over() -> None:
    with pytest.raises(MethodRefused, match="too long") as refused:
        told({"a": every_change("M.A")}, expired=True)
    assert refused.value.status == 504


def test_an_answer_is_json() -> None:
    json.dumps(told({"a": every_change("M.A")}))
