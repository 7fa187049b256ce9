"""What is reported when, and that the hub ends up with what was said, whatever became of the reports on the way."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.twin.desired import merged
from edge_agent.twin.reported import EVERY_NS, SOON_NS, Reported

S = 1_000_000_000


def due(reported: Reported, second: float, **how: bool) -> Any:
    patch = reported.due(round(second * S), **how)
    return None if patch is None else json.loads(patch)


def connected(**sections: Any) -> Reported:
    """With a hub that has these and was told so."""
    reported = Reported()
    for section, body in sections.items():
        reported.say(section, body)
    reported.connected({})
    if reported.due(0) is not None:
        reported.answered(taken=True)
    return reported


def test_what_was_said_is_due_as_soon_as_there_is_a_connection() -> None:
    reported = Reported()
    reported.say("health", {"can0": {"seen": 1}})
    reported.connected({})

    assert due(reported, 0) == {"health": {"can0": {"seen": 1}}}


def test_what_is_first_said_on_a_connection_is_due_at_once() -> None:
    reported = connected()
    assert due(reported, 5) is None

    reported.say("health", {"can0": {"seen": 1}})

    assert due(reported, 5) == {"health": {"can0": {"seen": 1}}}


def test_only_what_changed_is_due_once_a_minute() -> None:
    reported = connected(health={"can0": {"seen": 1, "unknown": 0}, "can1": {"seen": 5}}, spool={"depth": 0})
    reported.say("health", {"can0": {"seen": 2, "unknown": 0}, "can1": {"seen": 5}})
    reported.say("health", {"can0": {"seen": 3, "unknown": 0}, "can1": {"seen": 5}})

    assert due(reported, 59.9) is None
    assert due(reported, 60) == {"health": {"can0": {"seen": 3}}}
    reported.answered(taken=True)
    assert due(reported, 200) is None


def test_what_is_needed_soon_is_due_at_once_and_at_most_every_five_seconds() -> None:
    reported = connected(health={"can0": {"state": "error_active"}})
    reported.say("health", {"can0": {"state": "bus_off"}}, soon=True)
    assert due(reported, 4.9) is None
    assert due(reported, 5) == {"health": {"can0": {"state": "bus_off"}}}
    reported.answered(taken=True)

    reported.say("health", {"can0": {"state": "error_active"}}, soon=True)
    assert due(reported, 9.9) is None
    assert due(reported, 10) == {"health": {"can0": {"state": "error_active"}}}
    reported.answered(taken=True)

    reported.say("health", {"can0": {"state": "error_active", "seen": 2}})
    assert due(reported, 69.9) is None
    assert due(reported, 70) is not None


def test_nothing_is_due_until_the_answer_has_come() -> None:
    reported = connected(a={"n": 1})
    reported.say("a", {"n": 2})
    assert due(reported, 60) is not None
    reported.say("a", {"n": 3})

    assert due(reported, 300) is None
    reported.answered(taken=True)
    assert due(reported, 300) == {"a": {"n": 3}}


def test_what_the_hub_refused_is_due_again_a_minute_later() -> None:
    reported = connected(a={"n": 1})
    reported.say("a", {"n": 2})
    assert due(reported, 60) == {"a": {"n": 2}}
    reported.answered(taken=False)

    assert due(reported, 100) is None
    assert due(reported, 120) == {"a": {"n": 2}}


def test_a_new_connection_is_told_everything_at_once_and_to_forget_what_is_no_more() -> None:
    reported = connected(health={"can0": {"seen": 1}})
    reported.say("health", {"can0": {"seen": 1}, "can1": {"seen": 2}})
    reported.due(60 * S)  # on its way when the connection went

    reported.connected({"config": {"version": 3}, "health": {"can0": {"seen": 1, "state": "bus_off"}, "can7": {}}})

    assert due(reported, 61) == {"health": {"can0": {"seen": 1, "state": None}, "can1": {"seen": 2}, "can7": None}}
    reported.answered(taken=True)
    assert due(reported, 1000) is None


def test_a_section_that_is_no_object_at_the_hub_is_replaced() -> None:
    reported = connected(health={"can0": {}})
    reported.connected({"health": "well"})

    assert due(reported, 0) == {"health": {"can0": {}}}


def test_the_last_report_has_all_there_is_whatever_the_time() -> None:
    reported = connected(a={"n": 1})
    assert due(reported, 1, last=True) is None
    reported.say("a", {"n": 2})

    assert due(reported, 2) is None
    assert due(reported, 2, last=True) == {"a": {"n": 2}}


BODIES = st.recursive(
    st.integers(0, 2) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("xyz"), BODIES, max_size=3)
ACTS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(["a", "b"]), OBJECTS),
    st.tuples(st.just("pass"), st.sampled_from([1, 5, 60]), st.none()),
    st.tuples(st.sampled_from(["report", "refuse", "lose"]), st.none(), st.none()),
    st.tuples(st.just("connect"), st.none(), st.none()),
)


@given(st.lists(ACTS, max_size=25))
def test_the_hub_ends_with_what_was_said(acts: list[tuple[str, Any, Any]]) -> None:
    reported, hub, now_ns = Reported(), dict[str, Any](), 0
    said: dict[str, Any] = {}
    reported.connected(hub)
    for act, one, two in acts:
        match act:
            case "say":
                reported.say(one, two)
                said[one] = two
            case "pass":
                now_ns += one * S
            case "connect":
                reported.connected(hub)
            case _:
                patch = reported.due(now_ns)
                if patch is None:
                    continue
                # An answer that was lost with its connection: the hub has the patch, or not.
                if act in {"report", "lose"}:
                    hub = merged(hub, json.loads(patch))
                if act == "lose":
                    reported.connected(hub)
                else:
                    reported.answered(taken=act == "report")
    for _ in range(2):
        now_ns += EVERY_NS + SOON_NS
        patch = reported.due(now_ns)
        hub = merged(hub, json.loads(patch or "{}"))
        reported.answered(taken=True)
    assert hub == said
