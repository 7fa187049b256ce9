import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge_agent.desk.twin_answer import ANSWER_WITHIN_S, LOOK_S, judged_by_module
from edge_agent.errors import DocumentRefused
from edge_agent.localhub.admin_client import AdminClient, HubStatus
from edge_agent.localhub.identities import ModuleId

MODULE = ModuleId("demo-vehicle", "telematics")
BEFORE = {"version": 1, "running_version": 1, "status": "applied", "errors": []}
APPLIED = {"version": 2, "running_version": 2, "status": "applied", "errors": []}
REFUSED = {
    "version": 2,
    "running_version": 1,
    "status": "refused",
    "errors": [{"loc": "rules.a.signals[0]", "msg": "no signal 'x'"}, {"loc": "rules.b", "msg": "must be given"}],
}


def twin(config: object) -> str:
    return json.dumps({"desired": {"$version": 2}, "reported": {"config": config} if config else {}})


class Hub(AdminClient):
    """Shows one configuration after the other as reported; time passes only as it is slept."""

    def __init__(self, *configs: object, connected: Sequence[ModuleId] = (MODULE,)) -> None:
        super().__init__(Path("none"))
        self.configs = list(configs)
        self.slept_s = 0.0
        self._connected = frozenset(connected)

    def status(self) -> HubStatus:
        return HubStatus(self._connected, 0, 0, ())

    def twin(self, device: str, module: str) -> str:
        assert (device, module) == MODULE
        return twin(self.configs.pop(0) if len(self.configs) > 1 else self.configs[0])

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def judge(self, config: object) -> str:
        return judged_by_module(self, MODULE, twin(config), now_s=lambda: self.slept_s, sleep=self.sleep)


def test_the_twin_is_shown_once_the_module_has_said_that_it_takes_it() -> None:
    hub = Hub(BEFORE, BEFORE, APPLIED)

    assert hub.judge(BEFORE) == twin(APPLIED)
    assert hub.slept_s == pytest.approx(3 * LOOK_S)


def test_a_refusal_is_told_with_every_place_and_what_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DocumentRefused) as refused:
        Hub(BEFORE, REFUSED).judge(BEFORE)

    assert str(refused.value) == "rules.a.signals[0]: no signal 'x'; rules.b: must be given"
    assert capsys.readouterr().err == "demo-vehicle/telematics refuses version 2, version 1 goes on\n"


def test_where_the_first_document_is_refused_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DocumentRefused):
        Hub({**REFUSED, "running_version": 0}).judge({**BEFORE, "running_version": 0})

    assert "refuses version 2, nothing runs" in capsys.readouterr().err


def test_a_module_that_says_nothing_is_waited_for_with_a_word_and_not_for_ever(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub = Hub(BEFORE)

    assert hub.judge(BEFORE) == twin(BEFORE)
    assert hub.slept_s == pytest.approx(ANSWER_WITHIN_S, abs=2 * LOOK_S)
    assert capsys.readouterr().err.splitlines() == [
        "waiting for what demo-vehicle/telematics says of version 2",
        "demo-vehicle/telematics has said nothing of version 2 within 5 s",
    ]


@pytest.mark.parametrize("config", [None, "applied", {"version": "2"}])
def test_a_module_that_reports_no_configuration_is_not_waited_for(config: object) -> None:
    hub = Hub(APPLIED)

    assert (hub.judge(config), hub.slept_s) == (twin(config), 0)


def test_a_module_that_is_away_is_not_waited_for() -> None:
    hub = Hub(APPLIED, connected=[ModuleId("demo-vehicle", "cabin")])

    assert (hub.judge(BEFORE), hub.slept_s) == (twin(BEFORE), 0)
