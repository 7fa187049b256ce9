from pathlib import Path
from typing import Any

import pytest

from edge_agent.desk.manifest_judge import deployment_faults, limit_faults
from edge_agent.desk.manifest_template import split
from tests.desk.manifests import Change, agent, deployed, hub, telematics, template, twin


def faults(folder: Path, *changes: Change) -> list[str]:
    return [f"{place[-1]}: {message}" for place, message in deployment_faults(deployed(folder, *changes).manifest)]


def limits(*changes: Change) -> list[str]:
    return [str(fault) for fault in limit_faults(split(template(*changes)))]


def nested(levels: int) -> dict[str, Any]:
    return {"x": nested(levels - 1) if levels > 1 else 1}


def test_the_projects_own_deployment_is_within_the_limits_and_has_no_fault(tmp_path: Path) -> None:
    assert limits() == []
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: twin(d).update(x="é" * 2049), "telematics.properties.desired.x: a text longer than 4096 bytes"),
        (lambda d: twin(d).update(x="x" * 4096), ""),
        (lambda d: twin(d).update(nested(11)), "telematics.properties.desired.x.x.x.x.x.x.x.x.x.x: nested deeper"),
        (lambda d: twin(d).update(nested(10)), ""),
        (lambda d: twin(d).update(x=2**52), "telematics.properties.desired.x: an integer beyond 2^52"),
        (lambda d: twin(d).update(x=[None]), "telematics.properties.desired.x[0]: null inside an array"),
        (lambda d: twin(d).update({"a b": 1}), "telematics.properties.desired: the name 'a b'"),
        (lambda d: hub(d)["routes"].update({"a.b": ""}), "$edgeHub.properties.desired.routes: the name 'a.b'"),
        (
            lambda d: agent(d).update({f"x{number}": "x" * 4000 for number in range(9)}),
            "$edgeAgent.properties.desired: the properties",
        ),
    ],
)
def test_what_a_twin_does_not_hold_is_named(change: Change, fault: str) -> None:
    found = [one.removeprefix("modulesContent.") for one in limits(change)]
    if "the properties" in fault:
        assert found[0].startswith("$edgeAgent.properties.desired: the patch: 38")
    else:
        assert [one[: len(fault)] for one in found] == ([fault] if fault else [])


def test_options_count_as_the_texts_that_a_twin_holds(tmp_path: Path) -> None:
    labels = {f"label{number}": "x" * 100 for number in range(100)}

    def label(document: dict[str, Any]) -> None:
        telematics(document)["settings"]["createOptions"]["Labels"] = labels

    deployment = deployed(tmp_path, label)
    assert list(limit_faults(split(deployment.document))) == []
    assert '"createOptions20"' in deployment.text()


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("FROM /messages/* INTO $upstream", ""),
        ('FROM /* INTO BrokeredEndpoint("/modules/telematics/inputs/a")', ""),
        ('FROM /* INTO BrokeredEndpoint("/modules/cabin/inputs/a")', "names module 'cabin', which is not deployed"),
        ("FROM /messages/modules/cabin/* INTO $upstream", "names module 'cabin', which is not deployed"),
        ("FROM /messages/modules/cabin INTO $upstream", "its source is none"),
        ("FROM /* WHERE lane INTO $upstream", "its condition can only compare"),
    ],
)
def test_a_route_is_read_as_edge_hub_reads_it_and_names_modules_that_are_deployed(
    route: str, fault: str, tmp_path: Path
) -> None:
    found = faults(tmp_path, lambda d: hub(d)["routes"].update(other=route))
    assert [one.removeprefix("route: ")[: len(fault)] for one in found] == ([fault] if fault else [])


def test_older_schemas_are_taken_where_nothing_of_newer_ones_is_used(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        lambda d: agent(d).update(schemaVersion="1.0"),
        lambda d: telematics(d).pop("startupOrder"),
        lambda d: hub(d).update(schemaVersion="1.0", routes={"all": "FROM /messages/* INTO $upstream"}),
    ) == []  # fmt: skip
