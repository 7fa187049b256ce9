import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.policy.rules import Aggregate, BatchLimits, Bounded, OnChange, Periodic
from edge_agent.records import Lane, RawKind, RuleInfo, TimeUnit
from edge_agent.twin.compilation import HOT_MAX_BYTES, MAX_RULE_SIGNALS, REPORTED_FAULTS, Config, faults_of_text
from edge_agent.twin.desired import Applied, Kept, Outcome, Twin, Unchanged, merged
from edge_agent.twin.document import MAX_RULES
from edge_agent.twin.fitting import CUT_ROOM, ROOMS

Doc = dict[str, Any]
PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def message(name: str, can_id: int, *signals: str) -> Message:
    field = BitField(0, 8, big_endian=False)
    return Message(name, can_id, 8, tuple(Signal(one, field, RawKind.UNSIGNED, 1.0, 0.0, "") for one in signals))


CATALOG = Catalog(
    [("can0", [Database("a.dbc", (message("Engine", 1, "Rpm", "CoolantTemp"), message("Motion", 2, "Speed")))])]
)
IDLE = {"kind": "periodic", "signals": ["Engine.Rpm"], "every_ms": 1000}


def desired(version: int = 1, /, **rules: object) -> Doc:
    return {"schema_version": 1, "rules": rules, "$version": version}


def idle(**fields: object) -> Doc:
    return desired(idle=IDLE | fields)


def change(**fields: object) -> Doc:
    return desired(idle={"kind": "on_change", "signals": ["Engine.Rpm"]} | fields)


def whole(document: Doc) -> str:
    return json.dumps({"desired": document, "reported": {"anything": 1}})


def fresh() -> Twin:
    return Twin(CATALOG)


def applied(outcome: Outcome) -> Config:
    assert isinstance(outcome, Applied), outcome
    return outcome.config


def refused(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Kept), outcome
    return [str(fault) for fault in outcome.faults]


def reported(twin: Twin) -> Doc:
    body = json.loads(twin.reported())
    assert body.keys() == {"config"}
    config: Doc = body["config"]
    return config


def running(twin: Twin) -> list[str]:
    return [rule.info.name for rule in twin.config.rules] if twin.config else []


# --- what runs -----------------------------------------------------------------------------------


def test_a_document_becomes_tables_and_rules() -> None:
    steady = {
        "kind": "periodic",
        "signals": ["Motion.Speed", "Engine.*"],
        "every_ms": 500,
        "priority": 2,
        "purpose": "fleet",
        "time_unit": "us",
        "batch": {"max_age_s": 2.5, "max_bytes": 10_000},
    }
    alarm = {
        "kind": "on_change",
        "signals": ["Engine.CoolantTemp", "Engine.CoolantTemp"],
        "deadband": 2,
        "min_interval_ms": 100,
        "heartbeat_ms": 60_000,
        "lane": "hot",
        "batch": {"max_bytes": 10_000},
    }

    config = applied(fresh().document(whole(desired(7, steady=steady, alarm=alarm))))

    assert config.version == 7
    assert [info.name for info in config.plan.signals] == ["Motion.Speed", "Engine.Rpm", "Engine.CoolantTemp"]
    first, second = config.rules
    assert isinstance(first, Periodic)
    assert first.info == RuleInfo("steady", "periodic", 2, Lane.WARM, "fleet", TimeUnit.US)
    assert (first.signals.tolist(), first.every_ns) == ([0, 1, 2], 500_000_000)
    assert first.limits == BatchLimits(2_500_000_000, 10_000)
    assert isinstance(second, OnChange)
    assert second.info == RuleInfo("alarm", "on_change", 5, Lane.HOT, "", TimeUnit.MS)
    assert (second.signals.tolist(), second.deadband) == ([2], 2.0)
    assert (second.min_interval_ns, second.heartbeat_ns) == (100_000_000, 60_000_000_000)
    assert (first.keep, second.relative_deadband) == ((Aggregate.LAST,), 0.0)
    assert second.limits == BatchLimits(10_000_000_000, 10_000)


def test_a_window_may_be_told_by_any_aggregates() -> None:
    config = applied(fresh().document(whole(idle(keep=["mean", "max"]))))

    [rule] = config.rules
    assert isinstance(rule, Periodic)
    assert rule.keep == (Aggregate.MEAN, Aggregate.MAX)


def test_a_dead_band_may_be_a_share_of_the_value() -> None:
    config = applied(fresh().document(whole(change(deadband={"relative": 0.02}))))

    [rule] = config.rules
    assert isinstance(rule, OnChange)
    assert (rule.deadband, rule.relative_deadband) == (0.0, 0.02)


@pytest.mark.parametrize(
    ("fields", "hold_ms"), [({}, 10_000), ({"heartbeat_ms": 2000}, 2000), ({"heartbeat_ms": 60_000}, 10_000)]
)
def test_a_bound_on_the_error_holds_samples_for_a_heartbeat_but_no_longer_than_a_batch(
    fields: Doc, hold_ms: int
) -> None:
    config = applied(fresh().document(whole(change(max_error=0.5, **fields))))

    [rule] = config.rules
    assert isinstance(rule, Bounded)
    assert (rule.info.kind, rule.max_error, rule.max_hold_ns) == ("on_change", 0.5, hold_ms * 1_000_000)


def test_a_hot_batch_is_bounded_by_what_an_uncompressed_message_may_be() -> None:
    hot = {**IDLE, "lane": "hot", "batch": {"max_bytes": 500_000}}
    warm = {**IDLE, "batch": {"max_bytes": 500_000}}

    config = applied(fresh().document(whole(desired(hot=hot, warm=warm))))

    assert [rule.limits.max_bytes for rule in config.rules] == [HOT_MAX_BYTES, 500_000]


def test_a_new_modules_empty_twin_asks_for_nothing_and_is_no_mistake() -> None:
    config = applied(fresh().document('{"desired": {"$version": 1}, "reported": {"$version": 1}}'))

    assert (config.version, config.rules, config.plan.signals) == (1, (), ())


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        (idle(every_ms=9), ["rules.idle.every_ms: must be >= 10"]),
        (idle(every_ms=86_400_001), ["rules.idle.every_ms: must be <= 86400000"]),
        (idle(every_ms="1000"), ["rules.idle.every_ms: input should be a valid integer"]),
        (idle(every_ms=True), ["rules.idle.every_ms: input should be a valid integer"]),
        (
            idle(kind="perodic"),
            ["rules.idle: 'kind' must be one of 'periodic', 'on_change', 'event', 'snapshot', not 'perodic'"],
        ),
        (desired(idle={"signals": ["Engine.Rpm"]}), ["rules.idle: must have a field 'kind'"]),
        (desired(idle={"kind": "periodic", "signals": ["Engine.Rpm"]}), ["rules.idle: every_ms must be given"]),
        (idle(deadband=1), ["rules.idle.deadband: no such field here"]),
        (idle(signals=[]), ["rules.idle.signals: must not be empty"]),
        (idle(signals=[""]), ["rules.idle.signals[0]: string should have at least 1 character"]),
        (idle(signals="Engine.Rpm"), ["rules.idle.signals: must be a list"]),
        (idle(signals=["Engine.Rpm", 5]), ["rules.idle.signals[1]: input should be a valid string"]),
        (idle(priority=10), ["rules.idle.priority: must be <= 9"]),
        (idle(lane="cold"), ["rules.idle.lane: input should be 'hot' or 'warm'"]),
        (idle(batch={"max_bytes": 4095}), ["rules.idle.batch.max_bytes: must be >= 4096"]),
        (idle(batch={"max_bytes": 500_001}), ["rules.idle.batch.max_bytes: must be <= 500000"]),
        (idle(batch={"max_age": 1}), ["rules.idle.batch.max_age: no such field here"]),
        (idle(batch={"max_age_s": 3601}), ["rules.idle.batch.max_age_s: must be <= 3600"]),
        (idle(purpose="x" * 65), ["rules.idle.purpose: string should have at most 64 characters"]),
        (desired(idle=7), ["rules.idle: input should be an object"]),
        (
            desired(idle={"kind": "on_change", "signals": ["Engine.Rpm"], "deadband": -0.5}),
            ["rules.idle.deadband: must be >= 0"],
        ),
        (change(deadband=True), ["rules.idle.deadband: input should be a valid number"]),
        (change(deadband="1"), ["rules.idle.deadband: input should be a valid number"]),
        (change(deadband={"relative": 0}), ["rules.idle.deadband.relative: must be > 0"]),
        (change(deadband={"relative": 1.5}), ["rules.idle.deadband.relative: must be <= 1"]),
        (change(deadband={}), ["rules.idle.deadband: relative must be given"]),
        (
            change(deadband={"relative": 0.1, "absolute": 1}),
            ["rules.idle.deadband.absolute: no such field here"],
        ),
        (change(max_error=0), ["rules.idle.max_error: must be > 0"]),
        (
            change(max_error=1, deadband=1, min_interval_ms=5),
            ["rules.idle.max_error: goes with no deadband and no min_interval_ms: its bound alone decides"],
        ),
        (
            change(max_error=1, deadband={"relative": 0.5}),
            ["rules.idle.max_error: goes with no deadband: its bound alone decides"],
        ),
        (
            change(max_error=1, lane="hot"),
            ["rules.idle.max_error: is for lane 'warm': samples are held until later ones have come"],
        ),
        (idle(max_error=1), ["rules.idle.max_error: no such field here"]),
        (idle(keep=[]), ["rules.idle.keep: must not be empty"]),
        (idle(keep="mean"), ["rules.idle.keep: must be a list"]),
        (
            idle(keep=["mean", "median"]),
            ["rules.idle.keep[1]: input should be 'last', 'first', 'min', 'max', 'mean' or 'count'"],
        ),
        (idle(keep=["max", "min", "max"]), ["rules.idle.keep: 'max' must not be named twice"]),
        (
            desired(**{"a b": IDLE}),
            ["rules.a b: a rule's name has 1 to 64 characters, and no dot, dollar, hash or space among them"],
        ),
        ({"rules": {}}, ["schema_version must be given"]),
        ({"schema_version": 2}, ["schema_version: input should be 1"]),
        ({"schema_version": 1, "rule": {}}, ["rule: no such field here"]),
        ({"schema_version": 1, "rules": []}, ["rules: input should be an object"]),
    ],
)
def test_a_mistake_is_told_with_its_place(document: Doc, faults: list[str]) -> None:
    twin = fresh()

    assert refused(twin.document(whole(document))) == faults
    assert [f"{error['loc']}: {error['msg']}".removeprefix(": ") for error in reported(twin)["errors"]] == faults


def test_all_mistakes_are_told_at_once() -> None:
    document = desired(a=IDLE | {"every_ms": 1, "priority": -1}, b={"kind": "on_change", "signals": []})

    assert refused(fresh().document(whole(document))) == [
        "rules.a.priority: must be >= 0",
        "rules.a.every_ms: must be >= 10",
        "rules.b.signals: must not be empty",
    ]


def test_an_unknown_signal_suggests_what_may_have_been_meant() -> None:
    document = desired(a=IDLE | {"signals": ["Engine.Rpm", "Engine.Rmp"]}, b=IDLE | {"signals": ["Gearbox.*"]})

    assert refused(fresh().document(whole(document))) == [
        "rules.a.signals[1]: no signal 'Engine.Rmp' in the databases; nearest: Engine.Rpm, Engine.CoolantTemp",
        "rules.b.signals[0]: no signal 'Gearbox.*' in the databases",
    ]


def test_without_any_database_that_is_what_is_told() -> None:
    twin = Twin(Catalog([("can0", [])]))

    assert refused(twin.document(whole(idle()))) == [
        "rules.idle.signals[0]: no signal 'Engine.Rpm': no database could be loaded"
    ]


MANY = Catalog([("can0", [Database("many.dbc", (message("Many", 1, *(f"S{i:05}" for i in range(10_000))),))])])


def test_so_many_rules_that_a_tick_would_not_suffice_are_refused() -> None:
    rules = {f"r{i}": IDLE for i in range(MAX_RULES + 1)}

    assert refused(fresh().document(whole(desired(**rules)))) == ["rules: must have at most 256"]
    del rules["r0"]
    applied(fresh().document(whole(desired(**rules))))


def test_so_many_signals_that_a_tick_would_not_suffice_are_refused_at_the_rule_that_asks_for_them() -> None:
    all_of_them = IDLE | {"signals": ["Many.*"]}
    fitting = {f"r{i}": all_of_them for i in range(MAX_RULE_SIGNALS // len(MANY))}

    applied(Twin(MANY).document(whole(desired(**fitting))))
    beyond = desired(**fitting, last=IDLE | {"signals": ["Many.S00000"]})
    assert refused(Twin(MANY).document(whole(beyond))) == [
        "rules.last.signals: with these the rules have more than 10000 signals, each counted in every rule"
    ]


def test_nearest_names_are_looked_for_only_where_they_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def noted(_: Catalog, name: str) -> tuple[str, ...]:
        asked.append(name)
        return ()

    monkeypatch.setattr(Catalog, "nearest", noted)

    faults = refused(fresh().document(whole(idle(signals=[f"Engine.Rmp{i}" for i in range(500)]))))

    assert len(faults) == 500
    assert asked == [f"Engine.Rmp{i}" for i in range(REPORTED_FAULTS)]


@pytest.mark.parametrize("text", re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE))
def test_what_the_page_of_the_rules_shows_runs(text: str) -> None:
    rule = json.loads(text)
    if rule["kind"] in {"periodic", "on_change"}:
        applied(fresh().document(whole(desired(shown=rule))))


def test_text_that_json_knows_and_unicode_does_not_is_refused() -> None:
    [fault] = refused(fresh().document(whole(idle(purpose="\ud800"))))

    assert fault.startswith("invalid JSON: ")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(number: float) -> None:
    document = desired(idle={"kind": "on_change", "signals": ["Engine.Rpm"], "deadband": number})

    assert refused(fresh().document(whole(document))) == ["rules.idle.deadband: input should be a finite number"]


# --- while a database could not be loaded --------------------------------------------------------

INCOMPLETE = Catalog([("can0", [Database("a.dbc", (message("Engine", 1, "Rpm"),))]), ("can1", [])], complete=False)


def test_while_a_database_is_refused_a_signal_that_is_unknown_is_left_out_and_told_and_the_rest_runs() -> None:
    twin = Twin(INCOMPLETE)
    body = IDLE | {"signals": ["Body.Door", "can1.*"]}

    config = applied(twin.document(whole(desired(3, idle=IDLE | {"signals": ["Body.Door", "Engine.Rpm"]}, body=body))))

    assert [info.name for info in config.plan.signals] == ["Engine.Rpm"]
    assert [(rule.info.name, rule.signals.tolist()) for rule in config.rules] == [("idle", [0]), ("body", [])]
    told = reported(twin)
    assert (told["status"], told["errors"], told["missing_count"]) == ("applied", [], 3)
    assert told["missing"] == [
        {"loc": loc, "msg": f"no signal {name!r} in the databases that could be loaded"}
        for loc, name in (
            ("rules.idle.signals[0]", "Body.Door"),
            ("rules.body.signals[0]", "Body.Door"),
            ("rules.body.signals[1]", "can1.*"),
        )
    ]


def test_while_a_database_is_refused_a_mistake_that_is_none_of_its_is_one_still() -> None:
    assert refused(Twin(INCOMPLETE).document(whole(idle(every_ms=1)))) == ["rules.idle.every_ms: must be >= 10"]


def test_what_ran_with_signals_missing_runs_whole_once_the_database_is_mended() -> None:
    outcome = Twin(INCOMPLETE).document(whole(idle(signals=["Motion.Speed"])))
    assert isinstance(outcome, Applied)

    config = applied(fresh().restore(outcome.document))

    assert ([info.name for info in config.plan.signals], config.missing) == (["Motion.Speed"], ())


# --- documents and patches in their order --------------------------------------------------------


def test_a_refused_document_leaves_the_running_one_and_the_patch_that_mends_it_builds_on_it() -> None:
    twin = fresh()
    twin.document(whole(desired(3, idle=IDLE)))

    refused(twin.patch(json.dumps({"rules": {"fast": {**IDLE, "every_ms": 1}}, "$version": 4})))
    assert running(twin) == ["idle"]
    told = reported(twin)
    assert (told["version"], told["running_version"], told["status"]) == (4, 3, "refused")

    config = applied(twin.patch(json.dumps({"rules": {"fast": {"every_ms": 10}}, "$version": 5})))
    assert (running(twin), config.version) == (["idle", "fast"], 5)
    told = reported(twin)
    assert told == {
        "version": 5,
        "running_version": 5,
        "status": "applied",
        "errors": [],
        "error_count": 0,
        "missing": [],
        "missing_count": 0,
        "cut": [],
    }


def test_null_removes_a_rule_or_a_field() -> None:
    twin = fresh()
    twin.document(whole(desired(1, a=IDLE | {"priority": 1}, b=IDLE)))

    applied(twin.patch(json.dumps({"rules": {"a": {"priority": None}, "b": None}, "$version": 2})))

    assert twin.config is not None
    assert [(rule.info.name, rule.info.priority) for rule in twin.config.rules] == [("a", 5)]


def test_a_rule_that_changes_its_kind_by_a_patch_is_refused_at_the_fields_it_left_behind() -> None:
    twin = fresh()
    twin.document(whole(desired(1, idle=IDLE)))

    faults = refused(twin.patch(json.dumps({"rules": {"idle": {"kind": "on_change"}}, "$version": 2})))

    assert faults == ["rules.idle.every_ms: no such field here"]
    applied(twin.patch(json.dumps({"rules": {"idle": {"every_ms": None}}, "$version": 3})))
    assert twin.config is not None
    assert isinstance(twin.config.rules[0], OnChange)


@pytest.mark.parametrize("version", [1, 4, 5])
def test_a_patch_that_is_not_newer_says_nothing(version: int) -> None:
    twin = fresh()
    twin.document(whole(desired(5, idle=IDLE)))

    assert isinstance(twin.patch(json.dumps({"rules": None, "$version": version})), Unchanged)
    assert running(twin) == ["idle"]


def test_a_patch_without_a_version_is_heard() -> None:
    twin = fresh()
    twin.document(whole(desired(5, idle=IDLE)))

    applied(twin.patch(json.dumps({"rules": {"idle": None}})))

    assert running(twin) == []


def test_the_same_document_after_a_reconnect_changes_nothing() -> None:
    twin = fresh()
    twin.document(whole(desired(5, idle=IDLE)))
    before = twin.config

    assert isinstance(twin.document(whole(desired(5, idle=IDLE))), Unchanged)
    assert twin.config is before


def test_a_refused_document_that_comes_again_is_not_reported_as_applied() -> None:
    twin = fresh()
    twin.document(whole(desired(5, idle=IDLE)))
    twin.document(whole(desired(6, idle=7)))

    twin.document(whole(desired(6, idle=7)))

    assert reported(twin)["status"] == "refused"
    assert running(twin) == ["idle"]


def test_a_refused_document_that_comes_again_is_not_judged_again_even_where_nothing_runs() -> None:
    twin = fresh()
    refused(twin.document(whole(desired(6, idle=7))))

    assert isinstance(twin.document(whole(desired(6, idle=7))), Unchanged)
    assert reported(twin)["status"] == "refused"
    applied(twin.document(whole(desired(7, idle=IDLE))))


def test_a_twin_that_was_made_anew_begins_with_a_small_version_and_is_heard() -> None:
    twin = fresh()
    twin.document(whole(desired(50, idle=IDLE)))

    applied(twin.document(whole(desired(1, other=IDLE))))
    applied(twin.patch(json.dumps({"rules": {"third": IDLE}, "$version": 2})))

    assert running(twin) == ["other", "third"]


def test_what_ran_runs_again_after_a_restart_without_network_and_is_the_same_when_it_returns() -> None:
    twin = fresh()
    outcome = twin.document(whole(desired(9, idle=IDLE)))
    assert isinstance(outcome, Applied)

    later = fresh()
    config = applied(later.restore(outcome.document))

    assert (config.version, running(later)) == (9, ["idle"])
    assert isinstance(later.document(whole(desired(9, idle=IDLE))), Unchanged)


def test_a_kept_document_that_no_longer_fits_the_databases_is_refused_and_nothing_runs() -> None:
    twin = Twin(Catalog([("can0", [])]))

    assert refused(twin.restore(json.dumps(desired(9, idle=IDLE))))
    assert twin.config is None
    told = reported(twin)
    assert (told["version"], told["running_version"], told["status"]) == (9, 0, "refused")


def test_only_a_document_that_runs_is_to_be_kept() -> None:
    twin = fresh()

    outcome = twin.document(whole(desired(2, idle=IDLE)))

    assert isinstance(outcome, Applied)
    assert json.loads(outcome.document) == desired(2, idle=IDLE)


# --- the reported part ---------------------------------------------------------------------------


def test_of_many_mistakes_the_first_are_reported_and_all_are_counted() -> None:
    twin = fresh()
    twin.document(whole(desired(1, **{f"r{i}": IDLE | {"every_ms": 1} for i in range(50)})))

    told = reported(twin)
    assert (len(told["errors"]), told["error_count"]) == (REPORTED_FAULTS, 50)


@pytest.mark.parametrize("letter", ["x", "é", "\u4e2d", "🚗", '"', "\\"])
def test_what_is_reported_stays_small_whatever_was_desired(letter: str) -> None:
    twin = fresh()
    rules = {f"{i}{letter * 1000}.": {letter * 200 + str(j): 1 for j in range(9)} | IDLE for i in range(30)}
    twin.document(whole(desired(1, **rules, short=IDLE | {"signals": [f"{letter * 250}{i}" for i in range(30)]})))

    assert len(twin.reported()) <= ROOMS["config"] + CUT_ROOM
    assert reported(twin)["errors"]


def test_what_is_missing_and_what_is_wrong_stay_small_together() -> None:
    twin = Twin(INCOMPLETE)
    twin.document(whole(desired(1, idle=IDLE | {"signals": ["\u4e2d" * 250 + str(i) for i in range(30)]})))
    twin.patch(json.dumps({"rules": {"x" * 1000 + f"{i}.": IDLE for i in range(30)}, "$version": 2}))

    told = reported(twin)
    assert told["errors"]
    assert told["missing"]
    assert len(twin.reported()) <= ROOMS["config"] + CUT_ROOM


# --- merging -------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


def without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(one) for key, one in value.items() if one is not None}


@given(document=OBJECTS, patch=OBJECTS)
def test_after_a_patch_the_document_says_what_the_patch_said(document: Doc, patch: Doc) -> None:
    before = json.dumps(document)

    result = merged(without_nulls(document), patch)

    assert json.dumps(document) == before
    for key, value in patch.items():
        if value is None:
            assert key not in result
        elif isinstance(value, dict):
            assert result[key] == merged(result_before(document, key), value)
        else:
            assert result[key] == value
    for key in document.keys() - patch.keys():
        assert result.get(key) == without_nulls(document[key])
    assert merged(result, patch) == result


def result_before(document: Doc, key: str) -> Doc:
    value = without_nulls(document).get(key)
    return value if isinstance(value, dict) else {}


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [  # RFC 7396, appendix A, as far as a twin can say it
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": 1}, {"a": {"b": None}}, {"a": {}}),
    ],
)
def test_patches_merge_as_the_standard_says(document: Doc, patch: Doc, result: Doc) -> None:
    assert merged(document, patch) == result


# --- a document as somebody wrote it --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"schema_version": 1,\n "rules" {}}', "line 2 column 10: "),
        ("[]", "the desired properties must be a JSON object"),
        ('{"schema_version": 3}', "schema_version: input should be 1"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_text_with_a_mistake_tells_it(text: str, fault: str) -> None:
    [told] = faults_of_text(text, CATALOG)

    assert str(told).startswith(fault)


def test_a_text_that_would_run_has_no_fault() -> None:
    assert faults_of_text(json.dumps(idle()), CATALOG) == ()
    assert faults_of_text("{}", CATALOG) == ()


@given(
    st.one_of(JSON, OBJECTS.map(lambda rules: desired(1, **rules)), OBJECTS.map(lambda rule: desired(a=IDLE | rule)))
)
def test_whatever_is_desired_is_judged_and_never_anything_else(document: Any) -> None:
    for fault in faults_of_text(json.dumps(document), CATALOG):
        assert fault.message


def test_a_twin_without_desired_properties_leaves_what_runs() -> None:
    twin = fresh()
    assert isinstance(twin.document('{"reported": {}}'), Unchanged)
    before = applied(twin.document(whole(idle())))
    assert isinstance(twin.document('{"reported": {}}'), Unchanged)
    assert twin.config is before
