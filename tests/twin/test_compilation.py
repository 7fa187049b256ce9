import json
from typing import Any

import pytest

from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.errors import DocumentRefused
from edge_agent.policy.past import PAST_SAMPLES
from edge_agent.policy.rules import (
    FIRST_NS,
    LAST_NS,
    OPEN,
    BatchLimits,
    Bounded,
    Event,
    Gate,
    OnChange,
    Reduction,
    Snapshot,
    Trigger,
)
from edge_agent.power.quiet import QuietAsked
from edge_agent.records import RawKind
from edge_agent.tap.tick import TapAsked
from edge_agent.twin.compilation import (
    MAX_CONDITION_NODES,
    MAX_TAP_SIGNALS,
    MAX_TAP_TOPICS,
    NEVER_OLD_NS,
    Config,
    compile_document,
    faults_of_text,
    remarks_of_text,
)
from edge_agent.twin.document import judge
from edge_agent.twin.vehicle_state import StateAsked
from edge_agent.uplink.budget import Budget
from edge_agent.uplink.link import LinkSaid

FIELD = BitField(0, 8, big_endian=False)
MANY = tuple(Signal(f"S{i}", FIELD, RawKind.UNSIGNED, 1.0, 0.0, "") for i in range(1000))
ENGINE = tuple(Signal(name, FIELD, RawKind.UNSIGNED, 1.0, 0.0, "") for name in ("Rpm", "Temp", "Secret"))
DATABASE = Database("a.dbc", (Message("Engine", 1, 8, ENGINE), Message("Many", 2, 8, MANY)))
CATALOG = Catalog([("can0", [DATABASE])])
INCOMPLETE = Catalog([("can0", [DATABASE])], complete=False)
PERIODIC = {"kind": "periodic", "signals": ["Engine.Temp"], "every_ms": 100}
HARSH = {"kind": "event", "signals": ["Engine.Temp"], "when": "Engine.Rpm > 100"}
SECOND = 1_000_000_000


def compiled(catalog: Catalog = CATALOG, /, **rules: dict[str, Any]) -> Config:
    return compile_document(judge({"schema_version": 1, "rules": rules}), catalog, 1)


def refused(**rules: dict[str, Any]) -> list[str]:
    with pytest.raises(DocumentRefused) as refusal:
        compiled(**rules)
    return [str(fault) for fault in refusal.value.faults]


def signals(config: Config, rule: int = 0) -> list[str]:
    return [config.plan.signals[i].name for i in config.rules[rule].signals.tolist()]


def test_all_conditions_together_have_a_bound_and_equal_ones_count_once() -> None:
    def many(count: int) -> dict[str, dict[str, Any]]:
        """Events, each with a condition of its own over twelve comparisons."""
        conditions = [" or ".join(f"Engine.Rpm > {i + n / 100}" for n in range(12)) for i in range(count)]
        return {f"e{i}": {**HARSH, "when": when} for i, when in enumerate(conditions)}

    fits = MAX_CONDITION_NODES // sum(1 for _ in compiled(**many(1)).conditions[0].nodes())

    assert len(compiled(**many(fits)).conditions) == fits
    [told] = refused(**many(fits + 1))
    assert told.startswith(f"rules.e{fits}.when: with this one the conditions have more than 8,000")
    assert len(compiled(**{f"e{i}": HARSH for i in range(256)}).conditions) == 1


# --- events and snapshots ------------------------------------------------------------------------


def test_an_event_becomes_a_rule_in_nanoseconds() -> None:
    config = compiled(
        harsh={
            **HARSH,
            "before_s": 20,
            "after_s": 0.5,
            "cooldown_s": 60,
            "trigger": "while",
            "after_true_ms": 250,
            "collect": {"every_ms": 100},
            "batch": {"max_age_s": 1, "max_bytes": 5000},
        }
    )

    [event] = config.rules
    assert isinstance(event, Event)
    assert (event.before_ns, event.after_ns, event.cooldown_ns) == (20 * SECOND, SECOND // 2, 60 * SECOND)
    assert (event.trigger, event.after_true_ns) == (Trigger.WHILE, SECOND // 4)
    assert event.reduction == Reduction(every_ns=SECOND // 10)
    assert event.limits.max_bytes == 5000


def test_one_window_of_an_event_is_never_too_old_for_one_batch() -> None:
    config = compiled(harsh={**HARSH, "before_s": 30, "after_s": 30}, long={**HARSH, "batch": {"max_age_s": 600}})

    assert [rule.limits.max_age_ns for rule in config.rules] == [61 * SECOND, 600 * SECOND]


def test_a_dead_band_reduces_an_event_too() -> None:
    [event] = compiled(harsh={**HARSH, "collect": {"deadband": 2}}).rules

    assert isinstance(event, Event)
    assert event.reduction == Reduction(deadband=2.0)


def test_an_event_may_capture_frames() -> None:
    [event] = compiled(harsh={**HARSH, "raw_frames": True}).rules

    assert isinstance(event, Event)
    assert event.raw_frames


def test_a_snapshot_may_hold_samples_of_any_age() -> None:
    [snapshot] = compiled(
        state={"kind": "snapshot", "signals": ["Engine.*"], "at": "Engine.Rpm > 0", "edge": "both", "every_min": 2}
    ).rules

    assert isinstance(snapshot, Snapshot)
    assert (snapshot.at, snapshot.both_edges, snapshot.every_ns) == (0, True, 120 * SECOND)
    assert snapshot.limits == BatchLimits(NEVER_OLD_NS, 256_000)


def test_signals_of_conditions_are_decoded_and_not_collected() -> None:
    config = compiled(harsh=HARSH)

    assert [info.name for info in config.plan.signals] == ["Engine.Temp", "Engine.Rpm"]
    assert signals(config) == ["Engine.Temp"]


def test_equal_conditions_of_several_rules_are_one() -> None:
    config = compiled(one=HARSH, two={**PERIODIC, "while": HARSH["when"]}, three={**HARSH, "when": "Engine.Rpm > 1"})

    assert len(config.conditions) == 2
    assert [getattr(rule, "when", None) for rule in config.rules] == [0, None, 1]
    assert config.rules[1].gate.condition == 0


# --- gates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [PERIODIC, HARSH, {"kind": "snapshot", "signals": ["Engine.Temp"]}])
def test_every_kind_may_have_a_gate(kind: dict[str, Any]) -> None:
    gated = {**kind, "while": "Engine.Rpm > 0", "active": {"until": "1970-01-01T00:00:01Z"}}

    without, rule = compiled(one=kind, two=gated).rules

    assert without.gate == OPEN
    assert rule.gate == Gate(FIRST_NS, SECOND, rule.gate.condition)
    assert rule.gate.condition is not None


def test_both_forms_of_on_change_may_have_a_gate() -> None:
    changes = {"kind": "on_change", "signals": ["Engine.Temp"], "active": {"from": "1970-01-01T00:00:01Z"}}

    one, lines = compiled(one=changes, lines={**changes, "max_error": 1}).rules

    assert isinstance(one, OnChange)
    assert isinstance(lines, Bounded)
    assert one.gate == lines.gate == Gate(SECOND, LAST_NS)


# --- signals that are not meant ------------------------------------------------------------------


@pytest.mark.parametrize("patterns", [["Engine.*", "!Engine.Se*"], ["!Engine.Secret", "Engine.*"]])
def test_what_stands_after_an_exclamation_mark_is_taken_away_wherever_it_stands(patterns: list[str]) -> None:
    assert signals(compiled(one={**PERIODIC, "signals": patterns})) == ["Engine.Rpm", "Engine.Temp"]


def test_an_exclusion_that_means_nothing_is_a_mistake_too() -> None:
    [fault] = refused(one={**PERIODIC, "signals": ["Engine.*", "!Engine.Sercet"]})

    assert fault.startswith("rules.one.signals[1]: no signal 'Engine.Sercet'")


def test_a_rule_must_be_left_with_a_signal() -> None:
    assert refused(one={**PERIODIC, "signals": ["Engine.Rpm", "!Engine.*"]}) == [
        "rules.one.signals: no signal is left: all that are named are taken away again"
    ]


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({**HARSH, "when": "Engine.Rpm >> 5"}, "rules.one.when: column 13: "),
        ({**HARSH, "when": "Engine.Rmp > 5"}, "rules.one.when: column 1: no signal 'Engine.Rmp'; nearest: Engine.Rpm"),
        ({**PERIODIC, "while": "Engine.Rpm = 5"}, "rules.one.while: column 12: "),
        ({"kind": "snapshot", "signals": ["Engine.*"], "at": "1 > 0"}, "rules.one.at: column 1: "),
    ],
)
def test_a_condition_that_means_nothing_is_told_with_its_place_and_column(rule: dict[str, Any], fault: str) -> None:
    [found] = refused(one=rule)

    assert found.startswith(fault)


def test_more_of_the_past_than_there_is_room_for_is_refused() -> None:
    hungry = {**HARSH, "signals": ["Many.*"], "before_s": 3600}

    [fault] = refused(slow={**HARSH, "before_s": 3600}, one=hungry)

    assert fault.startswith("rules.one.before_s: 3600 s of 1000 signals, and what other events ask for, are 3,603,600")
    assert f"{PAST_SAMPLES:,}" in fault
    assert len(compiled(one={**hungry, "before_s": 1800}, two={**hungry, "before_s": 1800}).rules) == 2


def test_the_past_of_an_event_reaches_back_to_where_its_condition_became_true() -> None:
    hungry = {**HARSH, "signals": ["Many.*"], "before_s": 600, "after_true_ms": 3_600_000}

    [fault] = refused(one={**hungry, "trigger": "while"})

    assert fault.startswith("rules.one.after_true_ms: 4200 s of 1000 signals")
    assert len(compiled(one={**hungry, "trigger": "rising"}).rules) == 1


def test_a_rule_whose_condition_cannot_be_known_is_left_out_while_databases_are_missing() -> None:
    config = compiled(INCOMPLETE, harsh={**HARSH, "when": "Gone.Signal > 1"}, idle=PERIODIC)

    assert [rule.info.name for rule in config.rules] == ["idle"]
    assert [fault.loc for fault in config.missing] == ["rules.harsh.when"]
    assert [info.name for info in config.plan.signals] == ["Engine.Temp"]


def test_a_text_that_is_no_document_is_refused_where_it_breaks() -> None:
    assert [fault.loc for fault in faults_of_text("{", CATALOG)] == ["line 1 column 2"]
    assert [fault.message for fault in faults_of_text("[]", CATALOG)] == [
        "the desired properties must be a JSON object"
    ]
    assert faults_of_text('{"schema_version": 1}', CATALOG) == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '{"schema_version": 1,\n "rules": {"trip": {}, "trip": {}}}',
            "line 2 column 24: 'trip' stands twice in one object",
        ),
        ('{"schema_version": %s}' % ("1" * 4301), "line 1 column 20: a number of more than 4,300 digits"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_a_reader_would_lose_or_fail_at_is_a_mistake_with_its_place(text: str, fault: str) -> None:
    assert [str(one) for one in faults_of_text(text, CATALOG)] == [fault]


def asked_state(*signals: str, catalog: Catalog = CATALOG, **fields: object) -> Config:
    state = {"signals": list(signals), **fields}
    return compile_document(judge({"schema_version": 1, "state": state}), catalog, 1)


def test_signals_of_the_state_are_decoded_though_no_rule_wants_them() -> None:
    config = asked_state("Engine.Temp", "Engine.T*", "Engine.Rpm", every_s=5)

    assert config.state == StateAsked(("Engine.Temp", "Engine.Rpm"), 5 * SECOND)
    assert [info.name for info in config.plan.signals] == ["Engine.Temp", "Engine.Rpm"]


def test_without_a_state_none_is_asked() -> None:
    assert compiled(idle=PERIODIC).state == StateAsked()


@pytest.mark.parametrize(
    ("signals", "fault"),
    [
        (["Engine.Rpm", "Engine.Tmp"], "state.signals[1]: no signal 'Engine.Tmp' in the databases"),
        (["Many.*"], "state.signals: 1000 signals, the reported properties have room for 32"),
    ],
)
def test_a_state_of_what_is_unknown_or_too_much_is_refused(signals: list[str], fault: str) -> None:
    with pytest.raises(DocumentRefused) as found:
        asked_state(*signals)

    [first] = found.value.faults
    assert str(first).startswith(fault)


def test_of_two_names_that_a_twin_cannot_tell_apart_the_second_is_refused() -> None:
    message = "Message" * 12
    databases = [
        Database(f"{name}.dbc", (Message(f"{name}{message}", i, 8, ENGINE[:1]),)) for i, name in enumerate("AB")
    ]

    with pytest.raises(DocumentRefused, match=f"B{message}.Rpm has a long name"):
        asked_state("*", catalog=Catalog([("can0", databases)]))


def test_an_unknown_signal_of_the_state_is_left_out_while_databases_are_missing() -> None:
    config = asked_state("Engine.Rpm", "Gone.*", catalog=INCOMPLETE)

    assert config.state.signals == ("Engine.Rpm",)
    assert [fault.loc for fault in config.missing] == ["state.signals[1]"]


def test_a_rule_that_may_wait_for_ever_is_remarked_unless_the_document_says_which_link_there_is() -> None:
    rule = {"kind": "periodic", "every_ms": 1000, "signals": ["*"], "upload": "unmetered"}
    document = {"schema_version": 1, "rules": {"bulk": rule}}

    assert [fault.loc for fault in remarks_of_text(json.dumps(document))] == ["rules.bulk.upload"]
    assert remarks_of_text(json.dumps(document | {"link": {"metered": False}})) == ()
    assert remarks_of_text(json.dumps(document | {"link": {"roaming": True}})) != ()


def test_a_document_says_which_link_there_is_and_what_it_may_cost() -> None:
    desired = {"schema_version": 1, "link": {"metered": False}, "budget": {"bytes_per_day": 5}}
    config = compile_document(judge(desired), CATALOG, 1)

    assert config.link == LinkSaid(metered=False)
    assert config.budget == Budget(bytes_per_day=5)
    assert config.unmetered == ()


def test_a_condition_for_quiet_is_judged_with_those_of_the_rules_and_its_times_are_taken_over() -> None:
    desired = {
        "schema_version": 1,
        "rules": {"harsh": HARSH},
        "quiet": {"when": "Engine.Secret == 0", "after_s": 1.5, "send_s": 10, "last_priority": 4},
    }
    config = compile_document(judge(desired), CATALOG, 1)
    assert config.quiet == QuietAsked(1, 3 * SECOND // 2, 10 * SECOND, 4)
    assert len(config.conditions) == 2
    assert "Engine.Secret" in [signal.name for signal in config.plan.signals]


def test_without_a_word_on_quiet_only_a_signal_asks_for_it() -> None:
    assert compiled().quiet == QuietAsked(None, 5 * SECOND, 20 * SECOND, 2)


def test_a_condition_for_quiet_that_cannot_be_is_refused_with_its_place() -> None:
    desired = {"schema_version": 1, "quiet": {"when": "Engine.Nothing > 1"}}
    with pytest.raises(DocumentRefused, match=r"quiet\.when: column 1: "):
        compile_document(judge(desired), CATALOG, 1)
    config = compile_document(judge(desired), INCOMPLETE, 1)
    assert config.quiet.condition is None
    assert [fault.loc for fault in config.missing] == ["quiet.when"]


def of_tap(tap: dict[str, Any], catalog: Catalog = CATALOG, **rules: dict[str, Any]) -> Config:
    return compile_document(judge({"schema_version": 1, "rules": rules, "tap": tap}), catalog, 1)


def test_the_tap_wants_its_signals_though_no_rule_does() -> None:
    config = of_tap({"signals": ["Engine.Rpm"], "topics": ["Engine.S*"], "every_ms": 50}, idle=PERIODIC)

    assert [signal.name for signal in config.plan.signals] == ["Engine.Temp", "Engine.Rpm", "Engine.Secret"]
    assert (config.tap.signals, config.tap.topics) == (("Engine.Rpm",), ("Engine.Secret",))
    assert config.tap.every_ns == SECOND // 20
    assert set(config.tap.about) == {"Engine.Rpm", "Engine.Secret"}


def test_without_a_tap_nothing_is_asked_of_the_bus() -> None:
    assert compiled(idle=PERIODIC).tap == TapAsked()


@pytest.mark.parametrize(
    ("tap", "sentence"),
    [
        ({"signals": ["Engine.Rmp"]}, "tap.signals[0]: no signal 'Engine.Rmp' in the databases; nearest: Engine.Rpm"),
        ({"topics": ["Engine.Rpm", "Nobody.*"]}, "tap.topics[1]: no signal 'Nobody.*' in the databases"),
        ({"signals": ["*"]}, f"tap.signals: 1,003 signals, {MAX_TAP_SIGNALS:,} are the most"),
        ({"topics": ["Many.*"]}, f"tap.topics: 1,000 signals, {MAX_TAP_TOPICS} are the most"),
        ({"every_ms": 10}, "tap.every_ms: must be >= 20"),
        ({"every_ms": 1001}, "tap.every_ms: must be <= 1000"),
        ({"signals": [""]}, "tap.signals[0]: string should have at least 1 character"),
        ({"signal": []}, "tap.signal: no such field here"),
    ],
)
def test_a_mistake_in_the_tap_is_named_by_its_place(tap: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DocumentRefused) as refusal:
        of_tap(tap)
    assert any(str(fault).startswith(sentence) for fault in refusal.value.faults)


def test_two_signals_that_would_have_one_topic_are_refused() -> None:
    twins = [(name, [Database("a.dbc", (Message("Engine", 1, 8, ENGINE),))]) for name in ("bus+", "bus_")]

    with pytest.raises(DocumentRefused, match="two of these have one topic"):
        of_tap({"topics": ["*.Rpm"]}, Catalog(twins))


def test_a_signal_of_the_tap_that_a_missing_database_would_have_is_left_out() -> None:
    config = of_tap({"signals": ["Absent.One", "Engine.Rpm"]}, INCOMPLETE)

    assert config.tap.signals == ("Engine.Rpm",)
    assert [fault.loc for fault in config.missing] == ["tap.signals[0]"]
