"""Which variables are missing is said by name."""

import pytest

from edge_agent.uplink.edge_environment import DESK, WORKLOAD, judge_environment


@pytest.mark.parametrize("names", [WORKLOAD, DESK, (*WORKLOAD, *DESK)])
def test_either_set_is_enough(names: tuple[str, ...]) -> None:
    assert judge_environment(dict.fromkeys(names, "x")) == ()


@pytest.mark.parametrize("missing", [*WORKLOAD, *DESK])
def test_the_one_that_is_missing_is_named(missing: str) -> None:
    names = WORKLOAD if missing in WORKLOAD else DESK
    [fault] = judge_environment({name: "x" for name in names if name != missing})
    assert str(fault) == f"{missing}: must be set too, as IoT Edge's other variables are"


def test_a_desk_set_is_taken_where_the_other_is_not_whole() -> None:
    assert judge_environment(dict.fromkeys((*WORKLOAD[1:], *DESK), "x")) == ()


def test_outside_of_iot_edge_both_sets_are_named_in_one_sentence_with_what_gives_one_at_a_desk() -> None:
    [fault] = judge_environment({"HOME": "/"})
    assert all(name in str(fault) for name in (*WORKLOAD, *DESK))
    assert "edge-agent hub --env-file hub.env" in str(fault)
