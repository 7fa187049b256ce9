import math

import pytest

from edge_agent.errors import MethodRefused
from edge_agent.methods import MAX_PATTERNS, latest_values
from edge_agent.tap.latest import LatestValue

RPM = LatestValue("Engine.Rpm", 800.0, "1/min", 1_500_000_000)
SPEED = LatestValue("Motion.Speed", math.nan, "km/h", 2_000_000)
BRACKETS = LatestValue("M[1].S", 1.0, "", 0)
VALUES = [RPM, SPEED, BRACKETS]


@pytest.mark.parametrize("payload", [None, {}])
def test_without_names_the_last_value_of_every_signal_is_told(payload: object) -> None:
    assert latest_values(payload, VALUES) == {
        "Engine.Rpm": {"value": 800.0, "unit": "1/min", "t_ms": 1500},
        "Motion.Speed": {"value": None, "unit": "km/h", "t_ms": 2},
        "M[1].S": {"value": 1.0, "unit": "", "t_ms": 0},
    }


@pytest.mark.parametrize(
    ("signals", "names"),
    [
        (["Engine.Rpm"], ["Engine.Rpm"]),
        (["Motion.*", "Engine.Rpm"], ["Engine.Rpm", "Motion.Speed"]),
        (["Engine.R?m", "Gone.*"], ["Engine.Rpm"]),
        (["engine.rpm", "Engine"], []),
        (["M[1].S"], ["M[1].S"]),
        (["x"] * MAX_PATTERNS, []),
    ],
)
def test_names_and_globs_choose_among_the_signals(signals: list[str], names: list[str]) -> None:
    assert list(latest_values({"signals": signals}, VALUES)) == names


@pytest.mark.parametrize(
    "payload",
    [
        7,
        0,
        False,
        "",
        [],
        ["Engine.Rpm"],
        {"signal": ["Engine.Rpm"]},
        {"signals": "Engine.Rpm"},
        {"signals": []},
        {"signals": ["Engine.Rpm", 7]},
        {"signals": [""]},
        {"signals": ["Engine.Rpm"], "max": 1},
        {"signals": ["x"] * (MAX_PATTERNS + 1)},
    ],
)
def test_a_payload_of_another_form_is_refused_with_the_form_it_should_have(payload: object) -> None:
    with pytest.raises(
        MethodRefused, match=r'null, or \{"signals": \[\.\.\.\]\} with 1 to 256 names or globs'
    ) as refusal:
        latest_values(payload, VALUES)

    assert refusal.value.status == 400
