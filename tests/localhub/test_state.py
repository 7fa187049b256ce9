from pathlib import Path

import pytest

from edge_agent.errors import BadSettings
from edge_agent.localhub.identities import ModuleId
from edge_agent.localhub.state import State
from edge_agent.localhub.twins import Twin

AGENT, CABIN = ModuleId("v1", "agent"), ModuleId("v1", "cabin")


def test_a_new_state_knows_nothing_of_a_module(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json")
    assert state.twin(AGENT) == Twin()
    assert state.filters(AGENT) is None


def test_what_was_kept_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    twin = Twin().with_desired({"a": {"b": [1, "ü"]}}).with_reported({"c": 1.5})
    state = State(path)
    state.keep_twin(AGENT, twin)
    state.keep_filters(AGENT, frozenset({"x/#"}))
    state.keep_filters(CABIN, frozenset())
    state.keep_model_id(CABIN, "dtmi:com:example:cabin;1")
    again = State(path)
    assert again.twin(AGENT) == twin
    assert again.filters(AGENT) == frozenset({"x/#"})
    assert again.filters(CABIN) == frozenset()
    assert again.twin(CABIN) == Twin()
    assert (again.model_id(AGENT), again.model_id(CABIN)) == ("", "dtmi:com:example:cabin;1")


def test_a_forgotten_session_is_told_from_an_empty_one(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json")
    state.keep_filters(AGENT, frozenset({"x"}))
    state.keep_filters(AGENT, None)
    assert State(tmp_path / "state.json").filters(AGENT) is None


@pytest.mark.parametrize("text", ["", "{}", '{"modules": [{"device": "d"}]}', '{"modules": [7]}'])
def test_a_file_that_is_no_state_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(BadSettings, match=r"state\.json: not the state of a hub"):
        State(tmp_path / "state.json")
