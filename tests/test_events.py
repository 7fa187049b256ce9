import inspect
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

import pytest
import structlog

from edge_agent import events
from edge_agent.errors import Fault
from edge_agent.records import Batch, BusCounts, BusHealth, BusState, EnvelopeKey, LostRange
from tests.acquire.told import Told
from tests.spool.batches import SPEED, batch, column

STAGES = ("app", "acquire", "decode", "policy", "spool", "tap", "uplink", "twin")
EVENTS: list[Callable[..., None]] = [
    function for _, function in inspect.getmembers(events, inspect.isfunction) if function.__module__ == events.__name__
]
EXAMPLES: dict[Any, list[object]] = {
    str: ["text"],
    int: [0, 1],
    float: [1.23456],
    bool: [False, True],
    int | None: [None, 3],
    Sequence[int]: [[1, 2, 7], [4]],
    Sequence[str]: [["one", "two", "three", "four"], []],
    Sequence[Fault]: [[Fault("rules.idle", "must be given")]],
    Sequence[LostRange]: [[LostRange(1, 2, 4, "cap"), LostRange(1, 7, 7, "cap")]],
    BusCounts: [BusCounts(), BusCounts(seen=3, decoded=2, unknown=1)],
    BusHealth: [BusHealth(), BusHealth(BusState.OFF, 31.5, (0x7FF,), ("Motion",), ("Motion.Speed",))],
    EnvelopeKey: [EnvelopeKey(1, 2)],
    Batch: [batch(column(SPEED, (0, 1)))],
}


def calls(function: Callable[..., None]) -> list[dict[str, object]]:
    """Arguments for two calls, which differ wherever a type has more than one example."""
    hints = get_type_hints(function)
    names = [name for name in inspect.signature(function).parameters if name != "log"]
    return [{name: EXAMPLES[hints[name]][which % len(EXAMPLES[hints[name]])] for name in names} for which in range(2)]


def lines(function: Callable[..., None]) -> list[tuple[str, str, dict[str, object]]]:
    told = Told()
    for arguments in calls(function):
        function(told, **arguments)
    return told.lines


@pytest.mark.parametrize("function", EVENTS, ids=lambda function: function.__name__)
def test_an_event_is_one_line_with_a_constant_name_that_renders(function: Callable[..., None]) -> None:
    first, second = lines(function)

    assert first[1] == second[1]
    assert re.fullmatch(rf"({'|'.join(STAGES)})\.[a-z]+(_[a-z]+)*", first[1])
    for arguments in calls(function):
        function(structlog.get_logger(), **arguments)
    for _, _, fields in (first, second):
        assert json.loads(json.dumps(fields, allow_nan=False)) == fields


@pytest.mark.parametrize("function", EVENTS, ids=lambda function: function.__name__)
def test_an_error_says_how_much_was_lost_and_why(function: Callable[..., None]) -> None:
    for level, _, fields in lines(function):
        if level == "error":
            assert isinstance(fields["count"], int)
            assert fields["reason"]


def test_no_two_events_share_a_name() -> None:
    names = [lines(function)[0][1] for function in EVENTS]

    assert len(set(names)) == len(names) > 30


@pytest.mark.parametrize("tell", [events.bus_lost, events.link_down, events.state_not_kept])
def test_only_the_first_failure_of_a_spell_is_a_warning(tell: Callable[..., None]) -> None:
    assert [level for level, _, _ in lines(tell)] == ["warning", "debug"]


def test_a_drain_that_lost_nothing_is_no_error() -> None:
    assert [level for level, _, _ in lines(events.drain_timed_out)] == ["warning", "error"]


def test_only_the_first_failure_of_a_spell_to_wipe_is_an_error() -> None:
    assert [level for level, _, _ in lines(events.consent_not_kept)] == ["error", "debug"]


def test_lost_batches_are_counted_over_their_ranges() -> None:
    [(_, _, fields), _] = lines(events.batches_lost)

    assert fields == {"count": 4, "reason": "cap", "ranges": ["1/2-4", "1/7-7"]}


@pytest.mark.parametrize(("why", "level"), [("cap", "error"), ("expired", "info"), ("thinned", "info")])
def test_what_a_rule_asked_to_give_up_is_no_error(why: str, level: str) -> None:
    told = Told()

    events.batches_lost(told, [LostRange(1, 2, 4, why)])

    assert [line[0] for line in told.lines] == [level]


def test_a_database_tells_its_first_remarks_and_counts_all() -> None:
    [(_, _, some), (_, _, none)] = lines(events.database_loaded)

    assert (some["remarks"], some["first_remarks"]) == (4, ["one", "two", "three"])
    assert "remarks" not in none
