"""A well-formed document against the signals there are: one immutable `Config`, or every mistake's place. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from edge_agent.decode.catalog import Catalog
from edge_agent.decode.plan import DecodePlan, compile_plan
from edge_agent.errors import ConditionRefused, DocumentRefused, Fault, JsonRefused, SignalUnknown
from edge_agent.policy.condition_names import bind
from edge_agent.policy.condition_syntax import parse
from edge_agent.policy.condition_tree import Tree, signals_of
from edge_agent.policy.past import PAST_SAMPLES
from edge_agent.policy.rules import (
    FIRST_NS,
    LAST_NS,
    Aggregate,
    BatchLimits,
    Bounded,
    Event,
    Gate,
    OnChange,
    Periodic,
    Reduction,
    Rule,
    Snapshot,
    Trigger,
)
from edge_agent.power.quiet import QuietAsked
from edge_agent.records import I64, Lane, Retention, RuleInfo, TimeUnit, Upload
from edge_agent.tap.about import about_signal
from edge_agent.tap.tick import TapAsked, topic_of
from edge_agent.twin.document import (
    MAX_STATE_SIGNALS,
    NO_OBJECT,
    DeadbandSpec,
    Document,
    EventSpec,
    EverySpec,
    OnChangeSpec,
    PeriodicSpec,
    QuietSpec,
    RelativeDeadband,
    RuleSpec,
    SnapshotSpec,
    StateSpec,
    TapSpec,
    judge,
)
from edge_agent.twin.vehicle_state import StateAsked, collisions
from edge_agent.uplink.budget import Budget
from edge_agent.uplink.link import LinkSaid
from edge_agent.written_json import read_json

REPORTED_FAULTS = 20
"""Errors reported at most: a twin's reported properties hold 32 KB in all (IoT Hub quotas), and others report too."""
DESIRED_BYTES = 32 * 1024
"""of desired properties as JSON without spaces (IoT Hub quotas)"""
MAX_RULE_SIGNALS = 10_000
"""Signals over all rules, one that several rules name counted for each. At worst, 960 signals in each of 10 `on_change`
rules and 4,800 samples a block that all change, a block takes 70 ms (two x86 cores shared, Python 3.11)."""
MAX_CONDITION_NODES = 8_000
"""Signals, numbers and operations over all conditions that differ: 256 conditions of 20 have 5,120, and take 10 % of a
core where four full buses move all their signals (`python -m bench.rules`)."""
MAX_TAP_SIGNALS = 1_000
"""A full tick of so many has 45 KB."""
MAX_TAP_TOPICS = 200
"""At worst so many messages a tick, each of which costs the broker and every reader some 60 us."""
HOT_MAX_BYTES = 200_000
"""A hot batch is not compressed, and with its header and properties must stay below IoT Hub's 256 KB."""
NEVER_OLD_NS = 100 * 365 * 86_400 * 1_000_000_000
"""A snapshot's samples are as old as they are."""

AnySpec = PeriodicSpec | OnChangeSpec | EventSpec | SnapshotSpec


@dataclass(frozen=True, slots=True, eq=False)
class Config:
    """What runs: swapped whole between two blocks."""

    version: int
    plan: DecodePlan
    rules: tuple[Rule, ...]
    conditions: tuple[Tree, ...] = ()
    """bound; the rules count them"""
    missing: tuple[Fault, ...] = ()
    """signals that were left out, because they are unknown while not every database could be loaded; and rules that
    were, because their conditions name such signals"""
    state: StateAsked = field(default_factory=StateAsked)
    link: LinkSaid = field(default_factory=LinkSaid)
    budget: Budget = field(default_factory=Budget)
    log_level: str | None = None
    quiet: QuietAsked = field(default_factory=QuietAsked)
    tap: TapAsked = field(default_factory=TapAsked)

    @property
    def unmetered(self) -> tuple[str, ...]:
        """Names of the rules whose batches wait for a link that is not metered."""
        return tuple(rule.info.name for rule in self.rules if rule.info.upload is Upload.UNMETERED)


def compile_document(document: Document, catalog: Catalog, version: int) -> Config:
    """Tables, rules and conditions for a well-formed document.

    Raises DocumentRefused where it asks for too many signals or too much of the past, where a condition cannot be read,
    or where a signal is unknown in a complete catalogue.
    """
    naming = _Naming(catalog)
    names = {rule: naming.signals(spec, f"rules.{rule}.signals") for rule, spec in document.rules.items()}
    asked = {rule: naming.conditions(spec, f"rules.{rule}") for rule, spec in document.rules.items()}
    state = naming.state(document.state)
    quiet = naming.quiet(document.quiet)
    tap = naming.tap(document.tap)
    if naming.refused or (naming.unknown and catalog.complete):
        raise DocumentRefused([*naming.unknown, *naming.refused])
    runs = {rule: spec for rule, spec in document.rules.items() if None not in asked[rule].values()}
    _judge_past(runs, names)
    of_conditions = [signal for tree in naming.trees for signal in signals_of(tree)]
    of_rules = (signal for rule in runs for signal in names[rule])
    wanted = list(dict.fromkeys([*of_rules, *of_conditions, *state.signals, *tap.about]))
    index = {name: i for i, name in enumerate(wanted)}
    rules = tuple(
        _rule(rule, spec, np.array([index[signal] for signal in names[rule]], np.int64), asked[rule])
        for rule, spec in runs.items()
    )
    return Config(
        version,
        compile_plan(catalog, wanted),
        rules,
        tuple(naming.trees),
        tuple(naming.unknown),
        state,
        LinkSaid(document.link.metered, document.link.roaming),
        Budget(**document.budget.model_dump()),
        document.log_level,
        quiet,
        tap,
    )


@dataclass(slots=True)
class _Naming:
    """What the names in all rules mean, and which mean nothing."""

    catalog: Catalog
    unknown: list[Fault] = field(default_factory=list)
    refused: list[Fault] = field(default_factory=list)
    trees: dict[Tree, int] = field(default_factory=dict)
    """each condition once, counted"""
    _room: int = MAX_RULE_SIGNALS
    _room_of_conditions: int = MAX_CONDITION_NODES

    def signals(self, spec: RuleSpec, loc: str) -> list[str]:
        """Public names of what a rule means."""
        found: dict[str, None] = {}
        for i, pattern in enumerate(spec.signals):
            if not pattern.startswith("!"):
                found |= dict.fromkeys(self._match(pattern, f"{loc}[{i}]"))
        for i, pattern in enumerate(spec.signals):
            if pattern.startswith("!"):
                for name in self._match(pattern[1:], f"{loc}[{i}]"):
                    found.pop(name, None)
        if not found and self.catalog.complete and not self.unknown:
            self.refused.append(Fault(loc, "no signal is left: all that are named are taken away again"))
        self._room -= len(found)
        if self._room < 0:
            message = f"with these the rules have more than {MAX_RULE_SIGNALS} signals, each counted in every rule"
            raise DocumentRefused([*self.unknown, Fault(loc, message)])
        return list(found)

    def conditions(self, spec: RuleSpec, loc: str) -> dict[str, int | None]:
        """The number of each of a rule's conditions by its field; None where its signals are unknown."""
        texts = {"while": spec.while_}
        if isinstance(spec, EventSpec):
            texts["when"] = spec.when
        if isinstance(spec, SnapshotSpec):
            texts["at"] = spec.at
        return {name: self._condition(text, f"{loc}.{name}") for name, text in texts.items() if text is not None}

    def state(self, spec: StateSpec | None) -> StateAsked:
        """What is asked of the vehicle's state."""
        if spec is None:
            return StateAsked()
        names = self._named(spec.signals, "state.signals")
        if len(names) > MAX_STATE_SIGNALS:
            message = f"{len(names)} signals, the reported properties have room for {MAX_STATE_SIGNALS}"
            self.refused.append(Fault("state.signals", message))
        elif twice := collisions(names):
            message = f"{twice[0]} has a long name that another of these has too, as far as a twin takes names"
            self.refused.append(Fault("state.signals", message))
        return StateAsked(names, round(spec.every_s * 1e9))

    def quiet(self, spec: QuietSpec) -> QuietAsked:
        """When the agent is to be quiet; by a signal alone too where the condition's signals are unknown."""
        condition = None if spec.when is None else self._condition(spec.when, "quiet.when")
        return QuietAsked(condition, round(spec.after_s * 1e9), round(spec.send_s * 1e9), spec.last_priority)

    def tap(self, spec: TapSpec) -> TapAsked:
        """What is asked of the local bus."""
        signals, topics = self._named(spec.signals, "tap.signals"), self._named(spec.topics, "tap.topics")
        for field_name, names, most in (("signals", signals, MAX_TAP_SIGNALS), ("topics", topics, MAX_TAP_TOPICS)):
            if len(names) > most:
                message = f"{len(names):,} signals, {most:,} are the most"
                self.refused.append(Fault(f"tap.{field_name}", message))
        if len({topic_of(name) for name in topics}) < len(topics):
            self.refused.append(
                Fault("tap.topics", "two of these have one topic, for what no topic can hold is _ there")
            )
        about = {name: about_signal(self.catalog, name) for name in dict.fromkeys([*signals, *topics])}
        return TapAsked(signals, topics, spec.every_ms * 1_000_000, about)

    def _named(self, patterns: Sequence[str], loc: str) -> tuple[str, ...]:
        """What names and globs mean, each once."""
        found = [self._match(pattern, f"{loc}[{i}]") for i, pattern in enumerate(patterns)]
        return tuple(dict.fromkeys(name for matches in found for name in matches))

    def _condition(self, text: str, loc: str) -> int | None:
        try:
            tree = bind(parse(text), self.catalog)
        except SignalUnknown as error:
            self.unknown.append(Fault(loc, str(error)))
            return None
        except ConditionRefused as error:
            self.refused.append(Fault(loc, str(error)))
            return None
        if tree not in self.trees:
            self._room_of_conditions -= sum(1 for _ in tree.nodes())
            if self._room_of_conditions < 0:
                most = f"{MAX_CONDITION_NODES:,} signals, numbers and operations"
                refusal = Fault(loc, f"with this one the conditions have more than {most}")
                raise DocumentRefused([*self.unknown, *self.refused, refusal])
        return self.trees.setdefault(tree, len(self.trees))

    def _match(self, pattern: str, loc: str) -> tuple[str, ...]:
        matches = self.catalog.match(pattern)
        if not matches:
            # To look for what was meant costs far more than to find a name: only for those that will be read.
            nearest = self.catalog.nearest(pattern) if len(self.unknown) < REPORTED_FAULTS else ()
            self.unknown.append(Fault(loc, _unknown(pattern, self.catalog, nearest)))
        return matches


def _unknown(pattern: str, catalog: Catalog, nearest: Sequence[str]) -> str:
    if not len(catalog):
        return f"no signal {pattern!r}: no database could be loaded"
    where = "the databases" if catalog.complete else "the databases that could be loaded"
    return f"no signal {pattern!r} in {where}" + (f"; nearest: {', '.join(nearest)}" if nearest else "")


def _judge_past(runs: Mapping[str, AnySpec], names: Mapping[str, Sequence[str]]) -> None:
    """Raises DocumentRefused where the past that events ask for has no room even for slow signals."""
    held_s: dict[str, float] = {}
    for rule, spec in runs.items():
        if isinstance(spec, EventSpec):
            lasted_s = spec.after_true_ms / 1000 if spec.trigger == "while" else 0.0
            look_s = spec.before_s + lasted_s
            held_s |= {name: max(held_s.get(name, 0.0), look_s) for name in names[rule]}
            if sum(held_s.values()) > PAST_SAMPLES:
                message = (
                    f"{look_s:g} s of {len(names[rule])} signals, and what other events ask for, are "
                    f"{sum(held_s.values()):,.0f} samples even at one a second; there is room for {PAST_SAMPLES:,}"
                )
                place = "after_true_ms" if lasted_s > spec.before_s else "before_s"
                raise DocumentRefused([Fault(f"rules.{rule}.{place}", message)])


def _rule(name: str, spec: AnySpec, signals: I64, asked: Mapping[str, int | None]) -> Rule:
    info = RuleInfo(
        name,
        spec.kind,
        spec.priority,
        Lane(spec.lane),
        spec.purpose,
        TimeUnit[spec.time_unit.upper()],
        Upload(spec.upload),
        Retention(spec.expire.powered_s, spec.expire.wall_s, spec.thin),
    )
    limits = _limits(spec, info.lane)
    active = spec.active
    gate = Gate(
        FIRST_NS if active.from_ is None else active.from_,
        LAST_NS if active.until is None else active.until,
        asked.get("while"),
    )
    match spec:
        case PeriodicSpec():
            keep = tuple(Aggregate(aggregate) for aggregate in spec.keep)
            return Periodic(info, signals, limits, spec.every_ms * 1_000_000, keep, gate)
        case OnChangeSpec():
            return replace(_on_change(info, spec, signals, limits), gate=gate)
        case EventSpec():
            return replace(_event(info, spec, signals, limits, asked["when"]), gate=gate)
        case SnapshotSpec():
            every_ns = None if spec.every_min is None else spec.every_min * 60_000_000_000
            return Snapshot(info, signals, limits, asked.get("at"), spec.edge == "both", every_ns, gate)


def _limits(spec: AnySpec, lane: Lane) -> BatchLimits:
    max_bytes = min(spec.batch.max_bytes, HOT_MAX_BYTES) if lane is Lane.HOT else spec.batch.max_bytes
    max_age_ns = round(spec.batch.max_age_s * 1e9)
    if isinstance(spec, EventSpec):
        # One window is one batch, whatever its length.
        max_age_ns = max(max_age_ns, round((spec.before_s + spec.after_s + 1) * 1e9))
    elif isinstance(spec, SnapshotSpec):
        max_age_ns = NEVER_OLD_NS
    return BatchLimits(max_age_ns, max_bytes)


def _on_change(info: RuleInfo, spec: OnChangeSpec, signals: I64, limits: BatchLimits) -> Bounded | OnChange:
    heartbeat_ns = None if spec.heartbeat_ms is None else spec.heartbeat_ms * 1_000_000
    if spec.max_error is not None:
        max_hold_ns = min(heartbeat_ns or limits.max_age_ns, limits.max_age_ns)
        return Bounded(info, signals, limits, spec.max_error, max_hold_ns)
    return OnChange(
        info,
        signals,
        limits,
        deadband=0.0 if isinstance(spec.deadband, RelativeDeadband) else spec.deadband,
        min_interval_ns=spec.min_interval_ms * 1_000_000,
        heartbeat_ns=heartbeat_ns,
        relative_deadband=spec.deadband.relative if isinstance(spec.deadband, RelativeDeadband) else 0.0,
    )


def _event(info: RuleInfo, spec: EventSpec, signals: I64, limits: BatchLimits, when: int | None) -> Event:
    if when is None:
        raise AssertionError("a rule whose condition means nothing is left out")
    reduction = Reduction()
    if isinstance(spec.collect, EverySpec):
        reduction = Reduction(every_ns=spec.collect.every_ms * 1_000_000)
    elif isinstance(spec.collect, DeadbandSpec):
        reduction = Reduction(deadband=spec.collect.deadband)
    return Event(
        info,
        signals,
        limits,
        when=when,
        before_ns=round(spec.before_s * 1e9),
        after_ns=round(spec.after_s * 1e9),
        cooldown_ns=round(spec.cooldown_s * 1e9),
        trigger=Trigger(spec.trigger),
        after_true_ns=spec.after_true_ms * 1_000_000,
        reduction=reduction,
        raw_frames=spec.raw_frames,
    )


def faults_of_text(text: str, catalog: Catalog) -> tuple[Fault, ...]:
    """Every mistake in a desired document as somebody wrote it; () if it would run."""
    try:
        desired = read_json(text)
    except JsonRefused as error:
        return (Fault(error.place, error.reason),)
    if not isinstance(desired, dict):
        return (NO_OBJECT,)
    if (size := _size(desired)) > DESIRED_BYTES:
        return (Fault("", f"{size} bytes of JSON, the desired properties of a module take {DESIRED_BYTES}"),)
    try:
        compile_document(judge(cast("dict[str, Any]", desired)), catalog, version=0)
    except DocumentRefused as refusal:
        return refusal.faults
    return ()


def remarks_of_text(text: str) -> tuple[Fault, ...]:
    """What is worth a word in a document without mistakes."""
    document = judge(cast("dict[str, Any]", read_json(text)))
    if document.link.metered is not None:
        return ()
    message = "waits for ever where no file in the vehicle says that a link is not metered (LINK_FILE)"
    waiting = [rule for rule, spec in document.rules.items() if spec.upload == Upload.UNMETERED.value]
    return tuple(Fault(f"rules.{rule}.upload", message) for rule in waiting)


def _size(desired: dict[str, Any]) -> int:
    compact = json.dumps(desired, ensure_ascii=False, separators=(",", ":"))
    return len(compact.encode(errors="surrogatepass"))
