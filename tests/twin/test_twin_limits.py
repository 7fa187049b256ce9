"""All that is reported together: within what a twin holds, whatever was desired, loaded or heard."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.channel import Channel, WhenFull
from edge_agent.decode.bus_reports import body_of
from edge_agent.decode.catalog import BitField, Catalog, Database, Message, Signal
from edge_agent.localhub.twins import Twin as HubTwin
from edge_agent.localhub.twins import parse_patch
from edge_agent.records import BusHealth, BusState, RawKind
from edge_agent.twin.compilation import DESIRED_BYTES, Config, faults_of_text
from edge_agent.twin.desired import TOO_MUCH, Kept, Twin
from edge_agent.twin.fitting import CUT_ROOM, OTHER_ROOM, OTHERS, REPORTED_BYTES, ROOMS
from edge_agent.twin.inbox import LastGoodTwin, ModuleInbox
from edge_agent.twin.reported import Reported
from tests.acquire.told import Told

Doc = dict[str, Any]
RPM = Signal("Rpm", BitField(0, 8, big_endian=False), RawKind.UNSIGNED, 1.0, 0.0, "")
CATALOG = Catalog([("can0", [Database("a.dbc", (Message("Engine", 1, 8, (RPM,)),))])])
IDLE = {"kind": "periodic", "signals": ["Engine.Rpm"], "every_ms": 1000}


def whole(version: int = 1, **rules: object) -> str:
    return json.dumps({"desired": {"schema_version": 1, "rules": rules, "$version": version}, "reported": {}})


CHARS = st.sampled_from('ax"\\é中🚗.\x00')
LENGTHS = st.sampled_from([1, 20, 60, 200, 256, 500, 4000])
TEXT = st.tuples(CHARS, LENGTHS).map(lambda one: one[0] * one[1])
RULES = st.dictionaries(
    TEXT,
    st.just(IDLE)
    | st.builds(lambda names: IDLE | {"signals": names}, st.lists(TEXT, min_size=1, max_size=30))
    | st.dictionaries(TEXT, st.integers(), max_size=5),
    max_size=40,
)
REFUSALS = st.lists(st.fixed_dictionaries({"path": TEXT, "error": TEXT}), max_size=60)
HEALTH = st.builds(
    BusHealth,
    st.sampled_from(BusState),
    st.none() | st.floats(0, 100),
    st.lists(st.integers(0, 1 << 29), max_size=8).map(tuple),
    st.lists(TEXT, max_size=8).map(tuple),
    st.lists(TEXT, max_size=8).map(tuple),
)
COUNTS = st.just(dict.fromkeys(("seen", "decoded", "unknown", "wrong_length", "dropped", "remote"), 1 << 60))


@settings(max_examples=60)
@given(RULES, RULES, REFUSALS, st.lists(st.tuples(HEALTH, COUNTS), max_size=40), st.booleans())
def test_whatever_is_desired_loaded_and_heard_a_hub_takes_all_that_is_reported_of_it(
    first: Doc, second: Doc, refusals: list[Doc], buses: list[tuple[BusHealth, Doc]], complete: bool
) -> None:
    twin = Twin(Catalog([("can0", [Database("a.dbc", (Message("Engine", 1, 8, (RPM,)),))])], complete=complete))
    twin.document(whole(1, **first))
    twin.document(whole(2, **second))
    reported = Reported()
    reported.say("health", {f"can{i}": counts | dict(body_of(health)) for i, (health, counts) in enumerate(buses)})
    for section, body in twin.acknowledgements().items():
        reported.say(section, body)

    hub = HubTwin().with_reported(
        parse_patch(twin.reported({"agent": {"version": "1.0", "boot": 1}, "databases": refusals}))
    )
    hub = hub.with_reported(parse_patch(reported.due(0) or "{}"))

    assert len(json.dumps(hub.reported.properties)) < REPORTED_BYTES
    assert hub.reported.properties.keys() >= {"config", "agent", "databases", "health", "schema_version", "rules"}


def test_what_is_cut_of_the_errors_is_said() -> None:
    twin = Twin(CATALOG)
    twin.document(whole(1, **{f"r{i}": IDLE | {"signals": ["é" * 250 for _ in range(3)]} for i in range(9)}))

    config = json.loads(twin.reported())["config"]

    shown = len(config["errors"])
    assert 0 < shown < config["error_count"] == 27
    assert config["cut"][-1] == f"config.errors[{shown}..19]"


def test_a_document_that_no_hub_would_take_is_a_mistake_at_the_desk() -> None:
    rules = {f"r{i}": IDLE | {"signals": ["Engine.Rpm", "Engine.*" + "*" * 200]} for i in range(150)}

    [fault] = faults_of_text(json.dumps({"schema_version": 1, "rules": rules}, indent=4), CATALOG)

    assert str(fault).endswith(f"bytes of JSON, the desired properties of a module take {DESIRED_BYTES}")
    del rules["r0"]
    while len(json.dumps({"schema_version": 1, "rules": rules}, separators=(",", ":"))) > DESIRED_BYTES:
        rules.popitem()
    assert faults_of_text(json.dumps({"schema_version": 1, "rules": rules}, indent=4), CATALOG) == ()


# --- acknowledgements of writable properties ------------------------------------------------------


def test_what_runs_is_acknowledged_with_its_version() -> None:
    twin = Twin(CATALOG)
    twin.document(whole(7, idle=IDLE))

    assert twin.acknowledgements() == {
        "schema_version": {"value": 1, "ac": 200, "av": 7, "ad": "applied"},
        "rules": {"value": {"idle": IDLE}, "ac": 200, "av": 7, "ad": "applied"},
    }


def test_what_is_refused_is_acknowledged_with_what_runs_on_and_the_first_mistake() -> None:
    twin = Twin(CATALOG)
    twin.document(whole(7, idle=IDLE))
    twin.document(whole(8, idle=IDLE | {"every_ms": 1, "priority": 12}))

    assert twin.acknowledgements()["rules"] == {
        "value": {"idle": IDLE},
        "ac": 400,
        "av": 8,
        "ad": "rules.idle.priority: must be <= 9; and 1 more",
    }


@pytest.mark.parametrize(
    "rules",
    [
        {f"r{i}": IDLE for i in range(120)},
        {"event": {"kind": "event", "signals": ["*"], "when": "Engine.Rpm > 1" + " or Engine.Rpm > 2" * 40}},
    ],
    ids=["many", "long text"],
)
def test_a_value_that_would_have_to_be_cut_is_not_repeated_at_all(rules: Doc) -> None:
    twin = Twin(CATALOG)
    assert not isinstance(twin.document(whole(3, **rules)), Kept)

    assert twin.acknowledgements()["rules"] == {"ac": 200, "av": 3, "ad": f"applied; {TOO_MUCH}"}


def test_a_state_is_acknowledged_once_it_is_desired_and_without_a_value_when_it_no_longer_is() -> None:
    twin = Twin(CATALOG)
    state = {"signals": ["Engine.Rpm"]}
    twin.document(json.dumps({"desired": {"schema_version": 1, "state": state, "$version": 1}}))
    assert twin.acknowledgements()["state"] == {"value": state, "ac": 200, "av": 1, "ad": "applied"}

    twin.patch(json.dumps({"state": None, "$version": 2}))
    assert twin.acknowledgements()["state"] == {"ac": 200, "av": 2, "ad": "applied"}


def inbox(folder: Path, reported: Reported, *, acknowledges: bool) -> ModuleInbox:
    configs: Channel[Config] = Channel("configs", 8, WhenFull.DROP_OLDEST)
    last_good = LastGoodTwin(folder / "twin.json")
    about = {"agent": {"version": "1"}}
    return ModuleInbox(
        Twin(CATALOG),
        last_good,
        configs,
        methods={},
        about=about,
        reported=reported,
        log=Told(),
        acknowledges=acknowledges,
    )


async def test_a_rule_that_is_removed_is_taken_from_what_was_acknowledged(tmp_path: Path) -> None:
    reported = Reported()
    ours = inbox(tmp_path, reported, acknowledges=True)
    await ours.document(whole(1, idle=IDLE, fast=IDLE))
    first = json.loads(reported.due(0) or "")
    reported.answered(taken=True)

    await ours.patch(json.dumps({"rules": {"fast": None}, "$version": 2}))

    assert first["rules"]["value"].keys() == {"idle", "fast"}
    assert json.loads(reported.due(1) or "null") is None
    assert json.loads(reported.due(5_000_000_000) or "") == {
        "schema_version": {"av": 2},
        "rules": {"value": {"fast": None}, "av": 2},
    }


async def test_where_no_model_is_announced_nothing_is_repeated(tmp_path: Path) -> None:
    reported = Reported()

    await inbox(tmp_path, reported, acknowledges=False).document(whole(1, idle=IDLE))

    assert reported.due(0) is None


def test_the_rooms_of_all_sections_together_stay_below_what_is_promised() -> None:
    assert sum(ROOMS.values()) + CUT_ROOM + OTHERS * OTHER_ROOM < REPORTED_BYTES
