from typing import Any

import pytest

from edge_agent.errors import DocumentRefused
from edge_agent.twin.document import Document, EventSpec, EverySpec, SnapshotSpec, judge

EVENT = {"kind": "event", "signals": ["Engine.*"], "when": "Engine.Rpm > 5000"}
SNAPSHOT = {"kind": "snapshot", "signals": ["Engine.*"]}
PERIODIC = {"kind": "periodic", "signals": ["Engine.*"], "every_ms": 100}
SECOND = 1_000_000_000


def written(rule: dict[str, Any]) -> dict[str, Any]:
    return {"schema_version": 1, "rules": {"one": rule}, "$version": 3}


def read(rule: dict[str, Any]) -> Any:
    return judge(written(rule)).rules["one"]


def refused(rule: dict[str, Any]) -> list[str]:
    with pytest.raises(DocumentRefused) as refusal:
        judge(written(rule))
    return [str(fault) for fault in refusal.value.faults]


def test_a_new_modules_empty_twin_asks_for_nothing() -> None:
    assert judge({"$version": 1}) == Document(schema_version=1)


def test_an_event_needs_a_condition_and_has_a_default_for_all_else() -> None:
    event = read(EVENT)

    assert isinstance(event, EventSpec)
    assert (event.before_s, event.after_s, event.cooldown_s, event.after_true_ms) == (0, 0, 0, 0)
    assert (event.trigger, event.collect, event.raw_frames) == ("rising", "all", False)
    assert read({**EVENT, "collect": {"every_ms": 100}}).collect == EverySpec(every_ms=100)


def test_a_snapshot_without_a_condition_waits_to_be_asked() -> None:
    snapshot = read(SNAPSHOT)

    assert isinstance(snapshot, SnapshotSpec)
    assert (snapshot.at, snapshot.edge, snapshot.every_min) == (None, "rising", None)


@pytest.mark.parametrize(
    ("text", "t_ns"),
    [
        ("1970-01-01T00:00Z", 0),
        ("1970-01-01T00:01:02Z", 62 * SECOND),
        ("1970-01-02T00:00:00.000000001Z", 86_400 * SECOND + 1),
        ("2199-12-31T23:59:59Z", 7_258_118_399 * SECOND),
    ],
)
def test_times_are_in_utc_to_the_nanosecond(text: str, t_ns: int) -> None:
    assert read({**PERIODIC, "active": {"from": text}}).active.from_ == t_ns


@pytest.mark.parametrize(
    ("rule", "fault_begins"),
    [
        (
            {**PERIODIC, "active": {"from": "2027-01-01"}},
            ".active.from: must be a time in UTC between 1970 and 2199, such",
        ),
        ({**PERIODIC, "active": {"until": 5}}, ".active.until: must be a time in UTC between 1970 and 2199, such"),
        ({**PERIODIC, "active": {"from": "2027-13-01T00:00Z"}}, ".active.from: is no time: Month out of range"),
        (
            {**PERIODIC, "active": {"from": "2027-01-01T00:00Z", "until": "2027-01-01T00:00Z"}},
            ".active.until: must be later than `from`",
        ),
        ({**PERIODIC, "while": ""}, ".while: "),
        ({**PERIODIC, "signals": ["!Engine.Rpm"]}, ".signals: name only what is not meant"),
        ({**PERIODIC, "expire": {"powered_s": -1}}, ".expire.powered_s: must be >= 0"),
        ({**PERIODIC, "thin": 0}, ".thin: must be >= 1"),
        ({**PERIODIC, "upload": "never"}, ".upload: input should be 'any' or 'unmetered'"),
        ({**PERIODIC, "when": "Engine.Rpm > 1"}, ".when: no such field here"),
        ({"kind": "event", "signals": ["Engine.Rpm"]}, ": when must be given"),
        ({**EVENT, "before_s": 3601}, ".before_s: must be <= 3600"),
        ({**EVENT, "trigger": "falling"}, ".trigger: input should be 'rising' or 'while'"),
        ({**EVENT, "collect": "some"}, ".collect: input should be 'all'"),
        ({**EVENT, "collect": {"every_ms": 1}}, ".collect.every_ms: must be >= 10"),
        ({**EVENT, "collect": {"deadband": -1}}, ".collect.deadband: must be >= 0"),
        ({**EVENT, "collect": {}}, ".collect: every_ms must be given"),
        ({**EVENT, "raw_frames": True, "lane": "hot"}, ".raw_frames: is for lane 'warm'"),
        ({**SNAPSHOT, "edge": "both"}, ".edge: 'both' goes with a condition `at` only"),
        ({**SNAPSHOT, "every_min": 0}, ".every_min: must be >= 1"),
    ],
)
def test_a_mistake_is_told_with_its_place(rule: dict[str, Any], fault_begins: str) -> None:
    [fault] = refused(rule)

    assert fault.startswith(f"rules.one{fault_begins}")


def test_true_is_no_version() -> None:
    with pytest.raises(DocumentRefused) as refused:
        judge({"schema_version": True, "rules": {}})
    assert [fault.loc for fault in refused.value.faults] == ["schema_version"]
