import json

import pytest

from edge_agent.observe.log_level import LEVELS, LogLevel
from edge_agent.observe.logs import LEVELS as KNOWN
from edge_agent.twin.reported import Reported
from tests.acquire.told import Told


class Scene:
    """Notes in which order things are told and heard."""

    def __init__(self, runtime_level: str = "info") -> None:
        self.reported, self.log = Reported(), Told()
        self.heard: list[tuple[str, int]] = []
        self.level = LogLevel(runtime_level, self.reported, self.log, self._hear)

    def _hear(self, level: str) -> None:
        self.heard.append((level, len(self.log.lines)))

    def says(self) -> object:
        return json.loads(self.reported.due(0, last=True) or "{}")["log_level"]


def test_before_any_document_the_environment_says() -> None:
    scene = Scene("warning")

    assert scene.says() == {"level": "warning", "said_by": "environment"}
    assert scene.heard == []


def test_the_twin_goes_before_the_environment_until_it_says_nothing() -> None:
    scene = Scene("info")
    scene.level.follow("debug")
    assert scene.says() == {"level": "debug", "said_by": "twin"}
    scene.level.follow(None)

    assert [level for level, _ in scene.heard] == ["debug", "info"]
    assert json.loads(json.dumps(scene.log.fields("app.log_level_changed"))) == [
        {"to": "debug", "said_by": "twin"},
        {"to": "info", "said_by": "environment"},
    ]


@pytest.mark.parametrize(("to", "before"), [("debug", 0), ("error", 1)])
def test_a_change_is_told_while_more_is_heard(to: str, before: int) -> None:
    scene = Scene("info")
    scene.level.follow(to)

    assert scene.heard == [(to, before)]
    assert len(scene.log.lines) == 1


def test_a_document_that_changes_nothing_of_it_tells_nothing() -> None:
    scene = Scene("info")
    scene.level.follow(None)
    scene.level.follow("info")

    assert (scene.heard, scene.log.lines) == ([], [])
    assert scene.says() == {"level": "info", "said_by": "twin"}


def test_the_words_are_iot_edges_in_the_order_of_what_they_let_through() -> None:
    assert list(LEVELS) == list(KNOWN)
    numbers = [KNOWN[word] for word in LEVELS]
    assert numbers == sorted(numbers, reverse=True)
