"""The vehicle's last known state: said when it changed, not too often, and known before the first frame."""

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.localhub.twins import parse_patch
from edge_agent.tap.latest import LatestValue
from edge_agent.twin.reported import Reported
from edge_agent.twin.vehicle_state import BEGIN_NS, SECTION, StateAsked, VehicleState, collisions, judged_body, twin_key

S = 1_000_000_000
ASKED = StateAsked(("Motion.Odometer", "Body.Door"), 60 * S)
LONG = "Vehicle.Powertrain.CombustionEngine.DieselParticulateFilter.InletTemperature"


def value(name: str, number: float, second: float) -> LatestValue:
    return LatestValue(name, number, "", round(second * S))


def due(reported: Reported, second: float = 0.0) -> Any:
    patch = reported.due(round(second * S))
    reported.answered(taken=True)
    return None if patch is None else json.loads(patch)[SECTION]


def asked(body: dict[str, Any] | None = None) -> tuple[Reported, VehicleState]:
    reported = Reported()
    state = VehicleState(reported, body or {})
    state.follow(ASKED)
    state.feed(list, 0)
    return reported, state


def test_the_last_values_of_the_asked_signals_are_said_and_no_others() -> None:
    reported, state = asked()

    state.feed(lambda: [value("Motion.Odometer", 12.5, 3), value("Motion.Speed", 50.0, 3)], 3 * S)

    assert due(reported) == {"Motion/Odometer": {"v": 12.5, "t_ms": 3000}}


def test_what_did_not_change_is_not_said_again_and_keeps_its_time() -> None:
    reported, state = asked()
    state.feed(lambda: [value("Motion.Odometer", 12.5, 3), value("Body.Door", 0.0, 3)], 3 * S)
    due(reported)

    state.feed(lambda: [value("Motion.Odometer", 12.5, 70), value("Body.Door", 1.0, 70)], 70 * S)

    assert due(reported, 70) == {"Body/Door": {"v": 1.0, "t_ms": 70_000}}
    assert state.body["Motion/Odometer"] == {"v": 12.5, "t_ms": 3000}


def test_a_change_waits_until_it_may_be_said_again() -> None:
    _, state = asked()
    state.feed(lambda: [value("Body.Door", 0.0, 3)], 3 * S)

    state.feed(lambda: [value("Body.Door", 1.0, 62)], 62 * S)
    assert state.body == {"Body/Door": {"v": 0.0, "t_ms": 3000}}

    state.feed(lambda: [value("Body.Door", 1.0, 62)], 63 * S)
    assert state.body == {"Body/Door": {"v": 1.0, "t_ms": 62_000}}


def test_the_first_look_waits_until_most_signals_have_come() -> None:
    _, state = asked()

    state.feed(lambda: [value("Body.Door", 0.0, 0)], BEGIN_NS - 1)
    assert state.body == {}

    state.feed(lambda: [value("Body.Door", 0.0, 0), value("Motion.Odometer", 7.0, 1)], BEGIN_NS)
    assert state.body.keys() == {"Body/Door", "Motion/Odometer"}


def test_at_the_end_it_is_said_how_the_vehicle_was_left() -> None:
    reported, state = asked()
    state.feed(lambda: [value("Body.Door", 0.0, 3)], 3 * S)
    due(reported)

    state.look([value("Body.Door", 1.0, 4)])

    patch = reported.due(4 * S, last=True)
    assert json.loads(patch or "{}") == {SECTION: {"Body/Door": {"v": 1.0, "t_ms": 4000}}}


def test_what_an_earlier_start_knew_is_said_at_once_and_on_each_connection() -> None:
    kept = {"Motion/Odometer": {"v": 99, "t_ms": 5}}
    reported = Reported()
    VehicleState(reported, kept)
    reported.connected({SECTION: kept})
    assert due(reported) == kept

    reported.connected({SECTION: kept})
    assert due(reported) == kept


def test_a_signal_that_is_no_longer_asked_is_taken_from_the_twin() -> None:
    reported, state = asked({"Motion/Odometer": {"v": 99, "t_ms": 5}, "Body/Door": {"v": 1, "t_ms": 5}})
    reported.connected({})
    due(reported)

    state.follow(StateAsked(("Body.Door",), S))

    assert state.body == {"Body/Door": {"v": 1, "t_ms": 5}}
    assert due(reported, 10) == {"Motion/Odometer": None}


def test_nothing_is_said_where_nothing_is_asked() -> None:
    reported = Reported()
    state = VehicleState(reported, {})
    state.follow(StateAsked())

    state.feed(lambda: [value("Body.Door", 1.0, 1)], S)

    assert reported.due(0) is None


def test_what_json_cannot_say_leaves_the_value_before() -> None:
    _, state = asked({"Body/Door": {"v": 1, "t_ms": 5}})

    state.feed(lambda: [value("Body.Door", math.nan, 1)], 9 * S)

    assert state.body == {"Body/Door": {"v": 1, "t_ms": 5}}


def test_names_that_only_differ_before_the_end_a_key_has_collide() -> None:
    assert collisions(["A.B", "A.C", LONG]) == ()
    assert collisions([f"Left.{LONG}", f"Right.{LONG}"]) == (f"Right.{LONG}",)


@given(st.text(st.characters(categories=["L", "Nd"], include_characters="._@"), min_size=1, max_size=200))
def test_a_hub_takes_every_key(name: str) -> None:
    parse_patch(json.dumps({SECTION: {twin_key(name): {"v": 1, "t_ms": 1}}}))
    assert len(twin_key(name)) <= 64


def test_of_what_was_kept_only_what_is_a_value_counts() -> None:
    good = {"v": 1.5, "t_ms": 7}

    assert judged_body([1]) == {}
    assert judged_body({"a": good, "b": {"v": "x", "t_ms": 1}, "c": 1, "d": {"v": math.nan, "t_ms": 1}}) == {"a": good}
