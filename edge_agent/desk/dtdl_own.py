"""What every vehicle's model has besides its signals: the twin's properties, and the direct methods."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Final, cast, get_args

from edge_agent.desk.dtdl_schemas import Schema, array_of, enum_of, map_of, object_of, schema_of
from edge_agent.desk.twin_schema import twin_schema
from edge_agent.head_unit.consent import ANSWERS, words
from edge_agent.observe.log_level import LEVELS
from edge_agent.observe.status import Status
from edge_agent.policy.rule_reports import RuleStatus
from edge_agent.power.quiet import PowerState
from edge_agent.records import BusCounts, BusState, Purpose
from edge_agent.twin.fitting import JsonObject
from edge_agent.uplink.budget import Budget, Level

_FAULT: Final = object_of({"loc": "string", "msg": "string"})
_COUNTS: Final[Mapping[str, Schema]] = {count.name: "long" for count in fields(BusCounts)}
_HEALTH: Final[Mapping[str, Schema]] = {
    "state": enum_of([state.value for state in BusState]),
    "load_percent": "double",
    "unknown_ids": array_of("string"),
    "missed_messages": array_of("string"),
    "out_of_range_signals": array_of("string"),
}
_PRIMITIVES: Final[Mapping[object, Schema]] = {int: "long", bool: "boolean", float: "double", str: "string"}


def writable() -> Iterator[JsonObject]:
    """The desired properties, each acknowledged in the reported ones as `{value, ac, av, ad}`."""
    schema = twin_schema()
    rules = cast("JsonObject", schema["properties"]["rules"])
    rule = schema_of(cast("JsonObject", rules["additionalProperties"]), schema["$defs"])
    yield _property("schema_version", "integer", "1", writable=True)
    yield _property("rules", map_of("name", "rule", rule), "As docs/twin.schema.json says more exactly.", writable=True)
    state = schema_of(schema["$defs"]["StateSpec"], schema["$defs"])
    yield _property("state", state, "Of which signals vehicle_state tells.", writable=True)
    quiet = schema_of(schema["$defs"]["QuietSpec"], schema["$defs"])
    yield _property("quiet", quiet, "When no network is used; power tells of it.", writable=True)


def _of_type(kind: object) -> Schema:
    """The schema of a field of `Status`."""
    match kind, get_args(kind):
        case _, (of_text, last) if of_text is str and last is ...:
            return array_of("string")
        case _, (of_text, to) if of_text is str and to == JsonObject:
            return map_of("name", "value", object_of(_HEALTH))
        case _, (of_text, to) if of_text is str:
            return map_of("name", "value", _of_type(to))
    return _PRIMITIVES[kind]


def _property(name: str, schema: Schema, comment: str, *, writable: bool = False) -> JsonObject:
    return {
        "@type": "Property",
        "name": name,
        "schema": schema,
        **({"writable": True} if writable else {}),
        "comment": comment,
    }


def _command(name: str, description: str, request: Schema | None, response: Schema) -> JsonObject:
    return {
        "@type": "Command",
        "name": name,
        "description": description,
        **({"request": {"name": "asked", "schema": request}} if request else {}),
        "response": {"name": "answer", "schema": response},
    }


READ_ONLY: Final = (
    _property(
        "config",
        object_of(
            {
                "version": "long",
                "running_version": "long",
                "status": enum_of(["applied", "refused"]),
                "errors": array_of(_FAULT),
                "error_count": "long",
                "missing": array_of(_FAULT),
                "missing_count": "long",
                "cut": array_of("string"),
            }
        ),
        "What became of the desired properties.",
    ),
    _property("agent", object_of({"version": "string", "boot": "long"}), "Who reports."),
    _property(
        "databases",
        array_of(
            object_of({"path": "string", "error": "string", "sha256": "string", "messages": "long", "signals": "long"})
        ),
        "Files that decode, and those that cannot be used.",
    ),
    _property(
        "rule_status",
        map_of(
            "rule",
            "status",
            object_of(
                {
                    "status": enum_of([status.value for status in RuleStatus]),
                    "kept": "long",
                    "batches": "long",
                    "last_ms": "long",
                    "lacks": array_of("string"),
                }
            ),
        ),
        "What each rule has kept since the start.",
    ),
    _property(
        "consent",
        object_of(
            {
                "t": "long",
                "version": "long",
                "private": "boolean",
                "purposes": object_of({word: enum_of(ANSWERS) for word in words(~Purpose(0))}),
                "wiping": array_of("string"),
            }
        ),
        "What the driver decided, where the driver is asked.",
    ),
    _property(
        "link",
        object_of(
            {
                "since_ms": "long",
                "connects": "long",
                "metered": "boolean",
                "roaming": "boolean",
                "said_by": enum_of(["file", "twin", "nobody"]),
            }
        ),
        "The connection, and what counts of its kind.",
    ),
    _property(
        "log_level",
        object_of({"level": enum_of(LEVELS), "said_by": enum_of(["twin", "environment"])}),
        "From which level on events are told.",
    ),
    _property(
        "budget",
        object_of(
            {
                "state": enum_of([level.name.lower() for level in Level]),
                "percent": "long",
                "spent": object_of({limit.name: "long" for limit in fields(Budget)}),
                "limits": object_of({limit.name: "long" for limit in fields(Budget)}),
            }
        ),
        "What was spent on the link in this day and month of UTC.",
    ),
    _property(
        "power",
        object_of(
            {"state": enum_of([state.value for state in PowerState]), "since_ms": "long", "batches_left": "long"}
        ),
        "Whether batches are sent, only urgent ones, or none until the vehicle wakes.",
    ),
    _property(
        "spool",
        object_of(
            {
                "batches": "long",
                "bytes": "long",
                "since_ms": "long",
                "on_disk": "boolean",
                "memory_batches": "long",
                "memory_bytes": "long",
                "quarantined_batches": "long",
                "lost": map_of("why", "batches", "long"),
            }
        ),
        "What waits on disk or in memory, and what was lost.",
    ),
    _property(
        "vehicle_state",
        map_of("signal", "value", object_of({"v": "double", "t_ms": "long"})),
        "The last known values of the signals in state.",
    ),
    _property("health", map_of("bus", "health", object_of({**_COUNTS, **_HEALTH})), "Of each bus."),
    _property("cut", array_of("string"), "What there was no room for."),
)

COMMANDS: Final = (
    _command(
        "status",
        "Counters since the start, and what lies on disk now.",
        None,
        object_of({name: _of_type(kind) for name, kind in ((field.name, field.type) for field in fields(Status))}),
    ),
    _command(
        "latest",
        "The last value of the signals that are asked for by name or glob, or of all that rules want.",
        object_of({"signals": array_of("string")}),
        map_of("signal", "value", object_of({"value": "double", "unit": "string", "t_ms": "long"})),
    ),
    _command(
        "snapshot",
        "Takes the snapshot of the rule that is asked for, or of all rules of that kind; how many values each has.",
        object_of({"rule": "string"}),
        object_of({"values": map_of("rule", "count", "long")}),
    ),
    _command("flush", "Seals all open batches; how many.", None, object_of({"batches": "long"})),
)
