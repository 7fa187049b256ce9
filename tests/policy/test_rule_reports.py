"""What the twin says of each rule, and when."""

import json
from dataclasses import replace
from typing import Any

from edge_agent.policy.collector import Collector
from edge_agent.policy.rule_reports import LOOK_NS, SECTION, RuleActivity, RuleReports, RuleStatus, Sealed
from edge_agent.policy.rules import BatchLimits, Gate, OnChange
from edge_agent.records import CloseReason
from edge_agent.twin.reported import EVERY_NS, SOON_NS, Reported
from tests.policy.streams import SIGNALS, block, info, on_change, sample

LONG = BatchLimits(max_age_ns=1 << 60, max_bytes=100_000)
SILENT = RuleActivity(RuleStatus.SILENT, Sealed())


def rule(name: str) -> OnChange:
    return on_change(limits=LONG, about=info(name, "on_change"))


def running(*rules: OnChange) -> Collector:
    collector = Collector(["can0"])
    collector.reconfigure(1, SIGNALS, rules)
    return collector


def test_a_rule_is_silent_until_it_has_sealed_something_and_then_it_is_counted() -> None:
    collector = running(rule("a"))
    assert collector.activity == {"a": SILENT}

    collector.feed(block([sample(1, 0, 1), sample(2, 0, 2)]))
    [batch] = collector.flush(CloseReason.FLUSHED)

    assert collector.activity == {"a": RuleActivity(RuleStatus.RUNNING, Sealed(batch.kept, 1, batch.closed_ns))}


def test_a_rule_whose_gate_is_closed_is_gated_also_after_it_kept_something() -> None:
    collector = running(replace(rule("a"), gate=Gate(until_ns=5)))
    collector.feed(block([sample(1, 0, 1)], until_ns=4))
    collector.flush(CloseReason.FLUSHED)
    before = collector.activity["a"]

    collector.feed(block([sample(6, 0, 1)], until_ns=9))

    after = collector.activity["a"]
    assert (before.status, after.status) == (RuleStatus.RUNNING, RuleStatus.GATED)
    assert after.sealed == before.sealed


def test_counters_go_on_over_configurations_for_a_rule_that_stays() -> None:
    collector = running(rule("a"), rule("b"))
    collector.feed(block([sample(1, 0, 1)]))

    collector.reconfigure(2, SIGNALS, (rule("b"), rule("c")))

    batches = {name: activity.sealed.batches for name, activity in collector.activity.items()}
    assert batches == {"b": 1, "c": 0}


def due(reported: Reported, now_ns: int) -> Any:
    patch = reported.due(now_ns)
    reported.answered(taken=True)
    return None if patch is None else json.loads(patch)[SECTION]


def test_counters_wait_for_the_minute_and_a_rule_that_begins_to_keep_does_not() -> None:
    reported = Reported()
    reports = RuleReports(reported)
    reports.say({"a": SILENT}, 0)
    assert due(reported, 0) == {"a": {"status": "silent", "kept": 0, "batches": 0}}

    first = RuleActivity(RuleStatus.RUNNING, Sealed(5, 1, 7_000_000))
    reports.say({"a": first}, LOOK_NS)
    assert due(reported, SOON_NS) == {"a": {"status": "running", "kept": 5, "batches": 1, "last_ms": 7}}

    reports.say({"a": RuleActivity(RuleStatus.GATED, Sealed(9, 2, 7_000_000))}, 2 * LOOK_NS)
    assert due(reported, SOON_NS + EVERY_NS - 1) is None
    assert due(reported, SOON_NS + EVERY_NS) == {"a": {"status": "gated", "kept": 9, "batches": 2}}


def test_a_rule_that_is_gone_is_taken_from_the_twin_soon() -> None:
    reported = Reported()
    reports = RuleReports(reported)
    reports.say({"a": SILENT, "b": SILENT}, 0)
    due(reported, 0)

    reports.say({"b": SILENT}, LOOK_NS)

    assert due(reported, SOON_NS) == {"a": None}


def test_it_is_looked_each_five_seconds() -> None:
    reports = RuleReports(Reported())
    assert reports.due(0)

    reports.say({}, 0)

    assert not reports.due(LOOK_NS - 1)
    assert reports.due(LOOK_NS)
