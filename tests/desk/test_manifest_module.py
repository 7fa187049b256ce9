import json
from pathlib import Path

import pytest

from edge_agent.decode.catalog import Catalog
from edge_agent.desk.manifest_module import module_faults, twin_faults
from tests.desk.manifests import Change, agent, deployed, hub, options, telematics, twin


def faults(folder: Path, *changes: Change) -> list[str]:
    found = module_faults(deployed(folder, *changes).manifest, "telematics")
    return [f"{place[-1]}: {message}" for place, message in found]


def setting(name: str, value: str) -> Change:
    return lambda document: telematics(document)["env"].update({name: {"value": value}})


def buses(**fields: object) -> Change:
    return setting("BUSES", json.dumps([{"name": "car", "channel": "can0", **fields}]))


def bridged(document: dict[str, object]) -> None:
    options(document)["HostConfig"].pop("NetworkMode")
    options(document).pop("NetworkingConfig")


def unpublished(document: dict[str, object]) -> None:
    agent(document)["systemModules"]["edgeHub"]["settings"]["createOptions"]["HostConfig"].pop("PortBindings")


def routes(*texts: str) -> Change:
    return lambda document: hub(document).update(routes={f"r{number}": text for number, text in enumerate(texts)})


def test_the_projects_own_module_has_no_fault(tmp_path: Path) -> None:
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    "changes",
    [
        (bridged, buses(interface="slcan", channel="/dev/ttyUSB0"), unpublished),
        (bridged, setting("REPLAY_LOG", "/etc/edge-agent/drive.log")),
        (setting("UPLINK", "hub"), unpublished),
        (setting("BUSES", "/etc/edge-agent/buses.json"),),
        (setting("TZ", "Europe/Berlin"), setting("HTTPS_PROXY", "http://proxy.example")),
        (setting("metrics_port", "0"),),
        (setting("SPOOL_ENCRYPTION", "workload"),),
        (lambda d: options(d)["HostConfig"].update(Binds=["spool:/var/lib"]),),
        (lambda d: options(d)["HostConfig"].pop("Binds"), lambda d: options(d).update(Volumes={"/var/lib": {}})),
        (routes("FROM /messages/* INTO $upstream"),),
        (routes("FROM /messages/modules/telematics/* WHERE lane != 'idle' AND rule = 'trip' INTO $upstream"),),
    ],
)
def test_what_does_its_work_is_no_fault(changes: tuple[Change, ...], tmp_path: Path) -> None:
    assert faults(tmp_path, *changes) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ((bridged,), "NetworkMode: must be 'host'"),
        ((bridged, setting("BUSES", "/etc/buses.json"), lambda d: options(d).update(
            NetworkingConfig={"EndpointsConfig": {"host": {}}})), "NetworkMode: must be 'host'"),
        ((unpublished,), "8883/tcp: must be published at 8883"),
        ((setting("DATA_FOLDER", "/data"),), "Binds: must have a folder of the host for /data"),
        ((setting("DATA_FOLDER", "/etc/edge-agent/data"),), "Binds: must not have /etc/edge-agent/data read-only"),
        ((setting("SPOOL_ENCRYPTION", "file"),), "value: the file of the key is missing"),
        ((setting("METRIC_PORT", "1"),), "METRIC_PORT: there is no such setting; nearest: METRICS_PORT"),
        ((setting("EdgeHubConnectionString", "x"),), "EdgeHubConnectionString: is IoT Edge's own to set"),
        ((routes("FROM /messages/modules/telematics/outputs/telemetry WHERE lane = 'hot' INTO $upstream"),),
         "routes: none takes lane 'warm'"),
        ((routes("FROM /messages/* WHERE lane != 'hot' INTO $upstream"),), "routes: none takes lane 'hot'"),
    ],
)  # fmt: skip
def test_what_would_start_and_not_do_its_work_is_a_fault(
    changes: tuple[Change, ...], told: str, tmp_path: Path
) -> None:
    found = faults(tmp_path, *changes)
    assert [one[: len(told)] for one in found] == [told]


def test_a_fault_of_the_environment_names_the_variable(tmp_path: Path) -> None:
    assert faults(tmp_path, setting("DRAIN_S", "0")) == ["value: must be > 0"]
    assert faults(tmp_path, lambda d: telematics(d)["env"].pop("BUSES")) == ["BUSES: must be given"]


def test_this_processs_own_environment_is_nothing_to_a_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUSES", "[]")
    monkeypatch.setenv("METRICS_PORT", "none")
    assert faults(tmp_path, lambda d: telematics(d)["env"].pop("METRICS_PORT")) == []
    monkeypatch.setenv("BUSES", '[{"name": "a", "channel": "can0"}]')
    assert faults(tmp_path, lambda d: telematics(d)["env"].pop("BUSES")) == ["BUSES: must be given"]


def test_a_twin_is_judged_as_the_module_judges_it(tmp_path: Path) -> None:
    manifest = deployed(tmp_path, lambda d: twin(d)["rules"]["trip"].update(every_ms=1, priority=10)).manifest
    found = twin_faults(manifest, "telematics", Catalog([], complete=False))
    place = "modulesContent.telematics.properties.desired.rules.trip"
    assert sorted(fault.loc for fault in found) == [f"{place}.every_ms", f"{place}.priority"]


def test_a_deployment_may_leave_the_twin_as_it_is(tmp_path: Path) -> None:
    manifest = deployed(tmp_path, lambda d: d["modulesContent"].pop("telematics")).manifest
    assert list(twin_faults(manifest, "telematics", Catalog([], complete=False))) == []
